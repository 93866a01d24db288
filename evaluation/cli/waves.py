"""The verbs of a survey: who to ask, what to ask, and what was answered."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from evaluation.cli.design import whole_numbers
from evaluation.cli.session import (
    GOOD,
    PROBLEMS,
    AsJson,
    Session,
    print_json,
    print_table,
    say,
    writable,
)
from evaluation.errors import UserError

if TYPE_CHECKING:
    from evaluation.check.report import Problem
    from evaluation.design.surveys import Found, Group
    from evaluation.programme import Outcome, Programme
    from evaluation.quarters import Period
    from evaluation.wave.summarise import Summary

app = typer.Typer(help="A survey of people in pilot and comparison areas.")


@app.command("template")
def template(
    context: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", help="RESPONDENTS.csv.")],
    targets: Annotated[
        Path | None, typer.Option(help="Write an empty TARGETS.csv here too.")
    ] = None,
    questionnaire: Annotated[
        Path | None, typer.Option(help="Write what is asked, in order, to this CSV.")
    ] = None,
) -> None:
    """Write the empty file of respondents, and what is asked."""
    from evaluation.wave.fieldwork import items, write_templates

    session: Session = context.obj
    for path in (output, targets, questionnaire):
        if path is not None:
            writable(path, (".csv",))
    programme = session.programme
    write_templates(programme, output, targets=targets, questions=questionnaire)
    for outcome in items(programme):
        if outcome.survey is not None and outcome.survey.confirm:
            say(f"{outcome.title}: still open: {outcome.survey.confirm}.")
    print(output)


@app.command("summarise")
def summarise(
    context: typer.Context,
    respondents: Annotated[Path, typer.Argument(help="RESPONDENTS.csv, a row a person.")],
    targets: Annotated[Path, typer.Option(help="TARGETS.csv: adults by area and category.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The return, FILE.xlsx or FILE.csv.")
    ] = None,
    quarter: Annotated[
        str | None,
        typer.Option(
            help="In which fieldwork ended; else the wave that is due.", show_default=False
        ),
    ] = None,
    questionnaire: Annotated[
        Path | None, typer.Option(help="What was asked, to hold against what is declared.")
    ] = None,
    issued: Annotated[
        Path | None, typer.Option(help="Addresses written to: a CSV area_code,issued.")
    ] = None,
    usual: Annotated[
        float | None,
        typer.Option(
            help="Mean of the first item among all adults, where only clients were asked."
        ),
    ] = None,
    errors: Annotated[
        Literal["linearised", "jackknife"], typer.Option(help="How sampling errors are found.")
    ] = "linearised",
    as_json: AsJson = False,
) -> None:
    """Weight a wave's respondents and make the return of its figures; no answer is kept."""
    from evaluation.wave import fieldwork
    from evaluation.wave.respondents import read_issued, read_wave
    from evaluation.wave.summarise import summarise as make
    from evaluation.wave.summarise import write_wave

    session: Session = context.obj
    programme = session.programme
    if output is not None:
        writable(output, (".xlsx", ".csv"))
    outcomes = fieldwork.items(programme)
    read = read_wave(respondents, targets, programme, outcomes)
    problems = list(read.problems)
    if questionnaire is not None:
        problems += fieldwork.changed_wording(questionnaire, outcomes)
    addresses = {} if issued is None else read_issued(issued)
    found = None
    if read.respondents is not None and not any(one.severity == "error" for one in problems):
        found = make(
            read.respondents,
            read.targets,
            outcomes,
            programme,
            errors=errors,
            issued=addresses,
            usual=usual,
        )
        problems += found.problems
    if found is not None and output is not None:
        write_wave(found, programme, _wave(programme, output, quarter), output)
    _report(found, problems, outcomes, output, as_json=as_json)
    raise typer.Exit(GOOD if found is not None else PROBLEMS)


