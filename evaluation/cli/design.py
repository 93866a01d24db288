"""The verbs before the lock: how often would we be wrong, and what could we see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from evaluation.cli.session import say, writable
from evaluation.errors import UserError

app = typer.Typer(help="Before the protocol is frozen: error rates, power, comparison areas.")


def numbers(text: str, kind: type[int] | type[float], what: str) -> list[int] | list[float]:
    """A list of numbers from ``1,3,6``."""
    try:
        return [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UserError(f"{what} cannot be {text!r}.", expected="numbers, as in 1,3,6") from None


@app.command("calibrate")
def calibrate_verb(
    panel: Annotated[Path, typer.Argument(help="A CSV (may be .gz), one row an area and quarter.")],
    area: Annotated[str, typer.Option(help="Its column of area codes.")],
    period: Annotated[str, typer.Option(help="Its column of quarters.")],
    value: Annotated[str, typer.Option(help="Its column of figures.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="FILE.json for the rates.")],
    population: Annotated[str | None, typer.Option(help="Its column of populations.")] = None,
    authority: Annotated[str | None, typer.Option(help="Its column of authorities.")] = None,
    estimator: Annotated[
        list[str] | None, typer.Option(help="did, imputation, sc, ridge or sdid; may be repeated.")
    ] = None,
    started: Annotated[str, typer.Option(help="Numbers of pilot areas.")] = "1,3,6,12",
    looks: Annotated[int, typer.Option(help="Looks, one a quarter, at the end of the panel.")] = 8,
    effect: Annotated[str, typer.Option(help="Planted effects in percent.")] = "0,-5,-10",
    simulations: Annotated[int, typer.Option(help="Rehearsals of each.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Of the rehearsals.")] = 0,
    workers: Annotated[int, typer.Option(help="Processors to use.")] = 1,
    resume: Annotated[Path | None, typer.Option(help="A folder that keeps finished parts.")] = None,
    pilots: Annotated[
        str,
        typer.Option(help="random, top_level, smallest, one_authority ..."),
    ] = "random",
    shape: Annotated[str, typer.Option(help="constant, ramp or heterogeneous.")] = "constant",
    scale: Annotated[str, typer.Option(help="level or log.")] = "level",
    strata: Annotated[str, typer.Option(help="level, population or both, with a comma.")] = "",
    block: Annotated[str, typer.Option(help="area or authority, what moves together.")] = "area",
    sample: Annotated[int, typer.Option(help="Areas drawn anew each time (0: all).")] = 0,
    assignments: Annotated[int, typer.Option(help="Placebo assignments each time.")] = 999,
) -> None:
    """Measure size, coverage and power of the actual pipeline on your own panel."""
    from evaluation.design.calibrate import SHORT, Columns, calibrate, read_panel
    from evaluation.design.many import Runs
    from evaluation.design.trial import Pilots, Rehearsal, Shape
    from evaluation.estimate.frame import Scale, one_of
    from evaluation.estimate.ladder import Choices
    from evaluation.estimate.looks import LookPlan

    writable(output, (".json",))
    for name, given, allowed in (
        ("--pilots", pilots, Pilots), ("--shape", shape, Shape), ("--scale", scale, Scale),
        ("--block", block, Literal["area", "authority"]),
    ):  # fmt: skip
        one_of(name, given, allowed)
    asked = estimator or ["did"]
    if unknown := [name for name in asked if name not in SHORT]:
        raise UserError(f"there is no estimator {unknown[0]!r}.", expected=", ".join(SHORT))
    columns = Columns(
        area=area, period=period, value=value, population=population, authority=authority
    )
    read = read_panel(panel, columns)
    say(f"{len(read.areas):,} areas with a figure in each of {len(read.periods)} quarters.")
    if looks >= len(read.periods):
        raise UserError(f"{looks} looks leave nothing before the start.", mend="fewer --looks")
    rehearsal = Rehearsal(
        started=1, looks=looks, pilots=pilots, shape=shape, choices=Choices(scale=scale),  # type: ignore[arg-type]
        strata=tuple(part for part in strata.split(",") if part), block=block,  # type: ignore[arg-type]
        assignments=assignments, plan=LookPlan(horizon=looks), sample=sample,
    )  # fmt: skip
    found = calibrate(
        read, [SHORT[name] for name in asked], started=numbers(started, int, "--started"),  # type: ignore[arg-type]
        effects=numbers(effect, float, "--effect"), rehearsal=rehearsal,
        runs=Runs(simulations=simulations, seed=seed, workers=workers, resume=resume),
        progress=lambda m: say(f"· {m}"),
    )  # fmt: skip
    output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for row in found["rows"]:
        if row["look"] == "any":
            rejected = row["size"] if row["effect"] == 0 else row["power"]
            print(
                f"{row['estimator']:18} {row['started']:3} started, effect {row['effect']:+g} %: "
                f"rejected {100 * rejected:5.1f} % (± {100 * row['mc_se']:.1f}), "
                f"repeated interval holds {100 * row['coverage']:5.1f} %"
            )
    print(output)
