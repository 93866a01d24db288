"""Reading the ledger: what stands now, what was known at an instant, what changed between two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from evaluation.check.accepted import Entry
from evaluation.ledger.schema import acts, observations, returns
from evaluation.quarters import Period, format_instant
from evaluation.returns.form import FigureKey, Figures, Return

if TYPE_CHECKING:
    import pandas as pd


# A restated year changes thousands of figures: a receipt is for reading.
_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class StoredFigure:
    """A figure as it stands in the ledger, and how many versions came before it."""

    numerator: float | None
    denominator: float | None
    status: str
    note: str
    revision: int
    se: float | None = None
    respondents: float | None = None


def changes(returned: Return, held: Mapping[FigureKey, StoredFigure]) -> tuple[str, ...]:
    """One sentence for each figure that changes, the count first.

    ``held`` are the submitter's figures for the same period, by area, period and outcome. A later
    return replaces the figures that it holds; those that it does not hold stand as they were.
    """
    rows = returned.rows
    whose = f"{returned.site} {returned.agency} for {returned.period}"
    if not held:
        missing = sum(row.numerator is None for row in rows)
        without = f", {missing} of them missing with a symbol" if missing else ""
        return (f"First return of {whose}: {len(rows)} figures{without}.",)
    lines = []
    new = 0
    for row in rows:
        before = held.get(row.key)
        if before is None:
            new += 1
            continue
        was, now = (in_words(one) for one in (before, row))
        # Compared as they are shown, so that no line says that a figure became itself.
        if was != now:
            lines.append(f"{row.outcome} in {row.area_code}: {was} became {now}.")
    head = f"{len(lines)} of {len(rows)} figures of {whose} changed"
    texts = [head + (f", {new} new." if new else "."), *lines[:_LISTED]]
    if len(lines) > _LISTED:
        texts.append(f"... and {len(lines) - _LISTED} more.")
    absent = len(held.keys() - {row.key for row in rows})
    if absent:
        texts.append(
            f"Not in this return, and standing as they were: {absent} of the earlier figures."
        )
    return tuple(texts)


def brought_back(connection: sa.Connection, return_id: str) -> tuple[str, ...]:
    """What the withdrawal of a return would change: a line for each figure of it that stands.

    Where an earlier version is there, it stands again; where none is, no figure does.
    """
    o, r = observations.c, returns.c
    rows = connection.execute(
        sa.select(o.outcome, o.area_code, o.quarter, o.numerator, o.denominator, o.status, o.note)
        .add_columns(o.se, o.respondents, r.return_id)
        .join(returns, r.seq == o.return_seq)
        .where(
            sa.tuple_(o.programme, o.quarter).in_(
                sa.select(r.programme, r.quarter).where(r.return_id == return_id)
            ),
            r.seq.not_in(withdrawn()),
        )
        .order_by(o.outcome, o.area_code, o.quarter, o.revision)
    )
    versions: dict[FigureKey, list[Any]] = {}
    for row in rows:
        versions.setdefault(FigureKey(row.area_code, row.quarter, row.outcome), []).append(row)
    back, gone = [], 0
    for key, held in versions.items():
        if held[-1].return_id != return_id:
            continue  # it gave no version of this figure, or a later return has replaced it
        if len(held) == 1:
            gone += 1
            continue
        now, then = (in_words(version) for version in held[-2:][::-1])
        if now != then:
            back.append(f"{key.outcome} in {key.area_code}: {then} stands again, not {now}.")
    texts = [f"{len(back)} earlier figures stand again."] if back else []
    texts += [
        *back[:_LISTED],
        *([f"... and {len(back) - _LISTED} more."] if back[_LISTED:] else []),
    ]
    return (
        *texts,
        *([f"{gone} figures have no earlier version: none stands then."] if gone else []),
    )


def in_words(held: Any) -> str:
    """A stored figure, or a row of a return, in words with what a sample's has beside it."""
    said = shown(held.numerator, held.denominator, held.status)
    if held.se is not None and held.respondents is not None:
        said += f" (error {_number(held.se)}, {_number(held.respondents)} respondents)"
    return said + (f" ({held.note})" if held.note else "")