def _report(
    found: Summary | None,
    problems: list[Problem],
    outcomes: tuple[Outcome, ...],
    output: Path | None,
    *,
    as_json: bool,
) -> None:
    """What was found and what stands against it, for programs or for people."""
    from evaluation.wave.respondents import described

    if as_json:
        print_json(
            {
                "accepted": found is not None,
                "rows": [one.as_dict() for one in found.figures] if found else [],
                "problems": [one.as_dict() for one in problems],
            }
        )
    else:
        for line in described(problems):
            say(line)
        if found is not None:
            _tell(found, outcomes)
        if found is not None and output is not None:
            print(output)


def _wave(programme: Programme, output: Path, quarter: str | None) -> Period:
    """The quarter of a wave: as it is named, as the file is called, or the last that is due."""
    from evaluation.quarters import Period
    from evaluation.returns.workbook import guide_from_name
    from evaluation.wave.summarise import submitter_of

    if quarter is not None:
        return Period.parse(quarter)
    if named := guide_from_name(output.name).get("quarter"):
        return Period.parse(named)
    waves = programme.source_by_code[submitter_of(programme)].waves
    past = [wave for wave in waves if wave <= programme.last]
    found = max(past, default=programme.last)
    say(f"Taken as the wave whose fieldwork ended in {found}; name another by --quarter.")
    return found


def _tell(found: Summary, outcomes: tuple[Outcome, ...]) -> None:
    from rich.table import Table

    table = Table("outcome", box=None)
    for head in ("areas", "answered", "withheld", "usual error", "design effect"):
        table.add_column(head, justify="right")
    for outcome in outcomes:
        own = [one for one in found.figures if one.outcome == outcome.code]
        if not own:
            continue
        shown = [one for one in own if one.se is not None and one.design_effect is not None]
        n = max(len(shown), 1)
        table.add_row(
            outcome.title,
            str(len(own)),
            f"{sum(one.respondents for one in own):,}",
            str(len(own) - len(shown)),
            f"{sum(one.se or 0.0 for one in shown) / n:.3f}" if shown else "-",
            f"{sum(one.design_effect or 0.0 for one in shown) / n:.2f}" if shown else "-",
        )
    print_table(table)


