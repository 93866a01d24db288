"""Mistakes that leave every figure possible, so that only the past or the clock can tell.

Planted where they are plain; how many of the less plain ones are caught is measured elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from evaluation.check.before import Before, Held
from tests.corpus.draft import COLUMNS, Draft, Row
from tests.corpus.faults import BOTH, FIGURE, Fault, Sought, counted, sought
from tests.corpus.world import VALUE

QUESTIONS: list[Fault] = []
LARGE = "arrears"


def question(
    name: str, kinds: tuple[str, ...] = BOTH
) -> Callable[[Callable[[Draft], list[Sought]]], None]:
    def add(plant: Callable[[Draft], list[Sought]]) -> None:
        QUESTIONS.append(Fault(name, plant, kinds, alone=True))

    return add


def large(row: Row) -> bool:
    return counted(row) and row["outcome"] == LARGE


def earlier_rows(draft: Draft, quarters: int) -> list[Row]:
    """The clean rows of an earlier quarter, in the same order."""
    rows = draft.world.rows(draft.site, draft.agency, draft.period + -quarters)
    return [dict(zip(COLUMNS, row, strict=False)) for row in rows]


def times(factor: float) -> None:
    @question(f"a figure times {factor:g}")
    def _(draft: Draft) -> list[Sought]:
        row = draft.pick(*FIGURE, where=large)
        row["numerator"] = round(row["numerator"] * factor)
        rules = "R060 R045 R046 R044" if factor > 1 else "R060"
        return [sought(rules, lambda: draft.cell(row, "numerator"))]


for _factor in (10, 0.1, 0.01, 2.5):
    times(_factor)


@question("numerator and denominator swapped")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=large)
    row["numerator"], row["denominator"] = row["denominator"], row["numerator"]
    return [sought("R049", lambda: draft.cell(row, "numerator"))]


@question("the rate and not the count")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=large)
    row["numerator"] = round(1000 * row["numerator"] / row["denominator"])
    return [sought("R064 R060", lambda: draft.cell(row, "numerator"))]


@question("a whole outcome times ten")
def _(draft: Draft) -> list[Sought]:
    rows = [row for row in draft.of("children_looked_after") if counted(row)]
    for row in rows:
        row["numerator"] *= 10
    return [sought("R061", lambda: draft.cell(rows[0], "numerator"))]


def copied(quarters: int) -> None:
    @question(f"the figures of {quarters} quarters ago")
    def _(draft: Draft) -> list[Sought]:
        for row, old in zip(draft.rows, earlier_rows(draft, quarters), strict=True):
            row["numerator"], row["status"] = old["numerator"], old["status"]
        first = next(row for row in draft.rows if counted(row))
        return [sought("R062", lambda: draft.cell(first, "numerator"))]


copied(1)
copied(4)


@question("the whole column one row down")
def _(draft: Draft) -> list[Sought]:
    rows = [row for row in draft.rows if row["outcome"] != VALUE]
    figures = [(row["numerator"], row["status"]) for row in rows]
    for row, moved in zip(rows[1:], figures, strict=False):
        row["numerator"], row["status"] = moved
    # Where neighbours are alike, the run is noticed a few rows later than it begins.
    return [sought("R063", lambda: "|".join(draft.cell(r, "numerator") for r in rows[1:]))]


@question("two rows with each other's figures")
def _(draft: Draft) -> list[Sought]:
    one, other = draft.of(LARGE)[:2]
    for column in ("numerator", "denominator"):
        one[column], other[column] = other[column], one[column]
    return [sought("R063", lambda: draft.cell(one, "numerator"))]


@question("a figure filled down")
def _(draft: Draft) -> list[Sought]:
    rows = draft.of(LARGE)
    for row in rows:
        row["numerator"] = rows[0]["numerator"]
    return [sought("R057", lambda: draft.cell(rows[0], "numerator"))]


@question("another denominator")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=large)
    row["denominator"] += 40
    return [sought("R065", lambda: draft.cell(row, "denominator"))]


@question("none, where there always were some")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=large)
    row["numerator"] = 0
    return [sought("R069", lambda: draft.cell(row, "numerator"))]


@question("a figure that has gone")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=large)
    row["numerator"], row["status"] = None, "[x]"
    return [sought("R068", lambda: draft.cell(row, "status"))]


@question("a small count")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=lambda row: row["outcome"] == "children_looked_after")
    row["numerator"], row["status"] = 3, None
    return [sought("R052", lambda: draft.cell(row, "numerator"))]


@question("rounded, and not said to what")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=counted)
    row["status"] = "[r]"
    return [sought("R059", lambda: draft.cell(row, "status"))]


@question("rounded to what it is no multiple of")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=lambda row: counted(row) and row["numerator"] % 5)
    row["status"], row["note"] = "[r]", "rounded to 5"
    return [sought("R059", lambda: draft.cell(row, "status"))]


def rounded(base: int) -> None:
    @question(f"every figure rounded to {base}")
    def _(draft: Draft) -> list[Sought]:
        rows = [row for row in draft.rows if counted(row)]
        for row in rows:
            row["numerator"] = max(base, base * round(row["numerator"] / base))
        return [sought("R058", lambda: draft.cell(rows[0], "numerator"))]


rounded(5)
rounded(10)


@question("a figure given until now that is withheld")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=large)
    row["numerator"], row["status"] = None, "[c]"
    return [sought("R068", lambda: draft.cell(row, "status"))]


@question("another quarter's figures for one that was accepted")
def _(draft: Draft) -> list[Sought]:
    held = {
        (row["area_code"], row["outcome"]): Held(
            draft.period.ordinal, float(row["numerator"]), float(row["denominator"])
        )
        for row in draft.rows
        if counted(row)
    }
    draft.past.append(lambda before: replace(before, accepted=held))
    for row, old in zip(draft.rows, earlier_rows(draft, 1), strict=True):
        row["numerator"], row["status"] = old["numerator"], old["status"]
    return [sought("R092", lambda: "")]


def revised(factor: float, rule: str) -> None:
    @question(f"an accepted figure times {factor:g}")
    def _(draft: Draft) -> list[Sought]:
        row = draft.pick(*FIGURE, where=large)
        was = row["numerator"]
        draft.past.append(accepted(draft, row, was))
        row["numerator"] = round(was * factor)
        return [sought(rule, lambda: draft.cell(row, "numerator"))]


def accepted(draft: Draft, row: Row, figure: float) -> Callable[[Before], Before]:
    held = Held(draft.period.ordinal, float(figure), float(row["denominator"]))
    return lambda before: replace(before, accepted={(row["area_code"], row["outcome"]): held})


revised(1.04, "R066")
revised(1.6, "R067")


@question("an area far from all others, in its first return")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=large)
    row["numerator"] = round(row["numerator"] / 9)
    draft.past.append(lambda before: replace(before, earlier={}))
    return [sought("R090", lambda: draft.cell(row, "numerator"))]


@question("a figure that another source gives otherwise")
def _(draft: Draft) -> list[Sought]:
    row = draft.pick(*FIGURE, where=large)
    held = Held(draft.period.ordinal, row["numerator"] * 1.2, float(row["denominator"]))
    key = row["area_code"], row["outcome"]
    draft.past.append(lambda before: replace(before, elsewhere={key: held}))
    return [sought("R091", lambda: draft.cell(row, "numerator"))]


def on(day: date, rule: str) -> None:
    @question(f"sent on {day}")
    def _(draft: Draft) -> list[Sought]:
        draft.past.append(lambda before: replace(before, today=day))
        where: Any = "Guide!B5" if draft.kind == "xlsx" else ""
        return [sought(rule, lambda: where)]


on(date(2026, 3, 1), "R008")
on(date(2026, 9, 30), "R009")
