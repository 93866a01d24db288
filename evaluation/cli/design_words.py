"""What the verbs before the lock print: power, candidate sets, balance, error rates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evaluation.cli.session import print_table, say

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.design.calibrate import Read
    from evaluation.design.match import Matched

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
        what = f"a fall of {seen['percent']:.1f} %" if seen["percent"] else "none of those planted"
        print(
            f"{seen['estimator']:18} {seen['started']:3} started: {what} would be found four times "
            f"in five over {found['looks']} looks"
        )
