"""The verbs before the lock: how often would we be wrong, and what could we see."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from evaluation.cli.session import AsJson, Session, print_json, print_table, say, writable
from evaluation.errors import EstimateError, UserError

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.design.calibrate import Columns, Read
    from evaluation.design.match import Matched
    from evaluation.design.simulation import Simulation
    from evaluation.protocol import EstimatorName
    from evaluation.study.prospect import Prospect
    from evaluation.study.study import Study as Declared


WHOLE = 100.0
MOST = 5
"""Weights that are named one by one."""


def tell_power(code: str, rows: pd.DataFrame, hoped: float | None, targeted: float) -> None:
    """What the last look could find, and from which look on what is hoped for could be."""
    from evaluation.design.power import first_able

    last = rows.iloc[-1]
    size, share = last["detectable_percent"], last["percent_of_targeted"]
    what = f"a {last['direction']} of {size:.1f} %" if math.isfinite(size) else "nothing"
    of_those = f"; {share:.1f} % of those reached" if targeted < 1 and math.isfinite(size) else ""
    if of_those and last["direction"] == "fall" and share > WHOLE:
        of_those += ", which is more than they can give"
    print(
        f"{code}: at look {int(last['look'])} {what} would be found four times in five{of_those}."
    )
    if hoped is not None:
        able = first_able(rows, hoped)
        print(
            f"  {hoped:g} % could be found from look {able} on."
            if able
            else f"  {hoped:g} % could be found at none of the planned looks."
        )


def tell_candidates(code: str, rows: pd.DataFrame, hoped: float | None, targeted: float) -> None:
    """One row a set: what it could find half-way and at the last look, and when what is hoped."""
    from rich.table import Table

    from evaluation.design.power import first_able

    looks = int(rows["look"].max())
    shown = sorted({max(looks // 2, 1), looks})
    table = Table("set", box=None)
    heads = ["areas", *(f"at look {look}" for look in shown)]
    heads += ["of those reached"] if targeted < 1 else []
    heads += [f"{hoped:g} % found from look"] if hoped is not None else []
    for head in heads:
        table.add_column(head, justify="right")
    for name, own in rows.groupby("candidate", sort=False):
        by_look = own.set_index("look")
        sizes = by_look["detectable_percent"][shown].tolist()
        sizes += [by_look["percent_of_targeted"][looks]] if targeted < 1 else []
        cells = [f"{size:.1f} %" if math.isfinite(size) else "nothing" for size in sizes]
        cells += [str(first_able(own, hoped) or "none")] if hoped is not None else []
        table.add_row(str(name), str(own["areas"].iloc[0]), *cells)
    print(
        f"{code}: the smallest {rows['direction'].iloc[0]} that would be found four times in five"
    )
    print_table(table)


def tell_match(code: str, found: Matched) -> None:
    """The balance before and after, the largest weights, and what was left out."""
    from rich.table import Table

    pairs = found.pairs
    print(f"{code}: {len(pairs)} pairs of {pairs['comparison'].nunique()} nearest areas.")
    table = Table("pilots differ by (SD)", box=None)
    for head in ("from all eligible", "from the nearest", "by synthetic weights"):
        table.add_column(head, justify="right")
    for item, row in found.balance.iterrows():
        differences = [row[f"difference_{name}"] for name in ("before", "after", "synthetic")]
        table.add_row(str(item), *(f"{value:+.2f}" for value in differences))
    print_table(table)
    largest = ", ".join(f"{area} {100 * w:.1f} %" for area, w in found.mean_weights[:MOST].items())
    print(
        f"Synthetic weights over {found.weights.shape[1]} areas, as good as "
        f"{found.effective_donors:.1f} of equal weight; the largest: {largest}."
    )
    say("Synthetic weights match the path; the level is taken out by the estimator itself.")
    if found.unmatched:
        say(f"No area is near enough to {', '.join(found.unmatched)}: a wider --caliper?")
    for reason, count in found.left_out["reason"].value_counts().items():
        say(f"Left out: {count} areas, {reason}.")


def areas_read(read: Read) -> str:
    """How many areas a panel has, with how many gaps, and how many were left out."""
    areas, periods = len(read.panel.areas), len(read.panel.periods)
    said = f"{areas:,} areas over {periods} quarters"
    said += f", {read.with_gaps:,} of them with gaps" if read.with_gaps else ", each with a figure"
    if read.left_out:
        said += f"; {read.left_out:,} more lack figures and are left out"
    return f"{said}."


def tell_calibration(found: dict[str, Any]) -> None:
    """How often the looks found something, how often the repeated interval held, what they see."""
    unit = "%" if found["scale"] == "level" else "log points"
    for row in found["rows"]:
        if row["look"] != "any":
            continue
        said = (
            f"{row['estimator']:18} {row['started']:3} started, effect {row['effect']:+g} {unit}: "
        )
        rejected = row["size"] if row["effect"] == 0 else row["power"]
        parts = (
            []
            if rejected is None
            else [
                f"rejected {100 * rejected:5.1f} % (± {100 * row['mc_se']:.1f})",
                f"repeated interval holds {100 * row['coverage']:5.1f} %",
            ]
        )
        parts += [f"{100 * row['refused']:.1f} % refused"] if row["refused"] else []
        print(said + ", ".join(parts))
    if not any(row["effect"] for row in found["rows"]):
        return
    for seen in found["detectable"]:
        what = f"a fall of {seen['percent']:.1f} %" if seen["percent"] else "none of those injected"
        print(
            f"{seen['estimator']:18} {seen['started']:3} started: {what} would be found four times "
            f"in five over {found['looks']} looks"
        )


app = typer.Typer(help="Before the protocol is frozen: error rates, power, comparison areas.")

ELSEWHERE = ("resume", "workers", "scheduler")
"""Options that change no rate."""

Study = Annotated[str, typer.Argument(help="PROGRAMME/STUDY, a folder under studies/.")]
Table = Annotated[Path | None, typer.Option("-o", "--output", help="FILE.csv for the table.")]
Pairs = Annotated[
    Path | None, typer.Option("-o", "--output", help="FILE.csv for pairs, distances and weights.")
]
Plot = Annotated[Path | None, typer.Option(help="FILE.svg for a chart of it.")]
Hoped = Annotated[float | None, typer.Option(help="Effect hoped for, in per cent.")]
Candidates = Annotated[
    Path | None, typer.Option(help="FILE.csv of sets of pilot areas to compare: columns set, area.")
]
Targeted = Annotated[float, typer.Option(help="Share of people whom the reform reaches.")]
OneOutcome = Annotated[
    str | None, typer.Option(help="One outcome's code (default: all main ones).")
]
FirstOutcome = Annotated[
    str | None, typer.Option(help="One outcome's code (default: the first main one).")
]
Source = Annotated[Path, typer.Argument(help="A CSV (may be .gz), one row an area and quarter.")]
Area = Annotated[str, typer.Option(help="Its column of area codes.")]
Time = Annotated[str, typer.Option(help="Its column of quarters.")]
Figure = Annotated[str, typer.Option(help="Its column of figures.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="FILE.json for the rates.")]
People = Annotated[str | None, typer.Option(help="Its column of populations.")]
Authority = Annotated[str | None, typer.Option(help="Its column of authorities.")]
Estimators = Annotated[
    list[str] | None,
    typer.Option(
        help="did, imputation, sc (synthetic_control), ridge (augmented_synthetic_control) or sdid "
        "(synthetic_did); may be repeated."
    ),
]
Started = Annotated[str, typer.Option(help="Numbers of pilot areas.")]
Looks = Annotated[int, typer.Option(min=1, help="Looks, one a quarter, at the end of the panel.")]
Effect = Annotated[
    str, typer.Option(help="Injected effects in per cent; on logarithms, in log points.")
]
Simulations = Annotated[
    int,
    typer.Option(min=1, help="Simulations of each; one with too little left to test is refused."),
]
Seed = Annotated[int, typer.Option(help="Of the simulations.")]
Workers = Annotated[int, typer.Option(min=1, help="Processors to use.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a dask scheduler whose workers to use instead.")
]
Resume = Annotated[Path | None, typer.Option(help="A folder that keeps finished parts.")]
Chosen = Annotated[
    str,
    typer.Option(
        help="random, top_level, top_trend, smallest, largest, variable, one_authority or "
        "two_authorities."
    ),
]
Shape = Annotated[str, typer.Option(help="constant, ramp or heterogeneous.")]
Scale = Annotated[str, typer.Option(help="level or log.")]
Strata = Annotated[str, typer.Option(help="level, population or both, with a comma.")]
GapsOf = Annotated[str, typer.Option(help="as_they_are, or to scale by_population.")]
Block = Annotated[str, typer.Option(help="area or authority: what moves together.")]
Sample = Annotated[int, typer.Option(min=0, help="Areas drawn anew each time (0: all).")]
Withheld = Annotated[
    int,
    typer.Option(min=0, help="Withhold figures below this once an effect is injected (0: none)."),
]
KeepGaps = Annotated[
    bool,
    typer.Option(
        "--keep-gaps", help="Keep areas that lack a figure, as far as they can be pilots."
    ),
]
Title = Annotated[str, typer.Option(help="What the panel is and whose, for the record.")]
Drawn = Annotated[int, typer.Option(min=1, help="Placebo assignments each time.")]


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as rows with text for keys."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def prospects_of(
    study: Declared, table: pd.DataFrame | None, targeted: float
) -> tuple[Prospect, ...]:
    """What each main outcome of a table of power could find, and what would pay."""
    from evaluation.study.planning import last_looks
    from evaluation.study.prospect import prospects

    share = targeted if targeted < 1 else None
    if table is None:
        return prospects(study, share=share)
    found = last_looks(table)
    return tuple(one for one in prospects(study, found, share=share) if one.outcome in found)


def tell_prospects(study: Declared, table: pd.DataFrame | None, targeted: float) -> None:
    """Can this ever find, or pay? And what keeps it from a confirmatory claim."""
    from evaluation.study.protocol_check import checked

    print("Can this ever find it, or pay?")
    for one in prospects_of(study, table, targeted):
        for sentence in one.sentences:
            print(f"  {sentence}")
    for lack in checked(study.workspace, study.name).needed:
        print(f"  {lack.message} {lack.mend}")


def power_record(study: Declared, table: pd.DataFrame, targeted: float) -> dict[str, Any]:
    """The table of power and the prospects, as plain data."""
    from evaluation.study.protocol_check import checked
    from evaluation.study.results import clean

    one_set = "candidate" not in table
    return {
        "study": study.name,
        "rows": clean(rows_of(table)),
        "prospects": [one.as_dict() for one in prospects_of(study, table, targeted)]
        if one_set
        else [],
        "needed": [lack.as_dict() for lack in checked(study.workspace, study.name).needed],
    }


@app.command("power")
def power_verb(
    context: typer.Context,
    study: Study,
    output: Table = None,
    plot: Plot = None,
    hoped: Hoped = None,
    targeted: Targeted = 1.0,
    outcome: OneOutcome = None,
    candidates: Candidates = None,
    as_json: AsJson = False,
) -> None:
    """Say how small an effect the planned looks could find, and when; and what would pay.

    With --candidates, of sets of pilot areas that might be chosen, side by side.

    An effect is said as a fall, or a rise where the outcome is better up; a study tests for both.
    """
    from evaluation.design.power import read_candidates
    from evaluation.study.planning import study_power
    from evaluation.study.study import Study

    for path, endings in ((output, (".csv",)), (plot, (".svg",))):
        if path is not None:
            writable(path, endings)
    sets = None if candidates is None else read_candidates(candidates)
    asked = Study.load(context.obj.workspace, study)
    try:
        table = study_power(asked, outcome=outcome, targeted=targeted, candidates=sets)
    except EstimateError:  # what would be on everybody, and what would pay, is known all the same
        if sets is None and not as_json:
            tell_prospects(asked, None, targeted)
        raise
    context.obj.stays_inside(study)
    if as_json:
        print_json(power_record(asked, table, targeted))
        return
    for code, rows in table.groupby("outcome", sort=False):
        if sets is None:
            tell_power(str(code), rows, hoped, targeted)
        else:
            tell_candidates(str(code), rows, hoped, targeted)
    if sets is None:
        tell_prospects(asked, table, targeted)
    if output is not None:
        table.to_csv(output, index=False)
        print(output)
    if plot is not None:
        from evaluation.drawing import WIDE, detectable_by_look

        if sets is not None:
            alone = table["outcome"].nunique() == 1
            lines = table["candidate"] + ("" if alone else ", " + table["outcome"])
            table = table.assign(outcome=lines)
        plot.write_text(detectable_by_look(rows_of(table), WIDE), encoding="utf-8")
        print(plot)


@app.command("match")
def match_verb(
    context: typer.Context,
    study: Study,
    output: Pairs = None,
    plot: Plot = None,
    outcome: FirstOutcome = None,
    nearest: Annotated[int, typer.Option(help="Comparison areas for each pilot.")] = 10,
    caliper: Annotated[float, typer.Option(help="Largest distance, in SD.")] = 1.0,
    buffer_km: Annotated[
        float,
        typer.Option(help="Leave out areas nearer to a pilot than this; it takes their x and y."),
    ] = 0.0,
    same_authority: Annotated[
        bool, typer.Option(help="Areas of a pilot's own authority may serve.")
    ] = False,
    areas: Annotated[
        Path | None,
        typer.Option(help="FILE.csv for areas.csv with the nearest alone; the rest are excluded."),
    ] = None,
) -> None:
    """Find comparison areas that are like the planned pilots, and say how like.

    Nearest neighbours in level, path and population; beside them the unit weights of synthetic DiD.

    Both are fitted on what was before the first start.
    """
    from evaluation.design.match import MatchPlan
    from evaluation.study.planning import study_match
    from evaluation.study.study import Study

    for path, endings in ((output, (".csv",)), (areas, (".csv",)), (plot, (".svg",))):
        if path is not None:
            writable(path, endings)
    session: Session = context.obj
    plan = MatchPlan(
        nearest=nearest, caliper=caliper, buffer_km=buffer_km, same_authority=same_authority
    )
    declared = Study.load(session.workspace, study)
    code, found = study_match(declared, plan, outcome=outcome)
    tell_match(code, found)
    session.stays_inside(study)
    if areas is not None:
        from evaluation.connect.area_sets import write_narrowed
        from evaluation.finding.feasibility import FEWEST_AUTHORITIES

        kept = set(found.pairs["comparison"])
        dropped = write_narrowed(areas, declared.programme.areas, kept)
        homes = len({declared.programme.area_by_code[code].authority for code in kept})
        say(f"{len(kept)} comparison areas in {homes} authorities stay, {dropped} are excluded.")
        if homes < FEWEST_AUTHORITIES:
            say(
                f"Where whole authorities are re-drawn, fewer than {FEWEST_AUTHORITIES} confirm "
                "nothing: a larger --nearest?"
            )
        print(areas)
    if output is not None:
        found.table.to_csv(output, index=False)
        print(output)
    if plot is not None:
        from evaluation.drawing import WIDE, balance_before_after

        shown = rows_of(found.balance.reset_index())
        plot.write_text(balance_before_after(shown, WIDE), encoding="utf-8")
        print(plot)


@app.command("calibrate")
def calibrate_verb(
    context: typer.Context,
    panel: Source,
    area: Area,
    period: Time,
    value: Figure,
    output: Output,
    population: People = None,
    authority: Authority = None,
    estimator: Estimators = None,
    started: Started = "1,3,6,12",
    looks: Looks = 8,
    effect: Effect = "0,-5,-10",
    simulations: Simulations = 1_000,
    seed: Seed = 0,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    resume: Resume = None,
    pilots: Chosen = "random",
    shape: Shape = "constant",
    scale: Scale = "level",
    strata: Strata = "",
    block: Block = "area",
    gaps: GapsOf = "as_they_are",
    sample: Sample = 0,
    assignments: Drawn = 999,
    withheld: Withheld = 0,
    keep_gaps: KeepGaps = False,
    title: Title = "",
) -> None:
    """Measure size, coverage and power of the actual pipeline on your own panel."""
    from evaluation.design.calibrate import Columns, calibrate, read_panel
    from evaluation.design.many import Runs

    writable(output, (".json",))
    asked, counts = _estimators(estimator), whole_numbers(started, "--started")
    injected = _figures(effect, "--effect")
    words = {"pilots": pilots, "shape": shape, "scale": scale, "block": block, "gaps": gaps}
    simulation = _simulation(
        words, strata, looks=looks, assignments=assignments, sample=sample, withheld=withheld
    )
    columns = _enough(Columns(area, period, value, population, authority), simulation)
    read = read_panel(panel, columns, looks, keep_gaps=keep_gaps)
    say(areas_read(read))
    found = calibrate(
        read.panel,
        asked,
        started=counts,
        effects=injected,
        simulation=simulation,
        progress=lambda m: say(f"· {m}"),
        runs=Runs(simulations, seed, workers, resume=resume, scheduler=scheduler),
    )
    said = {"title": title or panel.name, "command": _command(context), "left_out": read.left_out}
    output.write_text(json.dumps(said | found, indent=1) + "\n", encoding="utf-8")
    tell_calibration(found)
    print(output)


def _estimators(asked: list[str] | None) -> list[EstimatorName]:
    from evaluation.design.calibrate import SHORT

    known = SHORT | {name: name for name in SHORT.values()}
    names = asked or ["did"]
    if unknown := [name for name in names if name not in known]:
        raise UserError(
            f"there is no estimator {unknown[0]!r}.", where="--estimator", expected=", ".join(SHORT)
        )
    return [known[name] for name in names]


def _command(context: typer.Context) -> str:
    """What was asked for, less what is as usual; of paths the name alone, since they lie here."""
    typed: list[str] = []
    for option in context.command.params:
        value = context.params[str(option.name)]
        if option.name in ELSEWHERE or value == option.default or not value:
            continue
        if isinstance(value, bool):
            typed.append(option.opts[0])
            continue
        given = value if isinstance(value, list) else [value]
        for one in given:
            said = one.name if isinstance(one, Path) else str(one)
            typed += [said] if option.param_type_name == "argument" else [option.opts[0], said]
    return f"newstart design calibrate {shlex.join(typed)}"


def _simulation(
    words: dict[str, str], strata: str, *, looks: int, assignments: int, sample: int, withheld: int
) -> Simulation:
    """The plan, from numbers and words that are checked before anything is read."""
    from evaluation.design.simulation import Pilots, Shape, Simulation
    from evaluation.estimate.interim import LookPlan
    from evaluation.estimate.registry import Choices
    from evaluation.estimate.samples import Scale, one_of
    from evaluation.protocol import Gaps

    for name, allowed in (
        ("pilots", Pilots),
        ("shape", Shape),
        ("scale", Scale),
        ("block", Literal["area", "authority"]),
        ("gaps", Gaps),
    ):
        one_of(f"--{name}", words[name], allowed)
    bands = tuple(part for part in strata.split(",") if part)
    for band in bands:
        one_of("--strata", band, Literal["level", "population"])
    checked: dict[str, Any] = words
    return Simulation(
        started=1,
        pilots=checked["pilots"],
        shape=checked["shape"],
        choices=Choices(scale=checked["scale"], gaps=checked["gaps"]),
        block=checked["block"],
        strata=bands,
        plan=LookPlan(horizon=looks),
        looks=looks,
        assignments=assignments,
        sample=sample,
        withheld=withheld,
    )


def _enough(columns: Columns, simulation: Simulation) -> Columns:
    """The columns, refused where a population or an authority is needed and none is named."""
    from evaluation.design.simulation import BY_POPULATION, FROM_AUTHORITIES

    needs = {
        "--population": {
            f"--pilots {simulation.pilots}": simulation.pilots in BY_POPULATION,
            "--strata population": "population" in simulation.strata,
            "--gaps by_population": simulation.choices.gaps == "by_population",
        },
        "--authority": {
            f"--pilots {simulation.pilots}": simulation.pilots in FROM_AUTHORITIES,
            "--block authority": simulation.block == "authority",
        },
    }
    for option, named in (("--population", columns.population), ("--authority", columns.authority)):
        if asked := [what for what, wanted in needs[option].items() if wanted and not named]:
            raise UserError(
                f"{asked[0]} takes a column that is not named.",
                mend=f"name it: {option} COLUMN, or leave {asked[0]} out",
            )
    return columns


def whole_numbers(text: str, what: str) -> list[int]:
    """A list of whole numbers above 0."""
    numbers = _figures(text, what)
    if wrong := [number for number in numbers if number < 1 or not number.is_integer()]:
        raise UserError(
            f"{what} cannot be {wrong[0]:g}.", expected="whole numbers above 0, as in 1,3,6"
        )
    return [int(number) for number in numbers]


def _figures(text: str, what: str) -> list[float]:
    """A list of numbers from ``1,3,6``."""
    try:
        numbers = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise UserError(f"{what} cannot be {text!r}.", expected="numbers, as in 1,3,6")
    return numbers
