"""How figures moved after they were first accepted: one figure's story, and the size of it all.

Revisions that are larger in pilot areas than in comparison areas would move an effect by
themselves, so both are shown side by side.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from evaluation.ledger.receipt import reason_record
from evaluation.ledger.schema import acts, confirmations, observations, returns
from evaluation.ledger.vintages import withdrawn
from evaluation.programme import Programme

Key = tuple[str, str, str]


class Version(NamedTuple):
    """A figure as one return gave it."""

    numerator: float | None
    denominator: float | None


def history(
    connection: sa.Connection, programme: str, area: str, outcome: str, quarter: str
) -> list[dict[str, Any]]:
    """Every version of one figure in the order of acceptance.

    One dict a version: revision, numerator, denominator, status, note, received, return_id, site,
    agency, confirmations (the reasons given with that return for what was questioned), withdrawn
    (None, or received and reason), stands (whether it is the figure as now known).
    """
    o, r, w = observations.c, returns.c, acts.c
    rows = connection.execute(
        sa.select(o.revision, o.numerator, o.denominator, o.status, o.note, o.return_seq)
        .add_columns(r.received, r.return_id, r.site, r.agency)
        .add_columns(w.received.label("withdrawn_at"), w.reason)
        .join(returns, r.seq == o.return_seq)
        .outerjoin(acts, sa.and_(w.return_seq == r.seq, w.kind == "withdrawal"))
        .where(
            o.programme == programme,
            o.area_code == area,
            o.outcome == outcome,
            o.quarter == quarter,
        )
        .order_by(o.revision)
    ).all()
    # In order of revision, so the last that was not withdrawn is the one that stands.
    standing = [row.revision for row in rows if row.withdrawn_at is None]
    versions = []
    for row in rows:
        version = dict(row._mapping)
        at, reason = version.pop("withdrawn_at"), version.pop("reason")
        version["confirmations"] = _reasons(connection, version.pop("return_seq"))
        version["withdrawn"] = None if at is None else {"received": at, "reason": reason}
        version["stands"] = standing[-1:] == [row.revision]
        versions.append(version)
    return versions


def _reasons(connection: sa.Connection, seq: int) -> list[dict[str, str]]:
    c = confirmations.c
    given = connection.execute(
        sa.select(confirmations).where(c.return_seq == seq).order_by(c.number)
    )
    return [reason_record(row._mapping) for row in given]


@dataclass
class _Sizes:
    figures: int = 0
    moved: int = 0
    lost: int = 0
    changes: list[float] = field(default_factory=list)


def revision_sizes(connection: sa.Connection, programme: Programme) -> list[dict[str, Any]]:
    """How large revisions were, in pilot and in comparison areas, outcome by outcome.

    One dict an outcome and role: outcome, role, figures, revised (how many stand otherwise than
    first accepted), share, changed_per_cent (mean of the change of the rate or value, with its
    sign), size_per_cent (mean without the sign), largest_per_cent, withheld_later (a symbol now
    stands). The three sizes are None where nothing was revised from a figure other than zero.
    """
    # Areas set aside belong to neither arm and would blur the contrast.
    role = {area.code: area.role for area in programme.areas if area.role != "excluded"}
    sizes: dict[tuple[str, str], _Sizes] = {}
    for outcome, area, figures in _counts(connection, programme.name):
        if area in role:
            one = sizes.setdefault((outcome, role[area]), _Sizes())
            one.figures += figures
    for (outcome, area, _), versions in _revised(connection, programme.name):
        if area not in role or len(versions) < 2:
            continue
        one = sizes[outcome, role[area]]
        # The first against the last: a figure moved and moved back has not moved an effect.
        first, last = (_value(version) for version in (versions[0], versions[-1]))
        if first == last:
            continue
        one.moved += 1
        # A figure that became a symbol was withheld and has no size.
        if last is None:
            one.lost += 1
        # From zero no change in per cent exists; it still counts as revised.
        elif first:
            one.changes.append(100 * (last / first - 1))
    return [_row(outcome, kind, one) for (outcome, kind), one in sorted(sizes.items())]


def _counts(connection: sa.Connection, programme: str) -> Iterable[Sequence[Any]]:
    o = observations.c
    return connection.execute(
        sa.select(o.outcome, o.area_code, sa.func.count(o.quarter.distinct()))
        .where(o.programme == programme, o.return_seq.not_in(withdrawn()))
        .group_by(o.outcome, o.area_code)
    )


def _revised(connection: sa.Connection, programme: str) -> Iterable[tuple[Key, list[Version]]]:
    """The standing versions of each figure of which there was more than one, in their order."""
    o = observations.c
    key = ("outcome", "area_code", "quarter")
    later = observations.alias()
    # Most figures have one version: only those of which a second exists are fetched.
    again = sa.select(later.c.revision).where(
        later.c.programme == o.programme,
        later.c.revision > 0,
        *(later.c[name] == o[name] for name in key),
    )
    rows = connection.execute(
        sa.select(*(o[name] for name in key), o.numerator, o.denominator)
        .where(o.programme == programme, o.return_seq.not_in(withdrawn()), again.exists())
        .order_by(*(o[name] for name in key), o.revision)
    )
    grouped: dict[Key, list[Version]] = {}
    for row in rows:
        grouped.setdefault((row.outcome, row.area_code, row.quarter), []).append(
            Version(row.numerator, row.denominator)
        )
    return grouped.items()


def _value(version: Version) -> float | None:
    numerator, denominator = version
    # An outcome in the form of a value has no denominator.
    return None if numerator is None else numerator / (denominator or 1.0)


def _row(outcome: str, role: str, one: _Sizes) -> dict[str, Any]:
    changes = one.changes
    sizes = [abs(change) for change in changes]
    return {
        "outcome": outcome,
        "role": role,
        "figures": one.figures,
        "revised": one.moved,
        "share": round(one.moved / one.figures, 6),
        "changed_per_cent": round(statistics.fmean(changes), 4) if changes else None,
        "size_per_cent": round(statistics.fmean(sizes), 4) if sizes else None,
        "largest_per_cent": round(max(sizes), 4) if sizes else None,
        "withheld_later": one.lost,
    }
