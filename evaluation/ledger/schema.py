"""The ledger's tables as they are now, and the triggers that keep them append-only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
)

metadata = MetaData()

# Both engines must sort alike, byte by byte, whatever the locale of a PostgreSQL cluster.
Words = Text().with_variant(Text(collation="C"), "postgresql")

returns = Table(
    "returns",
    metadata,
    # Numbered by the chain and not by the database: returns and acts share one sequence.
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("return_id", Words, nullable=False, unique=True),
    Column("programme", Words, nullable=False),
    Column("site", Words, nullable=False),
    Column("agency", Words, nullable=False),
    Column("quarter", Words, nullable=False),
    # An instant as text: the engines keep times with different precision, and hashes need one form.
    Column("received", Words, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("file_sha256", Words, nullable=False),
    Column("content_hash", Words, nullable=False),
    Column("previous_hash", Words, nullable=False, unique=True),  # a chain has no forks
    Column("chain_hash", Words, nullable=False, unique=True),
    Column("changes", Words, nullable=False),
    Column("synthetic_clock", Boolean, nullable=False),
    # Rows from before the column were chained by version 1.
    Column("chain_version", Integer, nullable=False, server_default="1"),
    # Quoted: to SQL the word means something. Records from before there were names have none.
    Column("by", Words, nullable=False, server_default="", quote=True),
    # Whether it was loaded among others as history.
    Column("history", Boolean, nullable=False, server_default=false()),
    # From chain version 3 on; see keyed.py.
    Column("keyed_hash", Words, nullable=False, server_default=""),
    Index("returns_by_submitter", "programme", "site", "agency", "quarter", "seq"),
)

confirmations = Table(
    "confirmations",
    metadata,
    Column("return_seq", Integer, ForeignKey("returns.seq"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("rule", Words, nullable=False),
    Column("cell", Words, nullable=False),
    Column("value", Words, nullable=False),
    Column("reason", Words, nullable=False),
    # Filled where one reason was given for all that a rule asked: by whom, and about what.
    *(
        Column(name, Words, nullable=False, server_default="", quote=True)
        for name in ("scope", "by", "area_code", "outcome")
    ),
    sqlite_with_rowid=False,
)

# The key is the order in which a panel is read, so a vintage is one pass without sorting.
observations = Table(
    "observations",
    metadata,
    Column("programme", Words, primary_key=True),
    Column("outcome", Words, primary_key=True),
    Column("area_code", Words, primary_key=True),
    Column("quarter", Words, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("return_seq", Integer, ForeignKey("returns.seq"), nullable=False),
    Column("numerator", Float),
    Column("denominator", Float),
    Column("status", Words, nullable=False),
    Column("note", Words, nullable=False),
    # Of a figure of a sample: its standard error, and how many answered.
    Column("se", Float),
    Column("respondents", Float),
    Index("observations_by_return", "return_seq"),
    Index("observations_by_quarter", "programme", "quarter", "outcome", "area_code"),
    sqlite_with_rowid=False,
)

acts = Table(
    "acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("act_id", Words, nullable=False, unique=True),
    Column("kind", Words, nullable=False),
    Column("return_seq", Integer, ForeignKey("returns.seq"), nullable=False),
    Column("received", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("previous_hash", Words, nullable=False, unique=True),
    Column("chain_hash", Words, nullable=False, unique=True),
    Column("synthetic_clock", Boolean, nullable=False),
    Column("by", Words, nullable=False, server_default="", quote=True),
    # Acts from before the column were chained as in version 2.
    Column("chain_version", Integer, nullable=False, server_default="2"),
    Column("keyed_hash", Words, nullable=False, server_default=""),
    # What is left of a return that was destroyed; see destruction.py.
    Column("remains", Words, nullable=False, server_default=""),
    Index("acts_by_return", "return_seq"),
)

# Secrets stand apart from the records: a nonce goes when its return is redacted, a record never.
nonces = Table(
    "nonces",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("nonce", Words, nullable=False, unique=True),
)

seals = Table(
    "seals",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("seal", Words, nullable=False, unique=True),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", Words, nullable=False, unique=True),
    Column("programme", Words, nullable=False),
    # Whole, as canonical JSON: an entry gains fields more easily than a table does.
    Column("content", Words, nullable=False),
    Column("received", Words, nullable=False),
    Column("by", Words, nullable=False, server_default="", quote=True),
    Column("synthetic_clock", Boolean, nullable=False),
    Column("previous_hash", Words, nullable=False, unique=True),
    Column("chain_hash", Words, nullable=False, unique=True),
)
signatures = Table(
    "signatures",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("signature_id", Words, nullable=False, unique=True),
    Column("programme", Words, nullable=False),
    # Whole, as canonical JSON.
    Column("content", Words, nullable=False),
    Column("received", Words, nullable=False),
    Column("synthetic_clock", Boolean, nullable=False),
    Column("previous_hash", Words, nullable=False, unique=True),
    Column("chain_hash", Words, nullable=False, unique=True),
)

# The register: every value that was ever printed. It has a chain of its own, which publications
# bind into the one of the ledger.
printed_values = Table(
    "printed_values",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("programme", Words, nullable=False),
    Column("edition", Words, nullable=False),
    Column("address", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("printed", Words, nullable=False),
    Column("low", Float),
    Column("high", Float),
    Column("key", Words, nullable=False, quote=True),
    Column("previous_hash", Words, nullable=False, unique=True),
    Column("row_hash", Words, nullable=False, unique=True),
)

CHAINED = (returns, acts, log_entries, signatures)
"""The tables whose records number one chain between them."""

EMPTY = {"content_hash": "", "file_sha256": "", "changes": "[]"}
"""The columns of a return that say something of its figures, and what they hold once it is
destroyed."""

_FUNCTION = """
CREATE OR REPLACE FUNCTION newstart_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = 'the ledger is append-only: ' || TG_OP || ' refused';
END $$
"""


def append_only(
    dialect: str, table: str, *, key: Sequence[str], unique: Sequence[str] = ()
) -> list[str]:
    """The statements that protect one table.

    ``dialect`` is ``sqlite`` or ``postgresql``; ``key`` and ``unique`` are the columns that
    identify a record, together and each for itself.
    """
    if dialect == "postgresql":
        return [
            _FUNCTION,
            # By statement: TRUNCATE fires no trigger of rows, and a statement that meets no row is
            # refused too.
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION newstart_append_only()",
        ]
    # INSERT OR REPLACE deletes the old row without firing SQLite's DELETE trigger (unless recursive
    # triggers are on), so a clash of keys is refused before the insert.
    same = " OR ".join(
        [
            "(" + " AND ".join(f"{name} = NEW.{name}" for name in key) + ")",
            *(f"{name} = NEW.{name}" for name in unique),
        ]
    )
    # Triggers, since no constraint can forbid a change and SQLite has no privileges. Who may write
    # to the file can drop them: the chain is what shows it then.
    refused = [
        f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN"
        f" SELECT RAISE(ABORT, 'the ledger is append-only: {action} refused'); END"
        for action in ("UPDATE", "DELETE")
    ]
    return [
        *refused,
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) BEGIN"
        " SELECT RAISE(ABORT, 'the ledger is append-only: a record is never replaced'); END",
    ]


_NONCE_FUNCTION = """
CREATE OR REPLACE FUNCTION newstart_nonces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (
    SELECT 1 FROM acts WHERE kind IN (%s) AND return_seq = OLD.seq
  ) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION USING MESSAGE = 'the ledger is append-only: ' || TG_OP || ' refused';