def shown(numerator: float | None, denominator: float | None, status: str, note: str = "") -> str:
    """A figure in words: ``212 of 5,000 [r]``, or its symbol where there is none."""
    words = [] if numerator is None else [_number(numerator)]
    if numerator is not None and denominator is not None:
        words.append(f"of {_number(denominator)}")
    if status:
        words.append(status)
    return (" ".join(words) or "nothing") + (f" ({note})" if note else "")


def _number(value: float) -> str:
    # 12 digits: enough for any figure that is typed, and 0.1 does not show as
    # 0.1000000000000000055.
    return f"{value:,.0f}" if value == int(value) else f"{value:,.12g}"


_FIGURE = ("numerator", "denominator", "status")
_SAMPLED = ("se", "respondents")
_KEY = ("outcome", "area_code", "quarter")
_COLUMNS = ("area_code", "quarter", "outcome", *_FIGURE, "note")
_FLOATS = dict.fromkeys(("numerator", "denominator", *_SAMPLED), float)


def withdrawn(by: datetime | None = None) -> sa.Select[tuple[int]]:
    """The places of the returns that were withdrawn by an instant; None for ever."""
    then = sa.true() if by is None else acts.c.received <= format_instant(by)
    return sa.select(acts.c.return_seq).where(acts.c.kind == "withdrawal", then)


def held(connection: sa.Connection, returned: Return) -> dict[FigureKey, StoredFigure]:
    """The standing version of the figures that the return gives, or its submitter gave before.

    A figure may have come from another submitter, if the programme has changed who is asked for
    it: its history goes on.
    """
    o, r = observations.c, returns.c
    rows = connection.execute(
        sa.select(o.area_code, o.quarter, o.outcome, o.numerator, o.denominator)
        .add_columns(o.status, o.note, o.se, o.respondents, o.revision, r.site, r.agency)
        .join(returns, r.seq == o.return_seq)
        .where(*_asked_for(returned), r.seq.not_in(withdrawn()))
        # By revision, so that in the mapping a later version takes an earlier one's place.
        .order_by(o.revision)
    )
    given = {row.key for row in returned.rows}
    own = (returned.site, returned.agency)
    return {
        key: StoredFigure(
            numerator=row.numerator,
            denominator=row.denominator,
            status=row.status,
            note=row.note,
            revision=row.revision,
            se=row.se,
            respondents=row.respondents,
        )
        for row in rows
        if (key := FigureKey(row.area_code, row.quarter, row.outcome)) in given
        or (row.site, row.agency) == own
    }


def last_revisions(connection: sa.Connection, returned: Return) -> dict[FigureKey, int]:
    """The number of the last version of each figure, withdrawn ones included."""
    o = observations.c
    rows = connection.execute(
        # Withdrawn ones too: numbers are never used again, or two versions would share a key.
        sa.select(o.area_code, o.quarter, o.outcome, sa.func.max(o.revision).label("last"))
        .where(*_asked_for(returned))
        .group_by(o.area_code, o.quarter, o.outcome)
    )
    return {FigureKey(row.area_code, row.quarter, row.outcome): row.last for row in rows}


def _asked_for(returned: Return) -> tuple[sa.ColumnElement[bool], ...]:
    o = observations.c
    return (
        o.programme == returned.programme,
        o.quarter == returned.period.label,
        o.outcome.in_({row.outcome for row in returned.rows}),
    )


def before(
    connection: sa.Connection, programme: str, submitter: tuple[str, str], period: Period
) -> Figures:
    """The submitter's figures for the nearest period before ``period``, in their latest version."""
    o, r = observations.c, returns.c
    own = (
        r.programme == programme,
        r.site == submitter[0],
        r.agency == submitter[1],
        r.seq.not_in(withdrawn()),
    )
    periods = [
        Period.parse(label)
        for label in connection.execute(sa.select(r.quarter).where(*own).distinct()).scalars()
    ]
    # A year and a quarter cannot be compared, and a submitter may owe both.
    earlier = [p for p in periods if p.frequency == period.frequency and p < period]
    if not earlier:
        return {}
    rows = connection.execute(
        sa.select(o.area_code, o.outcome, o.numerator, o.denominator)
        .join(returns, r.seq == o.return_seq)
        .where(*own, r.quarter == max(earlier).label)
        .order_by(o.revision)
    )
    return {(row.area_code, row.outcome): (row.numerator, row.denominator) for row in rows}


