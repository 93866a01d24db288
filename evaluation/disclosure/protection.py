"""Counts of sites, edition by edition: how they print, and what all prints together leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evaluation.disclosure.counts import Atom
from evaluation.errors import DisclosureError
from evaluation.programme import SITE_SOURCE
from evaluation.quarters import Period

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.disclosure.audit import Left
    from evaluation.programme import Outcome, Programme, Site

WORST = 10
"""How many of the least protected counts an audit names."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """One count as the ledger holds it at a vintage: of an outcome, a site and a quarter.

    count : of the areas that have a figure, as it is printed; None where none has. parts : area ->
    its count. residents : area -> the most that its count can be. known : it was withdrawn, and
    whoever it showed is known: it is attacked no more and helps against others.
    """

    atom: Atom
    site: str
    outcome: str
    quarter: str
    count: int | None
    parts: Mapping[str, int] = field(default_factory=dict)
    residents: Mapping[str, int] = field(default_factory=dict)
    known: bool = False

    @property
    def address(self) -> str:
        return f"{self.outcome} {self.site} {self.quarter}"


@dataclass(frozen=True, kw_only=True)
class Insider:
    """What an audit found where the attacker is who sends an agency's figures of a site.

    fewest : values left to the least protected of the counts that he did not send; None where
    nothing else is printed. worst : which that is.
    """

    site: str
    agency: str
    fewest: int | None
    worst: Left | None = None

    def as_dict(self) -> dict[str, Any]:
        """As ``disclosure audit --json`` prints it."""
        return {
            "insider": f"{self.site}/{self.agency}",
            "fewest": self.fewest,
            "worst": None if self.worst is None else _told(self.worst),
        }


def _told(one: Left) -> dict[str, Any]:
    return {
        "cell": str(one.cell),
        "low": one.low,
        "high": one.high,
        "values": one.values,
        "binding": list(one.binding),
    }


@dataclass(frozen=True, kw_only=True)
class Protection:
    """What an audit found.

    protected : how many counts were attacked, of sites and of areas, and revisions of them. fewest
    : values left to the least protected; None where nothing is printed. worst : those with the
    fewest values. figures : printed values that the attacker held. anew : how many outcomes'
    systems had changed since they were last attacked. insiders : what each of those found who were
    tried as attackers too.
    """

    k: int
    protected: int
    hidden: int
    fewest: int | None
    worst: tuple[Left, ...]
    figures: int = 0
    anew: int = 0
    insiders: tuple[Insider, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether enough is left to whoever was tried, insiders among them."""
        left = [self.fewest, *(one.fewest for one in self.insiders)]
        return all(one is None or one >= self.k for one in left)

    @property
    def insiders_fewest(self) -> int | None:
        """Values left by the insider who finds most; None where none was tried."""
        return min((one.fewest for one in self.insiders if one.fewest is not None), default=None)

    def as_dict(self) -> dict[str, Any]:
        """As ``disclosure audit --json`` prints it."""
        return {
            "ok": self.ok,
            "k": self.k,
            "protected": self.protected,
            "hidden": self.hidden,
            "fewest": self.fewest,
            "figures": self.figures,
            "anew": self.anew,
            "worst": [_told(one) for one in self.worst],
            "insiders": [one.as_dict() for one in self.insiders],
        }


def counted(programme: Programme) -> tuple[Outcome, ...]:
    """Outcomes whose pilot figures are people's counts that a site sends.

    Open figures are printed as their source prints them.
    """
    return tuple(o for o in programme.outcomes if o.source == SITE_SOURCE and o.whole)


def submitters_tried(programme: Programme) -> tuple[tuple[str, str], ...]:
    """Every site and agency of whose figures any is attacked: who sends them is an insider."""
    agencies = {outcome.agency for outcome in counted(programme)}
    return tuple(
        (site, agency)
        for site, agency in programme.submitters
        if site in programme.site_by_code and agency in agencies
    )


def held(programme: Programme, observations: pd.DataFrame) -> list[Held]:
    """Every count of a site and a quarter, from the ledger's observations at a vintage.

    Raises
    ------
    DisclosureError : two sites hold one area, so that their counts overlap.
    """
    areas = {
        site.code: tuple(a.code for a in programme.areas if a.site == site.code)
        for site in programme.sites
    }
    owners = [code for codes in areas.values() for code in codes]
    if len(owners) != len(set(owners)):
        raise DisclosureError("two sites hold one area: their counts would overlap.")
    outcomes = {outcome.code: outcome for outcome in counted(programme)}
    figures = observations[observations["outcome"].isin(outcomes)]
    figures = figures[figures["area_code"].isin(owners)]
    known: dict[str, dict[str, dict[str, Any]]] = {}
    for row in figures.to_dict("records"):
        known.setdefault(row["outcome"], {}).setdefault(row["quarter"], {})[row["area_code"]] = row
    # Months and quarters stand beside each other: each outcome is looked at in its own.
    periods = sorted(
        {Period.parse(text) for text in figures["quarter"]},
        key=lambda period: (period.last_day, period.frequency),
    )
    return [
        _held(programme, outcome, site, period, areas[site.code], known[code].get(period.label, {}))
        for code, outcome in outcomes.items()
        if code in known
        for site in programme.sites
        for period in periods
        if period.frequency == outcome.period_frequency
    ]


def _held(
    programme: Programme,
    outcome: Outcome,
    site: Site,
    period: Period,
    codes: Sequence[str],
    rows: Mapping[str, Any],
) -> Held:
    # A missing figure is NaN, which is not itself.
    known = [rows[c] for c in codes if c in rows and rows[c]["numerator"] == rows[c]["numerator"]]
    there = [row["area_code"] for row in known]
    # As a release names it: the same people and the same figure have one offset.
    series = f"{outcome.numerator}|{outcome.kind}"
    return Held(
        atom=Atom.of(programme.name, series, there, period),
        site=site.code,
        outcome=outcome.code,
        quarter=period.label,
        count=sum(round(row["numerator"]) for row in known) if known else None,
        parts={row["area_code"]: round(row["numerator"]) for row in known},
        residents={
            row["area_code"]: int(row["denominator"])
            for row in known
            if outcome.form == "ratio" and row["denominator"] == row["denominator"]
        },
    )
