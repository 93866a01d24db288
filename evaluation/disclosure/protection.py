"""Counts of sites, edition by edition: how they print, and what all prints together leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evaluation.disclosure.audit import Left, Printed, attack
from evaluation.disclosure.counts import Atom, Count, history, possible
from evaluation.disclosure.policy import Policy, policy_of
from evaluation.errors import DisclosureError
from evaluation.programme import SITE_SOURCE
from evaluation.quarters import Period

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.disclosure.key import Key
    from evaluation.programme import Outcome, Programme, Site

WORST = 10
"""How many of the least protected counts an audit names."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """One count as the ledger holds it at a vintage: of an outcome, a site and a quarter.

    count : None where an area has no figure; a total of the others would be a count of other
    people. parts : area -> its count. residents : area -> the most that its count can be.
    """

    atom: Atom
    site: str
    outcome: str
    quarter: str
    count: int | None
    parts: Mapping[str, int] = field(default_factory=dict)
    residents: Mapping[str, int] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{self.outcome} {self.site} {self.quarter}"


@dataclass(frozen=True, kw_only=True)
class Protection:
    """What an audit found.

    protected : how many counts were attacked, of sites and of areas. fewest : values left to the
    least protected; None where nothing is printed. worst : those with the fewest values.
    """

    k: int
    protected: int
    hidden: int
    fewest: int | None
    worst: tuple[Left, ...]

    @property
    def ok(self) -> bool:
        return self.fewest is None or self.fewest >= self.k

    def as_dict(self) -> dict[str, Any]:
        """As ``disclosure audit --json`` prints it."""
        return {
            "ok": self.ok,
            "k": self.k,
            "protected": self.protected,
            "hidden": self.hidden,
            "fewest": self.fewest,
            "worst": [
                {
                    "cell": str(one.cell),
                    "low": one.low,
                    "high": one.high,
                    "values": one.values,
                    "binding": list(one.binding),
                }
                for one in self.worst
            ],
        }


def counted(programme: Programme) -> tuple[Outcome, ...]:
    """Outcomes whose pilot figures are people's counts that a site sends.

    Open figures are printed as their source prints them.
    """
    return tuple(o for o in programme.outcomes if o.source == SITE_SOURCE and o.whole)


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
    periods = sorted({Period.parse(text) for text in figures["quarter"]})
    return [
        _held(programme, outcome, site, period, areas[site.code], known[code].get(period.label, {}))
        for code, outcome in outcomes.items()
        if code in known
        for site in programme.sites
        for period in periods
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
    whole = len(known) == len(codes) > 0
    return Held(
        atom=Atom.of(programme.name, outcome.code, codes, period),
        site=site.code,
        outcome=outcome.code,
        quarter=period.label,
        count=sum(int(row["numerator"]) for row in known) if whole else None,
        parts={row["area_code"]: int(row["numerator"]) for row in known} if whole else {},
        residents={
            row["area_code"]: int(row["denominator"])
            for row in known
            if whole and outcome.form == "ratio" and row["denominator"] == row["denominator"]
        },
    )


def audit(
    editions: Mapping[str, Sequence[Held]],
    programme: Programme,
    key: Key,
    *,
    insider: tuple[str, str] | None = None,
) -> Protection:
    """What is left of every count of a site, and of every area's, to whoever holds all editions.

    He is told every revision of a count, exactly: a newspaper, a restatement, an officer.

    Parameters
    ----------
    editions : name -> the counts at its vintage, oldest first. insider : a site and an agency
        whose own counts he knows as well; theirs are not attacked.
    """
    policies = {outcome.code: policy_of(outcome) for outcome in counted(programme)}
    agencies = {outcome.code: outcome.agency for outcome in counted(programme)}
    versions: dict[Atom, list[Held]] = {}
    for known_then in editions.values():
        for one in known_then:
            if one.count is not None:
                versions.setdefault(one.atom, []).append(one)
    left: list[Left] = []
    hidden = 0
    for atom, known in versions.items():
        last = known[-1]
        if insider == (last.site, agencies[last.outcome]):
            continue
        shown = history([one.count or 0 for one in known], atom, key, policies[last.outcome])
        hidden += shown[-1].hidden
        site = _site_left(known, shown, policies[last.outcome])
        left += [site, *_areas_left(last, site)]
    left.sort(key=lambda one: one.values)
    return Protection(
        k=max((policy.k for policy in policies.values()), default=Policy().k),
        protected=len(left),
        hidden=hidden,
        fewest=left[0].values if left else None,
        worst=tuple(left[:WORST]),
    )


def _site_left(known: Sequence[Held], shown: Sequence[Count], policy: Policy) -> Left:
    """Every possible count, by trying all of them with all offsets: exact, revisions and all."""
    first = known[0].count or 0
    revisions = [(one.count or 0) - first for one in known]
    most = sum(known[0].residents.values()) or None
    counts = possible([one.printed for one in shown], revisions, policy, most)
    if first not in counts:
        raise DisclosureError(f"{known[0].address} is printed as no count could give it.")
    # Told every revision, he knows the last count as well as the first. The set has no holes.
    moved = revisions[-1]
    return Left(
        cell=known[-1].address,
        low=counts[0] + moved,
        high=counts[-1] + moved,
        binding=(known[-1].address,),
    )


def _areas_left(last: Held, site: Left) -> list[Left]:
    """The counts of a site's areas, that nothing but the site's count tells of."""
    if len(last.parts) < 2:
        return []
    bounds = {code: (0.0, float(last.residents.get(code, site.high))) for code in last.parts}
    whole = Printed(
        address=last.address, form=dict.fromkeys(last.parts, 1.0), low=site.low, high=site.high
    )
    return [
        Left(cell=f"{last.address} {one.cell}", low=one.low, high=one.high, binding=one.binding)
        for one in attack(bounds, [whole], list(last.parts))
    ]