def latest(
    connection: sa.Connection, programme: str, outcomes: Sequence[str] | None = None
) -> Iterator[tuple[str, str, dict[str, Entry]]]:
    """Every figure that stands: an outcome, an area, and its figures by the label of the period.

    Row by row and without pandas, which a check of one return must not wait for; a panel is read
    by ``as_of``.
    """
    o, r = observations.c, returns.c
    chosen = sa.true() if outcomes is None else o.outcome.in_(outcomes)
    # Who sent a return is read once for each, and not with each of its thousands of figures.
    sent = connection.execute(
        sa.select(r.seq, r.site, r.agency).where(
            r.programme == programme, r.seq.not_in(withdrawn())
        )
    )
    submitters = {seq: (site, agency) for seq, site, agency in sent.all()}
    rows = connection.execute(
        sa.select(o.outcome, o.area_code, o.quarter, o.numerator, o.denominator, o.status)
        .add_columns(o.return_seq)
        .where(o.programme == programme, chosen, o.return_seq.not_in(withdrawn()))
        .order_by(o.outcome, o.area_code, o.quarter, o.revision)
    )
    # Fetched at once: asking the cursor for each of a nation's rows takes longer than reading them.
    for (outcome, area), figures in groupby(rows.all(), key=itemgetter(0, 1)):
        yield (
            outcome,
            area,
            {
                # In order of revision: a later version takes an earlier's place.
                quarter: Entry(numerator, denominator, status, submitters[seq])
                for _, _, quarter, numerator, denominator, status, seq in figures
            },
        )


