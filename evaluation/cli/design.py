"""The verbs before the lock: how often would we be wrong, and what could we see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from evaluation.cli.session import say, writable
from evaluation.errors import UserError

if TYPE_CHECKING:
    from evaluation.design.trial import Rehearsal

app = typer.Typer(help="Before the protocol is frozen: error rates, power, comparison areas.")

Source = Annotated[Path, typer.Argument(help="A CSV (may be .gz), one row an area and quarter.")]
Area = Annotated[str, typer.Option(help="Its column of area codes.")]
Time = Annotated[str, typer.Option(help="Its column of quarters.")]
Figure = Annotated[str, typer.Option(help="Its column of figures.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="FILE.json for the rates.")]
People = Annotated[str | None, typer.Option(help="Its column of populations.")]
Authority = Annotated[str | None, typer.Option(help="Its column of authorities.")]
Estimators = Annotated[
    list[str] | None, typer.Option(help="did, imputation, sc, ridge or sdid; may be repeated.")
]
Started = Annotated[str, typer.Option(help="Numbers of pilot areas.")]
Looks = Annotated[int, typer.Option(help="Looks, one a quarter, at the end of the panel.")]
Effect = Annotated[str, typer.Option(help="Planted effects in percent.")]
Simulations = Annotated[int, typer.Option(help="Rehearsals of each.")]
Seed = Annotated[int, typer.Option(help="Of the rehearsals.")]
Workers = Annotated[int, typer.Option(help="Processors to use.")]
Resume = Annotated[Path | None, typer.Option(help="A folder that keeps finished parts.")]
Chosen = Annotated[str, typer.Option(help="random, top_level, smallest, one_authority ...")]
Shape = Annotated[str, typer.Option(help="constant, ramp or heterogeneous.")]
Scale = Annotated[str, typer.Option(help="level or log.")]
Strata = Annotated[str, typer.Option(help="level, population or both, with a comma.")]
Block = Annotated[str, typer.Option(help="area or authority: what moves together.")]
Sample = Annotated[int, typer.Option(help="Areas drawn anew each time (0: all).")]
Drawn = Annotated[int, typer.Option(help="Placebo assignments each time.")]


@app.command("calibrate")
def calibrate_verb(
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
    resume: Resume = None,
    pilots: Chosen = "random",
    shape: Shape = "constant",
    scale: Scale = "level",
    strata: Strata = "",
    block: Block = "area",
    sample: Sample = 0,
    assignments: Drawn = 999,
) -> None:
    """Measure size, coverage and power of the actual pipeline on your own panel."""
    from evaluation.design.calibrate import SHORT, Columns, calibrate, read_panel
    from evaluation.design.many import Runs

    writable(output, (".json",))
    rehearsal = _rehearsal(
        (looks, assignments, sample), pilots=pilots, shape=shape, scale=scale, strata=strata,
        block=block,
    )  # fmt: skip
    asked = estimator or ["did"]
    if unknown := [name for name in asked if name not in SHORT]:
        raise UserError(f"there is no estimator {unknown[0]!r}.", expected=", ".join(SHORT))
    columns = Columns(area, period, value, population, authority)
    read = read_panel(panel, columns, looks)
    say(f"{len(read.areas):,} areas with a figure in each of {len(read.periods)} quarters.")
    found = calibrate(
        read, [SHORT[name] for name in asked], started=_whole(started, "--started"),
        effects=_figures(effect, "--effect"), rehearsal=rehearsal,
        runs=Runs(simulations=simulations, seed=seed, workers=workers, resume=resume),
        progress=lambda m: say(f"· {m}"),
    )  # fmt: skip
    output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    _tell(found)
    print(output)


def _rehearsal(numbers: tuple[int, int, int], **words: str) -> Rehearsal:
    """The plan, from three numbers and words that are checked before anything is read."""
    from evaluation.design.trial import Pilots, Rehearsal, Shape
    from evaluation.estimate.frame import Scale, one_of
    from evaluation.estimate.ladder import Choices
    from evaluation.estimate.looks import LookPlan

    for name, allowed in (
        ("pilots", Pilots), ("shape", Shape), ("scale", Scale),
        ("block", Literal["area", "authority"]),
    ):  # fmt: skip
        one_of(f"--{name}", words[name], allowed)
    looks, assignments, sample = numbers
    checked: dict[str, Any] = words
    return Rehearsal(
        started=1, looks=looks, pilots=checked["pilots"], shape=checked["shape"],
        choices=Choices(scale=checked["scale"]), block=checked["block"],
        strata=tuple(part for part in words["strata"].split(",") if part),
        assignments=assignments, plan=LookPlan(horizon=looks), sample=sample,
    )  # fmt: skip


def _whole(text: str, what: str) -> list[int]:
    return [int(number) for number in _figures(text, what)]


def _figures(text: str, what: str) -> list[float]:
    """A list of numbers from ``1,3,6``."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UserError(f"{what} cannot be {text!r}.", expected="numbers, as in 1,3,6") from None


def _tell(found: dict[str, Any]) -> None:
    for row in found["rows"]:
        if row["look"] == "any":
            rejected = row["size"] if row["effect"] == 0 else row["power"]
            print(
                f"{row['estimator']:18} {row['started']:3} started, effect {row['effect']:+g} %: "
                f"rejected {100 * rejected:5.1f} % (± {100 * row['mc_se']:.1f}), "
                f"repeated interval holds {100 * row['coverage']:5.1f} %"
            )
