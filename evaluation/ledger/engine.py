"""The two engines, an SQLite file or PostgreSQL by URL, and their tables brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from evaluation.errors import LedgerError
from evaluation.ledger.schema import FUNCTIONS, metadata, returns

BUSY_SECONDS = 60
"""How long a writer waits for another one before it gives up."""
WRITERS_QUEUE = 0x6E657773
"""The advisory lock by which writers of one PostgreSQL database come one after another."""

_UNKNOWN = "whether it was accepted cannot be told from here"
# Neither driver gives codes that mean the same on both engines, so causes are told by the words of
# their messages, in lower case. Other texts are shown as they come.
_CAUSES = (
    (
        "database is locked",
        "another program holds the ledger",
        "close what has it open (a database browser, a copy in progress) and try again.",
    ),
    ("lock timeout", "another program holds the ledger", "find who holds it and try again."),
    ("disk is full", "the disk is full", "make room and try again."),
    ("no space left", "the disk is full", "make room and try again."),
    (
        "readonly database",
        "it may not be written here",
        "give the right to write to the file and its folder, and try again.",
    ),
    (
        "unable to open database file",
        "the file cannot be opened, or its folder may not be written",
        "give the right to write there, or mount the disk for writing, and try again.",
    ),
    ("disk i/o error", "the disk refused (I/O error)", "see to the disk and try again."),
    (
        "connection refused",
        "the database does not answer",
        "see that it runs, and that NEWSTART_DATABASE names it rightly.",
    ),
    (
        "permission denied",
        "the role has not the right",
        "let the owner of the tables run: newstart ledger prepare --role ROLE",
    ),
)


def make_engine(database: Path | str, busy_seconds: int = BUSY_SECONDS) -> sa.Engine:
    """An engine on an SQLite file, or on a PostgreSQL database where ``database`` is a URL.

    Raises
    ------
    LedgerError : if the file's folder cannot be made, or the URL names no PostgreSQL database.
    """
    if isinstance(database, str) and "://" in database:
        return _postgresql(database, busy_seconds)
    path = Path(database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"the folder cannot be made ({error.strerror}).", where=str(path)
        ) from None
    # The pool may hand a connection to another thread; transactions never share one, so sqlite3's
    # guard would only refuse what is safe.
    # By its parts: in a text a question mark in a folder's name would end the path.
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _set_up_connection)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _postgresql(url: str, busy_seconds: int) -> sa.Engine:
    address = "postgresql://user@host/database"
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "postgresql":
            raise LedgerError("the ledger's address names another database.", expected=address)
        # Whatever the server's zone; lock_timeout so that a writer who hangs does not hang all
        # others.
        waiting = f"-c lock_timeout={busy_seconds}s -c timezone=UTC"
        return sa.create_engine(
            # psycopg 3, whichever driver the URL names.
            parsed.set(drivername="postgresql+psycopg"),
            connect_args={"connect_timeout": 10, "options": waiting},
        )
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise LedgerError("the ledger's address cannot be read.", expected=address) from None
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"PostgreSQL is asked for, but {error.name} is not installed.",
            mend="install this package with its extra 'postgres'.",
        ) from None


@contextmanager
def transaction(engine: sa.Engine, *, write: bool = False) -> Iterator[sa.Connection]:
    """A connection in a transaction that sees one state of the ledger.

    A writer waits for its turn first, so that what it reads still holds when it writes.

    Raises
    ------
    LedgerError : for whatever the database refuses, in a sentence.
    """
    options: dict[str, Any] = {"newstart_write": write}
    on_postgresql = engine.dialect.name == "postgresql"
    if on_postgresql:
        # A reader must see one instant over several queries; a writer waits for the lock first, and
        # under REPEATABLE READ would then read the state from before it waited.
        options["isolation_level"] = "READ COMMITTED" if write else "REPEATABLE READ"
    try:
        with engine.connect() as connection:
            ready = connection.execution_options(**options)
            with ready.begin():
                if write and on_postgresql:
                    # An advisory lock and none of tables: readers go on, and it ends with the
                    # transaction even if the writer dies.
                    ready.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_QUEUE})")
                yield ready
    except SQLAlchemyError as error:
        raise _refused(engine, error, write) from error


def _refused(engine: sa.Engine, error: SQLAlchemyError, write: bool) -> LedgerError:
    on_file = engine.dialect.name == "sqlite"
    # This form masks the password.
    where = str(engine.url.database) if on_file else engine.url.render_as_string()
    cause = str(getattr(error, "orig", None) or error)
    # A commit whose answer was lost may have happened: saying "nothing was accepted" could be
    # false.
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return LedgerError(
            f"the connection to the ledger was lost{'; ' + _UNKNOWN if write else ''}.",
            where=where,
            mend="submit it again: what was accepted already is never accepted twice."
            if write
            else "try again.",
        )
    text, mend = _known(cause) or (cause.strip(), "")
    done = "written; nothing was accepted" if write else "read"
    return LedgerError(f"the ledger could not be {done} ({text}).", where=where, mend=mend)


def _known(cause: str) -> tuple[str, str] | None:
    """What a driver's words mean, and what to do about it; None where they are not known."""
    return next(((text, mend) for part, text, mend in _CAUSES if part in cause.lower()), None)


