"""A check from the file to other sites' figures: its stages in their order.

Every stage that can run runs, so that all faults are named in one pass; one that cannot says why.
A new question is a function of one of the stages' modules, called in ``check_return`` or
``_steps``; a slip that leaves every figure possible, in ``history.check_quarters``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from evaluation.check import figures, keys, layout
from evaluation.check import history as questions
from evaluation.check.accepted import AcceptedFigures
from evaluation.check.before import Before, Key, Line
from evaluation.check.keys import Submitter, read_guide
from evaluation.check.read import Cells, read_cells, read_header, right_headings
from evaluation.check.report import Checked, Problem, Stage
from evaluation.check.whose import places_of, weigh, witnesses_of
from evaluation.errors import WorkspaceError
from evaluation.finance import asked_of
from evaluation.programme import OPEN_SITE, Programme
from evaluation.returns.form import Observation, Return
from evaluation.returns.monthly import in_months, sent_by_month
from evaluation.returns.workbook import RawReturn, counted_in, read_return
from evaluation.workspace import Workspace

_AROUND = {"R010", "R018"}
_COLUMN = "a column that it needs is missing"
_NOTHING_BEFORE = "there is no earlier accepted return to compare with"
_NO_OTHERS = "no figure of another area or source is known"
_NOBODY = "it is not known whose return it is, so its own areas and quarter are not checked"


ReadHistory = Callable[[Sequence[str]], AcceptedFigures]
"""Reads the accepted figures of the outcomes named by their codes."""


class CheckedFile(NamedTuple):
    """A file as it came, and what its check found."""

    raw: RawReturn
    checked: Checked


def check_file(
    file: Path, programme: Programme, *, history: ReadHistory, today: date | None
) -> CheckedFile:
    """Read a file and check it against the programme and the accepted figures.

    Parameters
    ----------
    history : called once it is known whose return it is.
    today : the day of the check; None where no clock counts.

    Raises
    ------
    ReturnFileError : if it cannot be read as a return at all.
    """
    return check_read(read_return(file), programme, history=history, today=today)


def check_read(
    raw: RawReturn, programme: Programme, *, history: ReadHistory, today: date | None
) -> CheckedFile:
    """Check a return that was read already; see `check_file`."""
    raw, programme = as_asked(raw, programme)
    before = before_return(raw, programme, history=history, today=today)
    return CheckedFile(raw, check_return(raw, programme, before=before))


class AsAsked(NamedTuple):
    """A return as it is read, and the programme as its sender is asked."""

    raw: RawReturn
    programme: Programme


def as_asked(raw: RawReturn, programme: Programme) -> AsAsked:
    """The return and the programme by which it is checked: in its own periods, or of money."""
    if sent_by_month(raw, programme):
        programme = in_months(programme)
    raw = counted_in(raw, programme.first.frequency)
    return AsAsked(raw, asked_of(programme, raw.guide["agency"]))


def before_return(
    raw: RawReturn, programme: Programme, *, history: ReadHistory, today: date | None
) -> Before:
    """What a return is compared with.

    Where it does not say whose it is or for which quarter, nothing can be compared. Where its
    places disagree about that, what was accepted is a witness.
    """
    places = places_of(raw, read_header(raw).value, programme)
    sites, agencies = places.values("site"), places.values("agency")
    asked: dict[str, None] = {}
    for site, agency in product(sites, agencies):
        with suppress(WorkspaceError):  # a site and an agency that do not belong together
            asked |= dict.fromkeys(o.code for o in programme.expected(site, agency)[1])
    if not asked:
        return Before(today=today)
    known = history(list(asked)).asked_by(programme)
    witnesses = witnesses_of(places, known, today=today)
    weighed = weigh(places, witnesses)
    submitter = weighed.believed.get("site", ""), weighed.believed.get("agency", "")
    if weighed.period is None or submitter not in programme.submitters:
        return Before(today=today)  # the check names the cell
    before = known.before(submitter, weighed.period, today=today)
    return replace(before, witnesses=witnesses)


def day_of_check(workspace: Workspace, programme: Programme) -> date | None:
    """The day of the check where it means something; None where no clock counts.

    Invented figures are early only by an invented clock.
    """
    if programme.synthetic and not workspace.synthetic_clock:
        return None
    return workspace.now().date()


def check_return(raw: RawReturn, programme: Programme, *, before: Before | None = None) -> Checked:
    """Everything that is wrong in a return, in one pass; its content if nothing is.

    Parameters
    ----------
    before : what had been accepted before; without it nothing is compared with earlier figures.
    """
    before = before or Before()
    headed, problems = read_header(raw)
    weighed = weigh(places_of(raw, headed, programme), before.witnesses)
    submitter, faults = read_guide(raw, programme, weighed, today=before.today)
    problems += faults
    # Before cells are read: in the wrong column every cell would be a fault of its own.
    headed, faults = right_headings(headed, raw.sheet, programme, _fixed(before))
    problems += faults
    headed, faults = layout.without_totals(headed, raw.sheet, programme)
    problems += faults
    cells = read_cells(headed, raw.sheet, submitter.period)
    problems += figures.check_types(cells, programme, _fixed(before))
    problems += layout.check_wrapping(raw, cells)
    problems += layout.check_layout(raw, headed)
    stages = [
        Stage("file", True),
        Stage("guide", True),
        Stage("header", True),
        Stage("types", True),
    ]
    for step in _steps(cells, programme, submitter, before):
        ready = not step.missing
        stages.append(Stage(step.name, ready, step.missing or step.reason))
        if ready:
            problems += step.run()
    # After every stage, since each adds to the counts.
    problems += cells.tally.rest(cells.columns, raw.sheet)
    problems = layout.without_echoes(problems, raw)
    refused = {(problem.sheet, problem.cell) for problem in problems if problem.severity == "error"}
    # A cell that must be mended anyway is not also questioned: its value will change. What was read
    # past around the table is said all the same.
    problems = [
        p
        for p in problems
        if p.severity == "error" or p.rule in _AROUND or (p.sheet, p.cell) not in refused
    ]
    return Checked(
        file=raw.path_name,
        sha256=raw.sha256,
        site=submitter.site,
        agency=submitter.agency,
        programme=programme.name,
        quarter=str(submitter.period or raw.guide["quarter"]),
        whose=_in_words(submitter, programme),
        months=submitter.period.months if submitter.period is not None else "",
        problems=tuple(sorted(problems, key=attrgetter("order"))),
        stages=tuple(stages),
        returned=None if refused else _content(raw, programme, submitter, cells),
    )


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A stage after the types: what it does, and why it cannot if it cannot.

    ``reason`` tells of a part that is left out although the stage runs.
    """

    name: str
    run: Callable[[], list[Problem]]
    missing: str = ""
    reason: str = ""