END $$
"""
# With its owner's rights: the role that the program writes by may delete from no table.
_DESTROY = """
CREATE OR REPLACE FUNCTION newstart_destroy_nonce(which integer) RETURNS void
LANGUAGE sql SECURITY DEFINER AS $$ DELETE FROM nonces WHERE seq = which $$
"""


def kept_until_redacted(dialect: str) -> list[str]:
    """The statements that protect the nonces: one goes only once its redaction is on record."""
    if dialect == "postgresql":
        return [
            _NONCE_FUNCTION % "'redaction'",
            _DESTROY,
            "CREATE TRIGGER nonces_kept BEFORE UPDATE OR DELETE ON nonces"
            " FOR EACH ROW EXECUTE FUNCTION newstart_nonces()",
            _FUNCTION,
            "CREATE TRIGGER nonces_append_only BEFORE TRUNCATE ON nonces"
            " FOR EACH STATEMENT EXECUTE FUNCTION newstart_append_only()",
        ]
    redacted = "EXISTS (SELECT 1 FROM acts WHERE kind = 'redaction' AND return_seq = OLD.seq)"
    kept = append_only(dialect, "nonces", key=["seq"], unique=["nonce"])
    # The first two of `append_only` refuse changes and deletions, in this order.
    return [
        kept[0],
        "CREATE TRIGGER nonces_no_delete BEFORE DELETE ON nonces"
        f" WHEN NOT {redacted} BEGIN"
        " SELECT RAISE(ABORT, 'the ledger is append-only: DELETE refused'); END",
        *kept[2:],
    ]


_DESTROYING = """
CREATE OR REPLACE FUNCTION newstart_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'TRUNCATE'
    AND TG_TABLE_NAME IN ('returns', 'observations', 'confirmations', 'seals')
    AND coalesce(current_setting('newstart.destroying', true), '') <> '' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION USING MESSAGE = 'the ledger is append-only: ' || TG_OP || ' refused';
