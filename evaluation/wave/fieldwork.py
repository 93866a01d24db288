"""What goes into the field: the questionnaire, and the empty files of respondents and targets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluation.check.report import Problem, problem
from evaluation.errors import ReturnFileError, WorkspaceError
from evaluation.instrument import Instrument, wording_hash
from evaluation.programme import Outcome, Programme, load_outcomes
from evaluation.wave.respondents import Table
from evaluation.workspace import packaged_schemas, write_whole

QUESTIONNAIRE = ("order", "outcome", "column", "question", "answers", "licence")
ABOUT = ("area_code", "household", "weight", "age", "age_band", "sex", "tenure", "mode")
TARGETS = ("area_code", "variable", "category", "people")
BANDS = ("16-24", "25-34", "35-49", "50-64", "65+")


def items(programme: Programme) -> tuple[Outcome, ...]:
    """The programme's survey outcomes in the order in which they are asked.

    A programme that declares none is offered those of the shared catalogue that may be printed.
    """
    own = [outcome for outcome in programme.outcomes if outcome.survey]
    if not own:
        catalogue = load_outcomes(packaged_schemas() / "outcomes")
        own = [one for one in catalogue if one.survey is not None and one.survey.printed]
    return tuple(sorted(own, key=lambda one: one.survey.order if one.survey else 0))


def respondents_template(outcomes: Sequence[Outcome]) -> str:
    """The headings of a file of respondents."""
    columns = [name for outcome in outcomes for name in outcome.respondent_columns]
    return _text([[*ABOUT, *columns]])


def targets_template(programme: Programme) -> str:
    """The rows of targets that somebody has to fill in: each measured area by age, sex, tenure."""
    groups = {
        "age_band": BANDS,
        "sex": ("female", "male"),
        "tenure": ("owner", "social rent", "private rent"),
    }
    rows: list[list[str | int]] = [list(TARGETS)]
    for area in programme.areas:
        if area.role != "excluded":
            rows += [
                [area.code, variable, category, ""]
                for variable, categories in groups.items()
                for category in categories
            ]
    return _text(rows)


def questionnaire(outcomes: Sequence[Outcome]) -> str:
    """What is asked, in order, where it may be printed; else where it is found."""
    rows: list[list[str | int]] = [list(QUESTIONNAIRE)]
    for outcome in outcomes:
        if outcome.survey is not None:
            rows += list(_questions(outcome, outcome.survey))
    return _text(rows)


def _questions(outcome: Outcome, asked: Instrument) -> Iterator[list[str | int]]:
    among = "; ".join(f"{one.code} {one.label}" for one in asked.answers)
    among = among or f"{asked.lowest} to {asked.highest}"
    for place, column in enumerate(outcome.respondent_columns):
        # Items of one instrument that may not be printed are asked from the owner's own form.
        words = asked.wording[place] if place < len(asked.wording) else f"see {asked.wording_at}"
        yield [asked.order, outcome.code, column, words, among, asked.licence]


def _text(rows: Sequence[Sequence[str | int]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def write_templates(
    programme: Programme,
    respondents: Path,
    *,
    targets: Path | None = None,
    questions: Path | None = None,
) -> None:
    """Write what fieldwork fills in.

    Raises
    ------
    WorkspaceError : no outcome has anything to be asked.
    """
    asked = items(programme)
    if not asked:
        raise WorkspaceError(
            f"{programme.name} asks nobody anything: no outcome declares an instrument.",
            mend="name outcomes such as life_satisfaction in programme.yaml",
        )
    write_whole(respondents, respondents_template(asked))
    if targets is not None:
        write_whole(targets, targets_template(programme))
    if questions is not None:
        write_whole(questions, questionnaire(asked))


def changed_wording(file: Path, outcomes: Sequence[Outcome]) -> list[Problem]:
    """Every item that was asked in other words than its outcome declares.

    Parameters
    ----------
    file : the questionnaire as it was in the field, with columns outcome and question.

    Raises
    ------
    ReturnFileError, UserError : if it is not there, is no table, or lacks the two columns.
    """
    table = Table.read(file, ("outcome", "question"))
    if absent := [name for name in ("outcome", "question") if name not in table.columns]:
        raise ReturnFileError(
            f"the questionnaire has no column {', '.join(absent)}.",
            where=file.name,
            expected=", ".join(QUESTIONNAIRE),
        )
    asked: dict[str, list[str]] = {}
    first: dict[str, str | None] = {}
    for row in table.rows:
        code = table.text(row, "outcome")
        asked.setdefault(code, []).append(table.text(row, "question"))
        first.setdefault(code, table.cell(row, "question"))
    problems = []
    for outcome in outcomes:
        declared = outcome.survey
        if declared is None or not declared.wording or outcome.code not in asked:
            continue
        if wording_hash(asked[outcome.code]) != declared.wording_sha256:
            message = f"{outcome.title} was asked in other words than were declared."
            where = first[outcome.code]
            problems.append(problem("R124", message, sheet=file.name, cell=where))
    orders = [one.survey.order for one in outcomes if one.survey and one.code in asked]
    in_field = [code for code in dict.fromkeys(asked) if code in {one.code for one in outcomes}]
    declared_order = [one.code for one in outcomes if one.code in asked]
    if orders and in_field != declared_order:
        message = (
            "The questions were asked in another order than is declared: what was asked before"
        )
        message += f" colours an answer. Declared: {', '.join(declared_order)}."
        problems.append(problem("R137", message, sheet=file.name))
    return problems
