"""Ledger: append accepted returns, and read back what was known at any instant.

SQLAlchemy's only door (with ``schema.py``). One chain of returns runs through the ledger, over all
programmes. A later return of the same submitter and period replaces only the figures that it
holds; the earlier ones stay readable for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import sqlalchemy as sa

from evaluation import fingerprint
from evaluation.check.accepted import AcceptedFigures
from evaluation.check.report import Confirmation
from evaluation.errors import LedgerError
from evaluation.ledger import append, destruction, keyed, learning_log, revisions, store, vintages
from evaluation.ledger import engine as migrate
from evaluation.ledger.data_keys import DataKeys, keys_at, seal, sealed_for
from evaluation.ledger.engine import BUSY_SECONDS, make_engine, transaction
from evaluation.ledger.receipt import Act, LedgerHead, Receipt, reason_record
from evaluation.ledger.schema import confirmations as confirmations_table
from evaluation.ledger.schema import nonces, returns, seals
from evaluation.ledger.signatures import (
    PrintedValue,
    Signature,
    Signed,
    append_printed,
    append_signature,
    read_printed,
    read_signatures,
)
from evaluation.ledger.verify import Verification, verify
from evaluation.quarters import Period, format_instant
from evaluation.returns.form import Figures, Return

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.programme import Programme


class AnsweredFigure(NamedTuple):
    """A figure of a return whose question one reason for its whole rule answered."""

    return_id: str
    outcome: str
    area_code: str


class Ledger:
    """Every accepted return; open it with ``Ledger.open`` and as a context manager."""

    def __init__(self, engine: sa.Engine, raw: store.Raw, keys: DataKeys) -> None:
        self.engine = engine
        self.raw = raw
        self.keys = keys

    @classmethod
    def open(
        cls, database: Path | str, raw: Path | str, *, busy_seconds: int = BUSY_SECONDS
    ) -> Ledger:
        """Open the ledger in an SQLite file, made if there is none, or on PostgreSQL by URL.

        Parameters
        ----------
        raw : the folder for the files as they came, or the URL of a store, like s3://bucket/raw.
        busy_seconds : how long to wait for another writer.

        Raises
        ------
        LedgerError : if it cannot be opened, is no ledger, or its tables cannot be brought up
            to date; or no folder is named for its data keys where one must be.
        """
        keys = keys_at(database, raw)
        ledger = cls(make_engine(database, busy_seconds), store.open_raw(raw), keys)
        with ExitStack() as unless_opened:
            # One that cannot be opened holds no connection.
            unless_opened.callback(ledger.close)
            ledger._bring_up_to_date()
            unless_opened.pop_all()
        return ledger

    def _bring_up_to_date(self) -> None:
        # Looked at as a reader first: an up-to-date ledger opens while another process writes.
        with transaction(self.engine) as connection:
            if migrate.is_current(connection):
                return
        with transaction(self.engine, write=True) as connection:
            # Another process may have brought it up to date in between; the steps then find nothing
            # to do.
            migrate.upgrade(connection)

    @classmethod
    def tables_at(cls, database: Path | str) -> str:
        """The step that the tables stand at before they are opened; "" if none is kept.

        Raises
        ------
        LedgerError : if the database cannot be read.
        """
        engine = make_engine(database)
        try:
            with transaction(engine) as connection:
                return migrate.held(connection) or ""
        finally:
            engine.dispose()

    def prepare(self, role: str, reader: str = "") -> None:
        """Let a PostgreSQL role add and read records, and nothing else; a ``reader`` only read.

        Raises
        ------
        LedgerError : if the ledger is an SQLite file, or there is no such role.
        """
        if self.engine.dialect.name != "postgresql":
            raise LedgerError("an SQLite file has no roles: who may write to the file, may write.")
        with transaction(self.engine, write=True) as connection:
            migrate.grant(connection, role, reader)

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
        self.engine.dispose()

    def submit(
        self,
        returned: Return,
        content: bytes,
        *,
        received: datetime,
        confirmations: Sequence[Confirmation] = (),
        by: str = "",
        synthetic_clock: bool = False,
        history: bool = False,
        repeatable: bool = False,
    ) -> Receipt:
        """Accept a return, whole or not at all.

        If the submitter's latest return for the period has the same content, nothing is added and
        its receipt comes back with ``already_held``.

        Parameters
        ----------
        content : the file's bytes; kept under their hash before the record is made.
        received : the instant of receipt.
        confirmations : the reasons for what was questioned.
        by : the person or service that sends it.
        synthetic_clock : whether ``received`` was set rather than read from a clock.
        history : whether it is loaded among others, as what was counted before it was asked for.
        repeatable : whether its nonce is made of its content and not drawn: for invented figures
            alone, so that a demonstration has the same hashes on every run.

        Raises
        ------
        LedgerError : if the bytes are not the return's own, or the ledger cannot be written.
        """
        # What was checked and what is kept must be one and the same file: it may have been saved
        # anew in between.
        if fingerprint.of_bytes(content) != returned.sha256:
            raise LedgerError(
                "the file's bytes are not those that were checked; nothing was accepted.",
                where=f"{returned.site} {returned.agency} {returned.period}",
                mend="check the file again and submit it.",
            )
        # Before the comparison: what is hashed is what the database will give back.
        returned = append.plain(returned)
        with transaction(self.engine, write=True) as connection:
            latest = append.latest_of(connection, returned)
            if latest is not None and latest.content_hash == returned.content_hash:
                return _receipts(connection, returns.c.seq == latest.seq, already_held=True)[0]
            # After the test for the same content: a redacted return keeps its figures, and sending
            # it again changes nothing.
            append.refuse_redacted(connection, returned)
            seq = append.append_return(
                connection,
                returned,
                format_instant(received),
                confirmations,
                synthetic_clock,
                by=by,
                history=history,
                repeatable=repeatable,
            )
            receipt = _receipts(connection, returns.c.seq == seq)[0]
            # Bytes before the commit: a file without a record does no harm, a record without its
            # file could never be verified.
            self._keep(receipt.return_id, content)
            return receipt

    def _keep(self, return_id: str, content: bytes) -> None:
        """Keep a file sealed under its return's data key."""
        held = seal(self.keys.make(return_id), return_id, content)
        store.keep(self.raw, held, fingerprint.of_bytes(content))

    def seal_files(self) -> int:
        """Seal the raw files that were kept as they came, as was done once; how many those were.

        Raises
        ------
        LedgerError : a file or a key cannot be written.
        """
        sealed = 0
        for return_id, sha256 in self._files():
            content = store.read(self.raw, sha256)
            if content is not None and fingerprint.of_bytes(content) == sha256:
                self._keep(return_id, content)
                sealed += 1
        return sealed

    def _files(self) -> list[tuple[str, str]]:
        """The id of each return that has a file, with the file's SHA-256."""
        query = sa.select(returns.c.return_id, returns.c.file_sha256).order_by(returns.c.seq)
        with transaction(self.engine) as connection:
            return [(row.return_id, row.file_sha256) for row in connection.execute(query) if row[1]]

    def to_destroy(self, programme: str, covers: destruction.Covers) -> list[destruction.Found]:
        """The returns that hold figures which a destruction would take; nothing is done."""
        with transaction(self.engine) as connection:
            return destruction.find(connection, programme, covers)

    def destroy(
        self,
        programme: str,
        covers: destruction.Covers,
        *,
        reason: str,
        received: datetime,
        by: str = "",
        synthetic_clock: bool = False,
    ) -> list[Act]:
        """Destroy figures for good, with their files and data keys; the acts come back.

        The chain says that it was done, and verifies as before. Called again, it finishes what was
        interrupted.

        Parameters
        ----------
        covers : whether a figure of an outcome and an area is to go.

        Raises
        ------
        LedgerError : no reason is given, or a record, file or key cannot be changed.
        """
        with transaction(self.engine, write=True) as connection:
            found = destruction.find(connection, programme, covers)
            done = [
                destruction.destroy(
                    connection,
                    one,
                    reason=reason,
                    received=format_instant(received),
                    by=by,
                    synthetic_clock=synthetic_clock,
                )
                for one in found
            ]
            # Before the commit: should that fail, the records stand without their files, and the
            # same call destroys them again. The other way round a file would be left that nothing
            # knows of.
            for one, act in zip(found, done, strict=True):
                names = {one.return_id, self.keys.current(one.return_id)}
                if one.file_sha256:
                    # It may have come twice, and is sealed under the key of the first time.
                    names.add(sealed_for(store.read(self.raw, one.file_sha256) or b""))
                    store.remove(self.raw, one.file_sha256)
                note = {"act": act.act_id, "received": act.received, "reason": act.reason}
                copies = [DataKeys(folder=one) for one in self.keys.copies()]
                for place in (self.keys, *copies):
                    if place.folder.is_dir():
                        for name in filter(None, names):
                            place.destroy(name, note)
        return done

    def compact(self) -> bool:
        """Write the database's files anew without what was destroyed; see ``engine.compact``."""
        return migrate.compact(self.engine)

    def withdraw(
        self,
        return_id: str,
        *,
        reason: str,
        received: datetime,
        by: str = "",
        synthetic_clock: bool = False,
    ) -> Act:
        """From an instant on, read the ledger without a return; nothing is removed.

        What it had replaced stands again, and the act says which figures those are. A return that
        is withdrawn already stays so.

        Raises
        ------
        LedgerError : if there is no such return, no reason, or the ledger cannot be written.
        """
        with transaction(self.engine, write=True) as connection:
            changes = vintages.brought_back(connection, return_id)
            act = append.append_act(
                connection,
                "withdrawal",
                return_id,
                reason=reason,
                received=format_instant(received),
                synthetic_clock=synthetic_clock,
                by=by,
            )
            return replace(act, changes=changes)

    def brought_back(self, return_id: str) -> tuple[str, ...]:
        """What a withdrawal of a return would change, in words; nothing is done.

        Raises
        ------
        LedgerError : if there is no such return.
        """
        with transaction(self.engine) as connection:
            append.place_of(connection, return_id)
            return vintages.brought_back(connection, return_id)

    def redact(
        self,
        return_id: str,
        *,
        reason: str,
        received: datetime,
        by: str = "",
        synthetic_clock: bool = False,
    ) -> Act:
        """Record why a return's raw file may not be kept, then remove it; its hash is kept.

        The figures stand. The return's nonce is destroyed with the file: what is known outside of
        it, its keyed hash, can be tied to nothing any more but by who kept the receipt. Redacting
        again removes a file that could not be removed before.

        Raises
        ------
        LedgerError : if there is no such return, no reason, or a record or file cannot be changed.
        """
        with transaction(self.engine, write=True) as connection:
            act = append.append_act(
                connection,
                "redaction",
                return_id,
                reason=reason,
                received=format_instant(received),
                synthetic_clock=synthetic_clock,
                by=by,
            )
            file = connection.execute(
                sa.select(returns.c.file_sha256).where(returns.c.return_id == return_id)
            ).scalar_one()
        # After the commit: a record that failed must not leave the file gone without a reason. The
        # reverse is mended by redacting again.
        if file:  # of a destroyed return neither it nor its hash is there
            store.remove(self.raw, file)
        migrate.forget(self.engine)
        return act

    def salt(self, programme: str) -> str:
        """The secret under which hashes of a programme's figures may leave; it stays."""
        with transaction(self.engine) as connection:
            return keyed.salt_of(connection, programme)

    def acts(self) -> list[Act]:
        """Every withdrawal, redaction and destruction in the order of the chain."""
        with transaction(self.engine) as connection:
            return append.read_acts(connection)

    def note(
        self,
        entry: learning_log.Entry,
        *,
        received: datetime,
        by: str = "",
        synthetic_clock: bool = False,
    ) -> learning_log.LogEntry:
        """Add an entry to the learning log; one written already comes back as it stands.

        Raises
        ------
        LedgerError : a word is missing, or the entry that it is about is not there.
        """
        with transaction(self.engine, write=True) as connection:
            return learning_log.append_entry(
                connection,
                entry,
                received=format_instant(received),
                by=by.strip(),
                synthetic_clock=synthetic_clock,
            )

    def entries(self, programme: str | None = None) -> list[learning_log.LogEntry]:
        """The learning log in the order of the chain, of one programme or of all."""
        with transaction(self.engine) as connection:
            return learning_log.read_entries(connection, programme)

    def sign(self, signed: Signed, *, received: datetime, synthetic_clock: bool) -> Signature:
        """Add a signature to the chain.

        Raises
        ------
        LedgerError : if the ledger cannot be written.
        """
        with transaction(self.engine, write=True) as connection:
            return append_signature(
                connection,
                signed,
                received=format_instant(received),
                synthetic_clock=synthetic_clock,
            )

    def signatures(self, programme: str | None = None) -> list[Signature]:
        """Every signature in the order of the chain, of one programme or of all."""
        with transaction(self.engine) as connection:
            return read_signatures(connection, programme)

    def print_values(
        self,
        signed: Signed,
        values: Sequence[PrintedValue],
        *,
        received: datetime,
        synthetic_clock: bool,
    ) -> Signature:
        """Add what an edition prints to the register, and the signature that binds it.

        A value that stands there already as this edition prints it adds nothing. One that was
        entered by a publication that failed, and is another now, is entered again: what was printed
        stands in the register, or more than it.

        Raises
        ------
        LedgerError : if the ledger cannot be written.
        """
        with transaction(self.engine, write=True) as connection:
            there = {
                (one.edition, one.address): one
                for one in read_printed(connection, signed.programme)
            }
            new = [one for one in values if there.get((one.edition, one.address)) != one]
            last = append_printed(connection, signed.programme, new)
            return append_signature(
                connection,
                replace(signed, hash=last),
                received=format_instant(received),
                synthetic_clock=synthetic_clock,
            )

    def register(self, programme: str | None = None) -> list[PrintedValue]:
        """Every value that was ever printed, in order, of one programme or of all."""
        with transaction(self.engine) as connection:
            return read_printed(connection, programme)

    def head(self) -> LedgerHead:
        """Where the ledger stands now, for a document that is to vouch for it later."""
        with transaction(self.engine) as connection:
            return append.head(connection)

    def verify(self, against: Iterable[Receipt | Act | LedgerHead] = ()) -> Verification:
        """Recompute everything from the raw bytes up; ``against`` is what was kept elsewhere.

        Receipts, and the heads that locks and editions name (``witness.py`` reads them).

        Raises
        ------
        LedgerError : if the ledger cannot be read at all.
        """
        with transaction(self.engine) as connection:
            return verify(connection, self.raw, against, self.keys)

    def holds(self, sha256: str) -> bool:
        """Whether a file of this SHA-256 was ever accepted."""
        with transaction(self.engine) as connection:
            found = sa.select(returns.c.seq).where(returns.c.file_sha256 == sha256).limit(1)
            return connection.execute(found).first() is not None

    def receipts_of_file(self, programme: str, sha256: str) -> list[Receipt]:
        """The receipts of a file, by its SHA-256, in the order of acceptance."""
        chosen = sa.and_(returns.c.programme == programme, returns.c.file_sha256 == sha256)
        with transaction(self.engine) as connection:
            return _receipts(connection, chosen)

    def would_change(self, returned: Return) -> tuple[str, ...]:
        """What accepting a return would change in figures that stand, in words of its receipt."""
        returned = append.plain(returned)
        with transaction(self.engine) as connection:
            return vintages.changes(returned, vintages.held(connection, returned))

    def files(self, programme: str) -> dict[str, bool]:
        """SHA-256 of every file that was ever accepted for a programme -> whether it still stands.

        One of which every return was withdrawn does not.
        """
        gone = returns.c.seq.in_(vintages.withdrawn())
        query = sa.select(returns.c.file_sha256, gone).where(returns.c.programme == programme)
        stands: dict[str, bool] = {}
        with transaction(self.engine) as connection:
            for file, withdrawn in connection.execute(query):
                # Of a destroyed return not even its file's hash is kept.
                if not file:
                    continue
                stands[file] = stands.get(file, False) or not withdrawn
        return stands

    def answered_by_rule(self, programme: str) -> list[AnsweredFigure]:
        """The figures that were accepted with a reason given for all that a rule asked."""
        c = confirmations_table.c
        query = (
            sa.select(returns.c.return_id, c.outcome, c.area_code)
            .join(returns, returns.c.seq == c.return_seq)
            .where(returns.c.programme == programme, c.scope == "rule")
            .distinct()
        )
        with transaction(self.engine) as connection:
            return [AnsweredFigure(*row) for row in connection.execute(query)]

    def receipts(self, programme: str | None = None) -> list[Receipt]:
        """Every receipt in the order of acceptance, of one programme or of all."""
        chosen = sa.true() if programme is None else returns.c.programme == programme
        with transaction(self.engine) as connection:
            return _receipts(connection, chosen)

    def senders(self, programme: str) -> list[tuple[str, str]]:
        """Every (site, agency) of whom a return was ever accepted, withdrawn ones among them."""
        chosen = sa.select(returns.c.site, returns.c.agency).distinct()
        with transaction(self.engine) as connection:
            rows = connection.execute(chosen.where(returns.c.programme == programme))
            return sorted((row.site, row.agency) for row in rows)

    def last_accepted(self, programme: str, site: str, agency: str, period: Period) -> Figures:
        """The submitter's latest figures before ``period``: what a new return is compared with.

        The nearest earlier period of which a return was accepted counts, in its latest version.
        """
        with transaction(self.engine) as connection:
            return vintages.before(connection, programme, (site, agency), period)

    def accepted(
        self, programme: Programme, *, outcomes: Sequence[str] | None = None
    ) -> AcceptedFigures:
        """The figures that stand, of some outcomes or of all: what a check is handed."""
        history = AcceptedFigures(programme)
        # Each label is parsed once: a national ledger has millions of figures and dozens of
        # quarters.
        ordinals: dict[str, int] = {}
        with transaction(self.engine) as connection:
            for outcome, area, figures in vintages.latest(connection, programme.name, outcomes):
                for label in figures.keys() - ordinals.keys():
                    ordinals[label] = Period.parse(label).ordinal
                held = {ordinals[label]: entry for label, entry in figures.items()}
                history.hold(outcome, area, held)
        return history

    def observations(
        self,
        programme: str,
        *,
        as_of: datetime | None = None,
        outcomes: Sequence[str] | None = None,
        areas: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """What was known at an instant: the latest version of each figure received by then.

        Parameters
        ----------
        as_of : inclusive; None for everything.
        outcomes, areas : codes; None for all.

        Returns
        -------
        One row an area, quarter and outcome, sorted by outcome, area_code, quarter, with columns
        area_code, quarter, outcome, numerator, denominator, status, note, received (text),
        return_id, revision (how many earlier versions of the figure were accepted), and of a
        sample's figures se and respondents.
        """
        with transaction(self.engine) as connection:
            return vintages.as_of(connection, programme, as_of, outcomes, areas)

    def restated(
        self,
        programme: str,
        *,
        as_of: datetime | None = None,
        outcomes: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The figures that stood otherwise than first sent: outcome, area_code, quarter."""
        with transaction(self.engine) as connection:
            return vintages.restated(connection, programme, as_of, outcomes)

    def versions(self, programme: str, *, outcomes: Sequence[str] | None = None) -> pd.DataFrame:
        """Every version of each figure ever accepted, those of withdrawn returns among them.

        The columns are those of `observations`; the versions of a figure stand in their order.
        """
        with transaction(self.engine) as connection:
            return vintages.every_version(connection, programme, outcomes)

    def history(
        self, programme: str, area: str, outcome: str, quarter: Period
    ) -> list[dict[str, Any]]:
        """Every version of one figure, the first one first; see ``revisions.history``."""
        with transaction(self.engine) as connection:
            return revisions.history(connection, programme, area, outcome, quarter.label)

    def revision_sizes(self, programme: Programme) -> list[dict[str, Any]]:
        """How far figures moved, in pilot against comparison areas; see ``revisions``."""
        with transaction(self.engine) as connection:
            return revisions.revision_sizes(connection, programme)

    def diff(self, programme: str, a: datetime, b: datetime) -> list[dict[str, Any]]:
        """What changed in what was known between two instants.

        One dict a figure: kind (new, revised, withdrawn), area_code, quarter, outcome, before,
        after, reason. A figure is withdrawn where a symbol took its
        place, or its return was withdrawn and no earlier one gives it.
        """
        # One transaction for both readings and the acts, so that no return slips in between them.
        with transaction(self.engine) as connection:
            before = vintages.as_of(connection, programme, a, None)
            after = vintages.as_of(connection, programme, b, None)
            done = [act for act in append.read_acts(connection) if act.kind == "withdrawal"]
        until = format_instant(b)
        # Instants of one format in UTC sort as text.
        withdrawals = {act.return_id: act.reason for act in done if act.received <= until}
        return vintages.difference(before, after, withdrawals)


def _receipts(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], *, already_held: bool = False
) -> list[Receipt]:
    rows = connection.execute(
        sa.select(returns, nonces.c.nonce, seals.c.seal)
        .outerjoin(nonces, nonces.c.seq == returns.c.seq)
        .outerjoin(seals, seals.c.seq == returns.c.seq)
        .where(chosen)
        .order_by(returns.c.seq)
    ).all()
    given = connection.execute(
        sa.select(confirmations_table)
        .join(returns, returns.c.seq == confirmations_table.c.return_seq)
        .where(chosen)
        .order_by(confirmations_table.c.return_seq, confirmations_table.c.number)
    ).all()
    reasons: dict[int, list[dict[str, str]]] = {}
    for one in given:
        reasons.setdefault(one.return_seq, []).append(reason_record(one._mapping))
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
            chain_version=row.chain_version,
            by=row.by,
            history=row.history,
            keyed_hash=row.keyed_hash,
            nonce=row.nonce or "",
            head=append.head_of(row.chain_hash, row.chain_version, row.seal),
            already_held=already_held,
        )
        for row in rows
    ]