END $$
"""
# A statement passes the guard above only while a destruction runs, and each row only if the chain
# holds the destruction of its own return.
_DESTROYED = """
CREATE OR REPLACE FUNCTION newstart_destroyed_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE which integer;
BEGIN
  IF TG_TABLE_NAME IN ('returns', 'seals') THEN which := OLD.seq;
  ELSE which := OLD.return_seq; END IF;
  IF EXISTS (SELECT 1 FROM acts WHERE kind = 'destruction' AND return_seq = which) THEN
    IF TG_TABLE_NAME IN ('observations', 'confirmations') AND TG_OP = 'DELETE'
      THEN RETURN OLD; END IF;
    IF TG_TABLE_NAME = 'seals' AND TG_OP = 'UPDATE'
      AND to_jsonb(NEW) - 'seal' = to_jsonb(OLD) - 'seal'
      AND to_jsonb(NEW) ->> 'seal' LIKE 'destroyed.%' THEN RETURN NEW; END IF;
    IF TG_TABLE_NAME = 'returns' AND TG_OP = 'UPDATE'
      AND to_jsonb(NEW) = to_jsonb(OLD)
        || '{"content_hash": "", "file_sha256": "", "changes": "[]"}'::jsonb
      THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION USING MESSAGE = 'the ledger is append-only: ' || TG_OP || ' refused';
END $$
"""
_DESTROY_RETURN = """
CREATE OR REPLACE FUNCTION newstart_destroy(which integer, gone text, relic text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM set_config('newstart.destroying', which::text, true);
  DELETE FROM observations o USING jsonb_array_elements(gone::jsonb) k
    WHERE o.return_seq = which AND o.programme = k->>0 AND o.outcome = k->>1
      AND o.area_code = k->>2 AND o.quarter = k->>3 AND o.revision = (k->>4)::integer;
  DELETE FROM confirmations WHERE return_seq = which;
  UPDATE returns SET content_hash = '', file_sha256 = '', changes = '[]' WHERE seq = which;
  DELETE FROM nonces WHERE seq = which;
  UPDATE seals SET seal = relic WHERE seq = which;
  PERFORM set_config('newstart.destroying', '', true);
END $$
"""


FUNCTIONS = ("newstart_destroy_nonce(integer)", "newstart_destroy(integer, text, text)")
"""What the program's role may call on PostgreSQL, and nobody else."""


def kept_until_destroyed(dialect: str) -> list[str]:
    """The statements that let figures go once their destruction is on record, and nothing else."""
    if dialect == "postgresql":
        return [
            _NONCE_FUNCTION % "'redaction', 'destruction'",
            _DESTROYING,
            _DESTROYED,
            _DESTROY_RETURN,
            # Every role may call a function unless it is said otherwise.
            *(f"REVOKE ALL ON FUNCTION {one} FROM PUBLIC" for one in FUNCTIONS),
            *(
                f"CREATE TRIGGER {table}_destroyed_only BEFORE UPDATE OR DELETE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION newstart_destroyed_only()"
                for table in ("returns", "observations", "confirmations", "seals")
            ),
        ]
    gone = "EXISTS (SELECT 1 FROM acts WHERE kind = 'destruction' AND return_seq = OLD.{})"
    other = [column.name for column in returns.c if column.name not in EMPTY]
    emptied = [f"NEW.{name} = '{empty}'" for name, empty in EMPTY.items()]
    # Quoted, since "by" means something to SQL.
    emptied += [f'NEW."{name}" IS OLD."{name}"' for name in other]
    allowed = {
        ("returns", "UPDATE"): " AND ".join([gone.format("seq"), *emptied]),
        ("seals", "UPDATE"): f"{gone.format('seq')} AND NEW.seq IS OLD.seq"
        " AND NEW.seal LIKE 'destroyed.%'",
        ("observations", "DELETE"): gone.format("return_seq"),
        ("confirmations", "DELETE"): gone.format("return_seq"),
        ("nonces", "DELETE"): "EXISTS (SELECT 1 FROM acts WHERE kind IN "
        "('redaction', 'destruction') AND return_seq = OLD.seq)",
    }
    return [
        statement
        for (table, action), when in allowed.items()
        for statement in (
            f"DROP TRIGGER IF EXISTS {table}_no_{action.lower()}",
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}"
            f" WHEN NOT ({when}) BEGIN"
            f" SELECT RAISE(ABORT, 'the ledger is append-only: {action} refused'); END",
        )
    ]