def voices(
    context: typer.Context,
    coded: Annotated[
        Path, typer.Argument(help="CODED.csv: area_code, coder_1, coder_2, and quotations.")
    ],
    seed: Annotated[int, typer.Option(help="Of the re-drawn arms.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say what people wrote, coded by two who did not know the arm: agreement, shares, quotes."""
    from evaluation.wave.respondents import described
    from evaluation.wave.voices import read_voices

    session: Session = context.obj
    found = read_voices(coded, session.programme, seed=seed)
    content: dict[str, Any] = found.as_dict()
    if not found.ok:
        # What breaks a rule of theirs is told, and nobody's words are passed on.
        content |= {"quotations": [], "codes": [], "agreement": None}
    if as_json:
        print_json(content)
    else:
        for line in described(found.problems):
            say(line)
        if found.ok:
            _tell_voices(content)
    raise typer.Exit(GOOD if found.ok else PROBLEMS)


def _tell_voices(content: dict[str, Any]) -> None:
    from rich.table import Table

    people = content["people"]
    print(f"{people['pilot']} wrote in pilot areas, {people['comparison']} elsewhere.")
    table = Table("code", "agreement", box=None)
    for head in ("alpha", "pilot %", "elsewhere %", "p"):
        table.add_column(head, justify="right")
    for one in content["codes"]:
        cells = [one["alpha"], one["pilot"], one["comparison"], one["p_value"]]
        shown = ["-" if value is None else f"{value:.3g}" for value in cells]
        table.add_row(one["code"], one["grade"], *shown)
    print_table(table)
    for one in content["quotations"]:
        print(f'"{one["text"]}"')
    if content["quotations"]:
        say("Quotations illustrate; they are no evidence of what caused anything.")


@app.command("design")
def design(
    context: typer.Context,
    outcome: Annotated[
        str, typer.Option(help="The item that is judged; its declared spread is used.")
    ] = "life_satisfaction",
    respondents: Annotated[
        str, typer.Option(help="People asked an area and wave: several, parted by commas.")
    ] = "60,100,150",
    waves: Annotated[str, typer.Option(help="Waves in all.")] = "2,4,8",
    comparisons: Annotated[
        str, typer.Option(help="Comparison areas, whole authorities; all where not said.")
    ] = "",
    before: Annotated[int, typer.Option(help="Waves before the first start.")] = 3,
    group: Annotated[
        list[str] | None,
        typer.Option(help="A group's share of adults, like women=0.51: its own smallest effect."),
    ] = None,
    design_effect: Annotated[
        float, typer.Option(help="By how much weights and households enlarge the variance.")
    ] = 1.4,
    simulations: Annotated[int, typer.Option(help="Invented surveys for each row.")] = 400,
    seed: Annotated[int, typer.Option(help="Of the invented surveys.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say what a survey could find on the programme's own areas, by people, waves and areas."""
    from evaluation.design.surveys import Variation, trade_offs
    from evaluation.wave.fieldwork import items

    session: Session = context.obj
    programme = session.programme
    declared = {one.code: one.survey for one in items(programme)}
    asked = declared.get(outcome)
    if asked is None:
        raise UserError(
            f"{outcome} is no item of the survey of {programme.name}.", expected=", ".join(declared)
        )
    groups = [_group(one) for one in group or ()]
    found = trade_offs(
        programme,
        groups=groups,
        respondents=whole_numbers(respondents, "--respondents"),
        waves=whole_numbers(waves, "--waves"),
        comparisons=whole_numbers(comparisons, "--comparisons") if comparisons else None,
        before=before,
        variation=Variation(person_sd=asked.person_sd, design=design_effect),
        simulations=simulations,
        seed=seed,
    )
    if as_json:
        print_json({"outcome": outcome, "rows": [one.as_dict() for one in found]})
        return
    _tell_design(outcome, found)


def _group(text: str) -> Group:
    """A group and its share of adults.

    Raises
    ------
    UserError : no name, or no share between 0 and 1.
    """
    from evaluation.design.surveys import Group

    name, _, share = text.partition("=")
    try:
        held = float(share)
    except ValueError:
        held = 0.0
    if not name.strip() or not 0 < held < 1:
        raise UserError(f"{text!r} is no group with its share.", expected="like women=0.51")
    return Group(name=name.strip(), share=held)


def _tell_design(outcome: str, found: list[Found]) -> None:
    from rich.table import Table

    from evaluation.finding.feasibility import FEWEST_AUTHORITIES

    print(f"{outcome}: the effect that would be found four times in five, by re-drawn starts")
    table = Table(box=None)
    for head in (
        "among",
        "comparison areas",
        "waves",
        "people an area",
        "interviews",
        "effect",
        "+-",
    ):
        table.add_column(head, justify="right")
    for one in found:
        table.add_row(
            one.plan.group or "all adults",
            str(one.comparisons),
            f"{one.plan.waves} ({one.plan.before} before)",
            str(one.plan.respondents),
            f"{one.interviews:,}",
            *(
                f"{size:.2f}" if math.isfinite(size) else "none"
                for size in (one.mde, one.mde_error)
            ),
        )
    print_table(table)
    if few := [one for one in found if one.authorities < FEWEST_AUTHORITIES]:
        say(
            f"{few[0].comparisons} areas lie in {few[0].authorities} authorities: a finding that "
            f"confirms needs {FEWEST_AUTHORITIES}."
        )
    if any(one.plan.waves <= 2 for one in found):
        say("Two waves in all see one change and no path: nothing shows whether arms moved alike.")
    say("Ask as many in pilot areas as elsewhere; keep a boost of pilots as an outcome of its own.")