def as_of(
    connection: sa.Connection,
    programme: str,
    instant: datetime | None,
    outcomes: Sequence[str] | None,
    areas: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The latest version of each figure received, and not withdrawn, at or before ``instant``."""
    r = returns.c
    # Inclusive, and as text: every instant is UTC in one format.
    by_then = sa.true() if instant is None else r.received <= format_instant(instant)
    known = _accepted(connection, programme, by_then, r.seq.not_in(withdrawn(instant)))
    frame = _versions(connection, programme, outcomes, areas)
    # Filtered here and not in SQL: thousands of returns could exceed SQLite's limit on parameters.
    frame = frame[frame["return_seq"].isin([row.seq for row in known])]
    # The rows come by revision, so the last of a figure is its latest among those known.
    latest = ~frame.duplicated(["outcome", "area_code", "quarter"], keep="last")
    return _dated(frame[latest], known).reset_index(drop=True)


def restated(
    connection: sa.Connection,
    programme: str,
    instant: datetime | None,
    outcomes: Sequence[str] | None,
) -> pd.DataFrame:
    """The figures that stand otherwise than they were first sent, as known at ``instant``.

    One that was sent again as it was is not among them. Columns outcome, area_code, quarter.
    """
    o, r = observations.c, returns.c
    by_then = sa.true() if instant is None else r.received <= format_instant(instant)
    known = {
        row.seq
        for row in _accepted(connection, programme, by_then, r.seq.not_in(withdrawn(instant)))
    }
    # Few areas are ever sent again, and of the others nothing needs to be read. Asked within the
    # query: the areas of a nation that was sent again would exceed the limit on parameters.
    again = sa.select(o.area_code).where(o.programme == programme, o.revision > 0)
    frame = _versions(connection, programme, outcomes, again)
    frame = frame[frame["return_seq"].isin(known)]
    key = ["outcome", "area_code", "quarter"]
    said = ["numerator", "denominator", "status", *_SAMPLED]
    first = frame.drop_duplicates(key, keep="first").set_index(key)[said]
    last = frame.drop_duplicates(key, keep="last").set_index(key)[said]
    # Two figures that are missing are the same, though neither equals the other.
    moved = ((first != last) & ~(first.isna() & last.isna())).any(axis=1)
    return moved[moved].index.to_frame(index=False)


def every_version(
    connection: sa.Connection, programme: str, outcomes: Sequence[str] | None
) -> pd.DataFrame:
    """Every version of each figure, withdrawn ones too, in the order of acceptance."""
    known = _accepted(connection, programme)
    return _dated(_versions(connection, programme, outcomes, None), known)


def _accepted(
    connection: sa.Connection, programme: str, *which: sa.ColumnElement[bool]
) -> Sequence[sa.Row[Any, Any, Any]]:
    """Place, instant and id of a programme's returns."""
    r = returns.c
    asked = sa.select(r.seq, r.received, r.return_id).where(r.programme == programme, *which)
    return connection.execute(asked).all()


def _dated(frame: pd.DataFrame, known: Sequence[sa.Row[Any, Any, Any]]) -> pd.DataFrame:
    """Versions with the instant and the id of the return that they came with."""
    received = {row.seq: row.received for row in known}
    ids = {row.seq: row.return_id for row in known}
    # A column without a single figure would come as objects and not as floats.
    frame = frame.astype({**_FLOATS, "revision": int}).assign(
        received=frame["return_seq"].map(received).astype("str"),
        return_id=frame["return_seq"].map(ids).astype("str"),
    )
    return frame[[*_COLUMNS, "received", "return_id", "revision", *_SAMPLED]]


def _versions(
    connection: sa.Connection,
    programme: str,
    outcomes: Sequence[str] | None,
    areas: Sequence[str] | sa.Select[tuple[str]] | None,
) -> pd.DataFrame:
    """Every version of each figure with the place of its return, earlier versions first."""
    import pandas as pd

    o = observations.c
    chosen = [o.programme == programme]
    chosen += [o.outcome.in_(outcomes)] if outcomes is not None else []
    chosen += [o.area_code.in_(areas)] if areas is not None else []
    columns = [*_COLUMNS, *_SAMPLED, "return_seq", "revision"]
    query = (
        sa.select(*(o[name] for name in columns))
        .where(*chosen)
        .order_by(o.outcome, o.area_code, o.quarter, o.revision)
    )
    # Tuples straight from the driver: a national panel has millions of rows, and no column needs
    # converting.
    return pd.DataFrame.from_records(connection.execute(query).cursor.fetchall(), columns=columns)


def difference(
    before: pd.DataFrame, after: pd.DataFrame, withdrawals: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What is new, revised or withdrawn in ``after`` against ``before``, sorted by key.

    Withdrawn is a figure in whose place a symbol stands, or that is not there. ``withdrawals``
    gives the reason for each withdrawn return: where its figure is gone, or an earlier one stands
    again, that is the reason for the change.
    """
    was, now = _figures(before), _figures(after)
    changed = []
    for key in sorted(was.keys() | now.keys()):
        old, new = was.get(key), now.get(key)
        # The note is left out: a figure with another remark is the same figure.
        same = (*_FIGURE, *_SAMPLED)
        if old is not None and new is not None and all(old[f] == new[f] for f in same):
            continue
        outcome, area, quarter = key
        gone = new is None or (
            new["numerator"] is None and old is not None and old["numerator"] is not None
        )
        reason = new["note"] if new is not None else ""
        # A withdrawal explains more than the note of whatever stands again.
        if old is not None and old["return_id"] in withdrawals:
            reason = f"return {old['return_id']} withdrawn: {withdrawals[old['return_id']]}"
        changed.append(
            {
                "kind": "new" if old is None else "withdrawn" if gone else "revised",
                "area_code": area,
                "quarter": quarter,
                "outcome": outcome,
                "before": old,
                "after": new,
                "reason": reason,
            }
        )
    return changed


def _figures(frame: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, Any]]:
    fields = [*_FIGURE, "note", *_SAMPLED, "return_id"]
    # As lists of objects, since a float column would turn None back into NaN, and NaN differs from
    # itself: every missing figure would count as revised. Column by column, which for the texts is
    # several times as quick as cell by cell.
    held = {name: _objects(frame[name]) for name in (*_KEY, *fields)}
    keys = zip(*(held[name] for name in _KEY), strict=True)
    rows = zip(*(held[name] for name in fields), strict=True)
    return {key: dict(zip(fields, row, strict=True)) for key, row in zip(keys, rows, strict=True)}


def _objects(column: pd.Series[Any]) -> list[Any]:
    """A column as a list, with None for what is missing."""
    known = column.notna().tolist()
    return [value if there else None for value, there in zip(column.tolist(), known, strict=True)]
