"""What a kill, a full disk or an odd path must not do: lose, mislead, or end in a traceback."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evaluation.errors import LedgerError
from evaluation.ledger import engine
from evaluation.ledger.backup import back_up, read_manifest, restore
from evaluation.ledger.data_keys import DataKeys
from evaluation.ledger.export import export, path_of
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.signatures import PrintedValue, Signed
from evaluation.programme import Programme
from tests.ledger.returns_at_hand import DAY, Q2, returned, submit
from tests.ledger.test_destruction import WHY, nhs


def test_a_key_that_lies_there_is_not_drawn_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = DataKeys(folder=tmp_path)
    first, read = keys.make("abc"), DataKeys.read
    # A second process that saw none, since the first was about to write it.
    seen = iter([None])
    monkeypatch.setattr(DataKeys, "read", lambda s, n: next(seen, b"") or read(s, n))
    assert keys.make("abc") == first
    keys.put("abc", bytes(32))
    assert keys.read("abc") == first


def test_an_interrupted_destruction_of_a_key_is_none_that_is_spoilt(tmp_path: Path) -> None:
    keys = DataKeys(folder=tmp_path)
    keys.make("abc")
    path = keys.path("abc")
    path.write_bytes(b"\xff" * 65)
    with pytest.raises(LedgerError, match="cannot be read"):
        keys.read("abc")
    path.with_name("abc.destroyed.json").write_text(json.dumps({"reason": WHY}))
    assert keys.read("abc") is None
    assert keys.destroy("abc", {"reason": WHY}) and not path.exists()


def test_one_spoilt_key_hides_no_other_record(ledger: Ledger) -> None:
    one = submit(ledger, returned({"E01": 1.0}))
    two = submit(ledger, returned({"E01": 2.0}), days=1)
    for receipt in (one, two):
        ledger.keys.path(receipt.return_id).write_text("spoilt")
    assert [b.return_id for b in ledger.verify().broken] == [one.return_id, two.return_id]


def test_a_destroyed_return_can_be_redacted(ledger: Ledger) -> None:
    one = submit(ledger, returned({"E01": 1.0}))
    ledger.destroy("tiny", nhs, reason=WHY, received=DAY)
    assert ledger.redact(one.return_id, reason="twice is safe", received=DAY).kind == "redaction"
    assert ledger.verify().ok


def test_a_destroyed_return_that_differs_is_named_by_its_id(ledger: Ledger) -> None:
    one = submit(ledger, returned({"E01": 1.0}))
    ledger.destroy("tiny", nhs, reason=WHY, received=DAY)
    told = ledger.verify([replace(one, rows=99)]).broken
    assert [(b.return_id, b.what) for b in told] == [
        (one.return_id, "the ledger and the receipt differ.")
    ]


def test_a_question_mark_in_a_folders_name_is_a_sign_like_others(tmp_path: Path) -> None:
    place = tmp_path / "what now? 100%#" / "ledger.sqlite"
    with Ledger.open(place, place.parent / "raw") as ledger:
        submit(ledger, returned({"E01": 1.0}))
    assert place.is_file() and [p.name for p in tmp_path.iterdir()] == ["what now? 100%#"]


def test_a_full_disk_is_not_told_as_a_busy_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(tmp_path / "l.sqlite", tmp_path / "raw") as ledger:

        class Full:
            rollback = staticmethod(lambda: None)

            def execute(self, _: str) -> None:
                raise ledger.engine.dialect.loaded_dbapi.OperationalError(
                    "database or disk is full"
                )

        class Connection:
            connection = type("_", (), {"dbapi_connection": Full()})

            def __enter__(self) -> Connection:
                return self

            def __exit__(self, *_: object) -> None: ...

        monkeypatch.setattr(type(ledger.engine), "connect", lambda _: Connection())
        with pytest.raises(LedgerError, match="the disk is full") as told:
            engine.compact(ledger.engine)
    assert "make room" in told.value.mend and "same command" in told.value.mend


def test_a_back_up_goes_to_a_folder_and_to_the_present_one_too(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(ledger, returned({"E01": 1.0}))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LedgerError, match="a file lies there; nothing was written"):
        back_up(ledger, tmp_path / "file")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    back_up(ledger, Path())
    assert (tmp_path / "here.keys").is_dir()
    with Ledger.open(tmp_path / "new" / "l.sqlite", tmp_path / "new" / "raw") as other:
        restore(other, Path())
        assert other.verify().ok


@pytest.mark.parametrize("said", ["[]", "{}", '{"files": 3}', "1"])
def test_a_manifest_of_another_shape_is_a_sentence(tmp_path: Path, said: str) -> None:
    (tmp_path / "manifest.json").write_text(said)
    with pytest.raises(LedgerError, match="the back-up cannot be read"):
        read_manifest(tmp_path)


def test_an_export_lets_destroyed_figures_go_too(
    ledger: Ledger, tiny: Programme, tmp_path: Path
) -> None:
    one = submit(ledger, returned({"E01": 1.0, "E02": 2.0}))
    submit(ledger, returned({"E03": 3.0}), days=1)
    programmes = {"tiny": tiny}
    export(ledger, tmp_path, programmes)
    ledger.destroy("tiny", lambda _, area: area == "E01", reason=WHY, received=DAY)
    again = export(ledger, tmp_path, programmes)
    assert (again.written, again.there_already) == (1, 1)
    held = pq.read_table(path_of(tmp_path, Q2.label, one.return_id))
    assert held["area_code"].to_pylist() == ["E02"]
    assert export(ledger, tmp_path, programmes).written == 0


def test_a_register_holds_what_was_printed_after_a_publication_that_failed(ledger: Ledger) -> None:
    def line(printed: str) -> PrintedValue:
        return PrintedValue(
            edition="2026-Q3", address="a", kind="count", printed=printed, low=1.0, high=None
        )

    signed = Signed(programme="tiny", kind="publication", by="")
    for printed in ("15", "20", "20"):
        ledger.print_values(signed, [line(printed)], received=DAY, synthetic_clock=False)
    assert [one.printed for one in ledger.register("tiny")] == ["15", "20"]
    assert ledger.verify().ok
