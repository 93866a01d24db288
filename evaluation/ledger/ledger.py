"""Ledger: append accepted returns, and read back what was known at any instant.

SQLAlchemy's only door (with ``schema.py``). One chain of returns runs through the ledger, over all
programmes. A later return of the same submitter and period replaces only the figures that it
holds; the earlier ones stay readable for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from evaluation import fingerprint
from evaluation.check.confirmations import Confirmation
from evaluation.errors import LedgerError
from evaluation.ledger import store, vintages
from evaluation.ledger.changes import Held, changes
from evaluation.ledger.receipt import FIRST, Receipt, chain_hash, return_id
from evaluation.ledger.schema import confirmations as confirmations_table
from evaluation.ledger.schema import metadata, observations, returns, triggers
from evaluation.quarters import Period, format_instant
from evaluation.returns.content import Figures, Return

if TYPE_CHECKING:
    import pandas as pd

BUSY_SECONDS = 60


class Ledger:
    """Every accepted return; open it with ``Ledger.open`` and as a context manager."""

    def __init__(self, engine: sa.Engine, raw: Path) -> None:
        self._engine = engine
        self._raw = raw

    @classmethod
    def open(cls, database: Path | str, raw: Path) -> Ledger:
        """Open the ledger in an SQLite file, and make it if there is none.

        ``raw`` is the folder for the files as they came.

        Raises
        ------
        LedgerError : if the file cannot be opened or is no ledger.
        """
        path = Path(database)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(
                f"the folder cannot be made ({error.strerror}).", where=str(path)
            ) from None
        engine = sa.create_engine(
            f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
        )
        sa.event.listen(engine, "connect", _set_up_connection)
        sa.event.listen(engine, "begin", _begin)
        ledger = cls(engine, raw)
        ledger._create()
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def submit(
        self,
        returned: Return,
        content: bytes,
        *,
        received: datetime,
        confirmations: Sequence[Confirmation] = (),
        synthetic_clock: bool = False,
    ) -> Receipt:
        """Accept a return, whole or not at all.

        If the submitter's latest return for the period has the same content, nothing is added and
        its receipt comes back with ``already_held``.

        Parameters
        ----------
        content : the file's bytes; kept under their hash before the record is made.
        received : the instant of receipt.
        confirmations : the reasons for what was questioned.
        synthetic_clock : whether ``received`` was set rather than read from a clock.

        Raises
        ------
        LedgerError : if the bytes are not the return's own, or the ledger cannot be written.
        """
        if fingerprint.of_bytes(content) != returned.sha256:
            raise LedgerError(
                "the file's bytes are not those that were checked; nothing was accepted.",
                where=f"{returned.site} {returned.agency} {returned.period}",
                mend="check the file again and submit it.",
            )
        store.keep(self._raw, content)
        with self._connection(write=True) as connection:
            latest = _latest_of(connection, returned)
            if latest is not None and latest.content_hash == returned.content_hash:
                return _receipts(connection, returns.c.seq == latest.seq, already_held=True)[0]
            held = vintages.held(connection, returned)
            seq = _append_return(
                connection,
                returned,
                format_instant(received),
                changes(returned, held),
                synthetic_clock,
            )
            if confirmations:
                connection.execute(confirmations_table.insert(), _confirmed(seq, confirmations))
            connection.execute(observations.insert(), _observed(seq, returned, held))
            return _receipts(connection, returns.c.seq == seq)[0]

    def receipts(self, programme: str | None = None) -> list[Receipt]:
        """Every receipt in the order of acceptance, of one programme or of all."""
        chosen = sa.true() if programme is None else returns.c.programme == programme
        with self._connection() as connection:
            return _receipts(connection, chosen)

    def last_accepted(self, programme: str, site: str, agency: str, period: Period) -> Figures:
        """The submitter's latest figures before ``period``: what a new return is compared with.

        The nearest earlier period of which a return was accepted counts, in its latest version.
        """
        with self._connection() as connection:
            return vintages.before(connection, programme, (site, agency), period)

    def observations(
        self,
        programme: str,
        *,
        as_of: datetime | None = None,
        outcomes: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """What was known at an instant: the latest version of each figure received by then.

        Parameters
        ----------
        as_of : inclusive; None for everything.
        outcomes : codes; None for all.

        Returns
        -------
        One row an area, quarter and outcome, sorted by outcome, area_code, quarter, with columns
        area_code, quarter, outcome, numerator, denominator, status, note, received (text),
        return_id, revision (how many earlier versions of the figure were accepted).
        """
        with self._connection() as connection:
            return vintages.as_of(connection, programme, as_of, outcomes)

    def diff(self, programme: str, a: datetime, b: datetime) -> list[dict[str, Any]]:
        """What changed in what was known between two instants.

        One dict a figure: kind (new, revised, withdrawn), area_code, quarter, outcome, before,
        after, reason. A figure is withdrawn where a symbol took its place.
        """
        with self._connection() as connection:
            before = vintages.as_of(connection, programme, a, None)
            after = vintages.as_of(connection, programme, b, None)
        return vintages.difference(before, after)

    def _create(self) -> None:
        with self._connection(write=True) as connection:
            if sa.inspect(connection).has_table(returns.name):
                return
            metadata.create_all(connection)
            for statement in triggers():
                connection.exec_driver_sql(statement)

    @contextmanager
    def _connection(self, *, write: bool = False) -> Iterator[sa.Connection]:
        """A connection in a transaction; a failure of the database becomes a sentence."""
        try:
            with self._engine.connect() as connection:
                ready = connection.execution_options(newstart_write=write)
                with ready.begin():
                    yield ready
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise LedgerError(
                f"the ledger could not be {'written; nothing was accepted' if write else 'read'}"
                f" ({cause}).",
                where=str(self._engine.url.database),
            ) from error


def _set_up_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, of its own accord
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """Writers take the lock at once: what they read must still hold when they write."""
    write = connection.get_execution_options().get("newstart_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _latest_of(connection: sa.Connection, returned: Return) -> sa.Row[Any, Any] | None:
    return connection.execute(
        sa.select(returns.c.seq, returns.c.content_hash)
        .where(
            returns.c.programme == returned.programme,
            returns.c.site == returned.site,
            returns.c.agency == returned.agency,
            returns.c.quarter == returned.period.label,
        )
        .order_by(returns.c.seq.desc())
        .limit(1)
    ).first()


def _append_return(
    connection: sa.Connection,
    returned: Return,
    received: str,
    told: tuple[str, ...],
    synthetic_clock: bool,
) -> int:
    last = connection.execute(
        sa.select(returns.c.seq, returns.c.chain_hash).order_by(returns.c.seq.desc()).limit(1)
    ).first()
    seq, previous = (1, FIRST) if last is None else (last.seq + 1, last.chain_hash)
    chain = chain_hash(
        previous_hash=previous,
        content_hash=returned.content_hash,
        file_sha256=returned.sha256,
        programme=returned.programme,
        submitter=(returned.site, returned.agency),
        quarter=returned.period.label,
        received=received,
    )
    connection.execute(
        returns.insert(),
        {
            "seq": seq,
            "return_id": return_id(chain),
            "programme": returned.programme,
            "site": returned.site,
            "agency": returned.agency,
            "quarter": returned.period.label,
            "received": received,
            "rows": len(returned.rows),
            "file_sha256": returned.sha256,
            "content_hash": returned.content_hash,
            "previous_hash": previous,
            "chain_hash": chain,
            "changes": json.dumps(told, ensure_ascii=False),
            "synthetic_clock": synthetic_clock,
        },
    )
    return seq


def _confirmed(seq: int, given: Sequence[Confirmation]) -> list[dict[str, Any]]:
    return [
        {"return_seq": seq, "number": number, "rule": one.rule, "cell": one.cell}
        | {"value": one.value, "reason": one.reason}
        for number, one in enumerate(given, start=1)
    ]


def _observed(
    seq: int, returned: Return, held: dict[tuple[str, str, str], Held]
) -> list[dict[str, Any]]:
    return [
        {
            "programme": returned.programme,
            "outcome": row.outcome,
            "area_code": row.area_code,
            "quarter": row.quarter.label,
            "revision": held[row.key].revision + 1 if row.key in held else 0,
            "return_seq": seq,
            "numerator": row.numerator,
            "denominator": row.denominator,
            "status": row.status,
            "note": row.note,
        }
        for row in returned.rows
    ]


def _receipts(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], *, already_held: bool = False
) -> list[Receipt]:
    rows = connection.execute(sa.select(returns).where(chosen).order_by(returns.c.seq)).all()
    given = connection.execute(
        sa.select(confirmations_table)
        .join(returns, returns.c.seq == confirmations_table.c.return_seq)
        .where(chosen)
        .order_by(confirmations_table.c.return_seq, confirmations_table.c.number)
    ).all()
    reasons: dict[int, list[dict[str, str]]] = {}
    for one in given:
        kept = {"rule": one.rule, "cell": one.cell, "value": one.value, "reason": one.reason}
        reasons.setdefault(one.return_seq, []).append(kept)
    return [
        Receipt(
            return_id=row.return_id,
            programme=row.programme,
            site=row.site,
            agency=row.agency,
            quarter=row.quarter,
            received=row.received,
            rows=row.rows,
            content_hash=row.content_hash,
            previous_hash=row.previous_hash,
            chain_hash=row.chain_hash,
            changes=tuple(json.loads(row.changes)),
            confirmations=tuple(reasons.get(row.seq, ())),
            synthetic_clock=row.synthetic_clock,
            already_held=already_held,
        )
        for row in rows
    ]