def _steps(
    cells: Cells, programme: Programme, submitter: Submitter, before: Before
) -> tuple[_Step, ...]:
    def lacks(*needed: str) -> str:
        return "" if set(needed) <= cells.columns.keys() else _COLUMN

    measured = ("outcome", "numerator", "denominator")
    compared = lacks("area_code", *measured)
    nobody = submitter.areas is None or submitter.period is None
    alone = not before.others and not before.elsewhere
    return (
        _Step(
            name="keys",
            missing=lacks("area_code", "outcome"),
            reason=_NOBODY if nobody else "",
            run=lambda: _keys(cells, submitter, programme),
        ),
        _Step(
            name="columns",
            missing=lacks(*measured),
            run=lambda: figures.check_columns(cells, programme, _fixed(before)),
        ),
        _Step(
            name="across",
            missing=lacks(*measured, "status"),
            run=lambda: figures.check_across(
                cells, programme, _fixed(before), _small(programme, submitter, before)
            ),
        ),
        _Step(
            name="rounding",
            missing=lacks(*measured, "status"),
            run=lambda: figures.check_rounding(cells, programme),
        ),
        _Step(
            name="samples",
            missing=lacks(*measured, "status"),
            run=lambda: figures.check_samples(cells, programme),
        ),
        _Step(
            name="notes", missing=lacks("note"), run=lambda: layout.check_notes(cells, programme)
        ),
        _Step(
            name="quarters",
            missing=compared or ("" if before.earlier else _NOTHING_BEFORE),
            run=lambda: questions.check_quarters(cells, programme, before, submitter.period),
        ),
        _Step(
            name="last accepted",
            missing=lacks("area_code", *measured, "status")
            or ("" if before.earlier or before.accepted else _NOTHING_BEFORE),
            run=lambda: questions.check_accepted(cells, programme, before),
        ),
        _Step(
            name="others",
            missing=compared or (_NO_OTHERS if alone else ""),
            run=lambda: questions.check_others(cells, programme, before),
        ),
    )


def _keys(cells: Cells, submitter: Submitter, programme: Programme) -> list[Problem]:
    problems = keys.check_keys(cells, submitter, programme)
    return problems + (keys.check_missing(cells, submitter) if cells.rows else [])


def _small(programme: Programme, submitter: Submitter, before: Before) -> figures.SmallCounts:
    """Whether this submitter may send true counts under the threshold."""
    source = programme.source_by_code.get(submitter.agency)
    return figures.SmallCounts(
        programme=programme, source=source if submitter.site == OPEN_SITE else None, on=before.today
    )


def _fixed(before: Before) -> dict[Key, float]:
    """The last accepted denominators."""
    return {
        key: held.denominator
        for key, earlier in before.earlier.items()
        for held in earlier[-1:]
        if held.denominator is not None
    }


def _in_words(submitter: Submitter, programme: Programme) -> str:
    """Whose return it was taken to be and for which months, as an officer would say it."""
    known: dict[Line, str] = {"site": submitter.site, "agency": submitter.agency}
    said = [keys.value_in_words(line, v, programme) for line, v in known.items() if v]
    return ", ".join([*said, *([submitter.period.described] if submitter.period else [])])


def _content(
    raw: RawReturn, programme: Programme, submitter: Submitter, cells: Cells
) -> Return | None:
    if submitter.period is None:
        return None
    rows = []
    for area, quarter, outcome, numerator, denominator, status, note, se, respondents in zip(
        cells.area_code,
        cells.quarter,
        cells.outcome,
        cells.numerator,
        cells.denominator,
        cells.status,
        cells.note,
        cells.se,
        cells.respondents,
        strict=True,
    ):
        if area is None or quarter is None or outcome is None:
            return None  # an error names it already; the types need it said
        rows.append(
            Observation(
                area,
                quarter,
                outcome,
                numerator,
                denominator,
                status or "",
                note or "",
                se,
                respondents,
            )
        )
    return Return(
        programme=programme.name,
        site=submitter.site,
        agency=submitter.agency,
        period=submitter.period,
        rows=tuple(rows),
        sha256=raw.sha256,
    )