def _set_up_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, of its own accord
    cursor = connection.cursor()
    # Readers go on while one writes, on a local disk.
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: in WAL, NORMAL may lose the last commits at a power cut, and a receipt is a promise.
    cursor.execute("PRAGMA synchronous=FULL")
    # Off by default in SQLite, and for each connection anew.
    cursor.execute("PRAGMA foreign_keys=ON")
    # A nonce that is destroyed must not be found in the file's free pages.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """Writers take the lock at once: what they read must still hold when they write."""
    write = connection.get_execution_options().get("newstart_write", False)
    # A deferred BEGIN that turns writer later fails at once if another wrote meanwhile: SQLite does
    # not wait then.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


HEAD = "destruction_of_returns"
"""The step that the tables of ``schema.py`` stand at."""
RESTORED = (
    "acts_and_chain_version",
    "names_of_senders",
    "history_in_one_go",
    "entries_of_learning",
    "figures_of_samples",
    "keyed_hashes",
    "signatures_and_register",
    HEAD,
)
"""Steps whose back-ups are taken in: what came after only added columns that have a default, and
tables that may be empty or are filled anew."""
BEFORE_STEPS_WERE_KEPT = "first_schema"


def is_current(connection: sa.Connection) -> bool:
    """Whether the tables are those of ``schema.py``."""
    return held(connection) == HEAD


def upgrade(connection: sa.Connection) -> None:
    """Run, in the caller's transaction, every step that the database lacks.

    Raises
    ------
    LedgerError : if the tables were made by a later version of this program.
    """
    # Here and not at the top: only a ledger that has to be brought up to date pays for the import.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    # Without it alembic falls back on splitting paths at blanks and colons, with a warning.
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    at = held(connection)
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if at is not None and at not in known:
        raise LedgerError(
            f"the ledger's tables stand at {at!r}, which this version does not know.",
            mend="use the version of this program that wrote to it last, or a later one.",
        )
    # Ledgers from before steps were recorded hold the tables of the first one and no word of it.
    if at is None and sa.inspect(connection).has_table(returns.name):
        command.stamp(config, BEFORE_STEPS_WERE_KEPT)
    command.upgrade(config, "head")


def forget(engine: sa.Engine) -> None:
    """Take what was destroyed out of SQLite's log too, which else holds it until it is full."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            # Outside a transaction, which a checkpoint cannot run in.
            driver: Any = connection.connection.dbapi_connection
            driver.rollback()
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def compact(engine: sa.Engine) -> bool:
    """Write the tables anew without what was destroyed; whether that could be done.

    SQLite has zeroed what was deleted already; pages that it moved earlier are not. On PostgreSQL
    deleted rows lie in the files until their owner has them written anew, which no other role may.

    Raises
    ------
    LedgerError : another program holds the ledger, or the disk is full.
    """
    driver_errors: Any = engine.dialect.loaded_dbapi.Error
    try:
        if engine.dialect.name != "sqlite":
            return _compact_server(engine)
        with engine.connect() as connection:
            # By the driver itself: neither of the two can run in a transaction.
            driver: Any = connection.connection.dbapi_connection
            driver.rollback()
            driver.execute("VACUUM")
            busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except (SQLAlchemyError, driver_errors) as error:
        cause = str(getattr(error, "orig", None) or error)
        raise _not_anew(*_known(cause) or (cause.strip(), "")) from None
    if busy:
        raise _not_anew("it is being read", "close what has the ledger open")
    return True


def _compact_server(engine: sa.Engine) -> bool:
    tables = ("returns", "observations", "confirmations", "nonces", "seals")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        own = connection.exec_driver_sql(
            "SELECT bool_and(pg_has_role(tableowner::name, 'MEMBER')) FROM pg_tables"
            " WHERE tablename IN ('returns', 'observations')"
        ).scalar()
        if not own:
            return False
        for table in tables:
            connection.exec_driver_sql(f"VACUUM FULL {table}")
    return True


def _not_anew(why: str, mend: str) -> LedgerError:
    return LedgerError(
        f"the figures are destroyed, but the tables could not be written anew ({why}).",
        mend="; ".join(filter(None, (mend.rstrip("."), "then give the same command again"))),
    )


def grants(role: str, reader: str = "") -> list[str]:
    """The statements by which PostgreSQL lets a role add and read records, and another read them.

    Parameters
    ----------
    role : by which the program writes. reader : who only looks, for one a report of the host's.
    """
    dialect: Any = postgresql.dialect
    quote = dialect().identifier_preparer.quote
    writes, said = quote(role), []
    for table in metadata.sorted_tables:
        # Rights given earlier would stay beside the new ones; the triggers stand behind both.
        said.append(f"REVOKE ALL ON {table.name} FROM {writes}")
        said.append(f"GRANT INSERT, SELECT ON {table.name} TO {writes}")
    said.append(f"GRANT SELECT ON alembic_version TO {writes}")
    said += [f"GRANT EXECUTE ON FUNCTION {one} TO {writes}" for one in FUNCTIONS]
    if reader:
        reads = quote(reader)
        # Never the secrets: with them hashes that were published could be tried.
        shown = [one.name for one in metadata.sorted_tables if one.name not in ("nonces", "seals")]
        said += [f"REVOKE ALL ON {one.name} FROM {reads}" for one in metadata.sorted_tables]
        said += [f"GRANT SELECT ON {name} TO {reads}" for name in (*shown, "alembic_version")]
    return said


def grant(connection: sa.Connection, role: str, reader: str = "") -> None:
    """Let a PostgreSQL role add and read records, and nothing else; see `grants`."""
    for statement in grants(role, reader):
        connection.exec_driver_sql(statement)


def held(connection: sa.Connection) -> str | None:
    """The step that the tables stand at; None where none was kept."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
