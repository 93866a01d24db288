"""The open export, and as-of panels read from it: the same as from the ledger itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from evaluation.errors import LedgerError
from evaluation.ledger import export as national
from evaluation.ledger.export import LEAST_ROWS_IN_A_GROUP, Exported, export, write_whole
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme, Source
from tests.ledger.returns_at_hand import DAY, Q3, returned, submit


def test_every_vintage_reads_the_same_as_from_the_ledger(
    ledger: Ledger, tiny: Programme, tmp_path: Path
) -> None:
    submit(ledger, returned({"E02": 260.0, "E01": 210.0, "E03": None}))
    submit(ledger, returned({"E01": 30.0}, Q3), days=1)
    wrong = submit(ledger, returned({"E01": 215.0, "E04": 1.0}), days=2)
    submit(ledger, returned({"E02": 261.0}), days=3)
    ledger.withdraw(wrong.return_id, reason="wrong ward", received=DAY + timedelta(days=4))
    submit(ledger, returned({"E01": 217.0}), days=5)
    export(ledger, tmp_path / "out", {"tiny": tiny})
    for days in (-1, 0, 1, 2, 3, 4, 5, None):
        instant = None if days is None else DAY + timedelta(days=days)
        expected = ledger.observations("tiny", as_of=instant)
        read = national.observations_as_of(
            tmp_path / "out", "tiny", "ae_attendances", as_of=instant
        )
        assert list(read.columns) == list(expected.columns)
        pd.testing.assert_frame_equal(read, expected, check_dtype=False)


def test_a_later_export_adds_only_what_is_new(
    ledger: Ledger, tiny: Programme, tmp_path: Path
) -> None:
    first = submit(ledger, returned({"E01": 210.0}))
    assert export(ledger, tmp_path, {"tiny": tiny}) == Exported(
        written=1, there_already=0, withheld=0
    )
    path = tmp_path / "observations" / "quarter=2026-Q2" / f"{first.return_id}.parquet"
    stamp = path.stat().st_mtime_ns
    submit(ledger, returned({"E01": 215.0}), days=1)
    assert export(ledger, tmp_path, {"tiny": tiny}) == Exported(
        written=1, there_already=1, withheld=0
    )
    assert path.stat().st_mtime_ns == stamp


def test_others_read_it_as_it_is(ledger: Ledger, tiny: Programme, tmp_path: Path) -> None:
    """A partition by quarter in the path, plain columns in the files: nothing of ours is needed."""
    submit(ledger, returned({"E01": 210.0}))
    submit(ledger, returned({"E01": 30.0}, Q3), days=1)
    export(ledger, tmp_path, {"tiny": tiny})
    found = duckdb.sql(
        f"SELECT quarter, numerator FROM '{tmp_path}/observations/**/*.parquet' ORDER BY 1"
    ).fetchall()
    assert found == [("2026-Q2", 210.0), ("2026-Q3", 30.0)]
    parts = ds.partitioning(pa.schema([("quarter", pa.string())]), flavor="hive")
    only = ds.dataset(tmp_path / "observations", partitioning=parts).to_table(
        filter=ds.field("quarter") == "2026-Q3", columns=["quarter", "area_code", "numerator"]
    )
    assert only.to_pylist() == [{"quarter": "2026-Q3", "area_code": "E01", "numerator": 30.0}]
    frame = pd.read_parquet(tmp_path / "observations")
    assert sorted(frame["quarter"].astype(str)) == ["2026-Q2", "2026-Q3"]


def test_a_group_of_rows_ends_where_an_outcome_does(tmp_path: Path) -> None:
    rows = [("a", LEAST_ROWS_IN_A_GROUP + 1), ("b", 5), ("c", LEAST_ROWS_IN_A_GROUP), ("d", 2)]
    table = pa.table({"outcome": [outcome for outcome, count in rows for _ in range(count)]})
    write_whole(tmp_path / "a.parquet", table)
    kept = pq.ParquetFile(tmp_path / "a.parquet").metadata
    sizes = [kept.row_group(n).num_rows for n in range(kept.num_row_groups)]
    assert sizes == [LEAST_ROWS_IN_A_GROUP + 1, LEAST_ROWS_IN_A_GROUP + 5, 2]
    assert pq.read_table(tmp_path / "a.parquet").equals(table)
    write_whole(tmp_path / "none.parquet", table.slice(0, 0))
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


def test_a_source_that_may_not_be_passed_on_stays_out(
    ledger: Ledger, tiny: Programme, tmp_path: Path
) -> None:
    closed = Source(code="private", name="Private", agency="nhs", redistribute=False)
    programme = tiny.model_copy(update={"sources": (*tiny.sources, closed)})
    submit(ledger, returned({"E05": 210.0}, site="OPEN", agency="private"))
    done = export(ledger, tmp_path, {"tiny": programme})
    assert (done.written, done.withheld) == (0, 1)
    assert list((tmp_path).rglob("observations/**/*.parquet")) == []
    listed = pd.read_parquet(tmp_path / "returns.parquet")
    assert listed["withheld"].tolist() == [True]
    with pytest.raises(LedgerError, match="'tiny' is not known"):
        export(ledger, tmp_path, {})


def test_no_export_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no export here"):
        national.observations_as_of(tmp_path, "tiny", "ae_attendances")
