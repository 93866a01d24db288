"""Raw files behind fsspec: a store by URL keeps what a folder keeps, and says what it cannot."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from benchmarks.ledger.content import fill
from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.ledger import store
from evaluation.ledger.backup import back_up, restore
from evaluation.ledger.data_keys import VARIABLE
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.store import Remote
from evaluation.workspace import Workspace
from tests.ledger.returns_at_hand import DAY, returned, submit

_names = itertools.count()


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"file://{tmp_path}/far/raw"
        return
    name = f"memory://bucket{next(_names)}/raw"
    yield name
    system = fsspec.filesystem("memory")
    if system.exists(name):
        system.rm(name, recursive=True)


def files(url: str) -> list[str]:
    system, root = fsspec.core.url_to_fs(url)
    return [path for path in system.find(root) if "/." not in path]


def test_a_ledger_with_its_files_in_a_store(
    database: Path | str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where tables and files both lie elsewhere, nothing but this says where the keys are.
    monkeypatch.setenv(VARIABLE, str(tmp_path / "keys"))
    with Ledger.open(database, url) as ledger:
        receipts = fill(ledger)
        assert ledger.verify(receipts).ok and len(files(url)) == 6
        manifest = back_up(ledger, tmp_path / "kept")
        assert manifest["raw_files"] == 6
        again = f"{url}-restored"
        with Ledger.open(tmp_path / "new.sqlite", again) as other:
            restore(other, tmp_path / "kept")
            assert other.verify(receipts).ok and len(files(again)) == 6


def test_what_happens_to_a_file_in_the_store_is_named(url: str, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite", url) as ledger:
        first, second, third = (
            submit(ledger, returned({"E01": float(n)}), days=n) for n in range(3)
        )
        raw = ledger.raw
        content = {n: repr(sorted({"E01": float(n)}.items())).encode() for n in range(3)}
        names = {n: fingerprint.of_bytes(content[n]) for n in content}
        system, root = fsspec.core.url_to_fs(url)
        system.rm_file(f"{root}/{names[0][:2]}/{names[0]}")
        system.pipe_file(f"{root}/{names[1][:2]}/{names[1]}", b"other bytes")
        told = {one.return_id: one.what for one in ledger.verify().broken}
        assert "missing" in told[first.return_id] and "SHA-256" in told[second.return_id]
        assert third.return_id not in told
        ledger.redact(third.return_id, reason="a name", received=DAY)
        assert store.read(raw, names[2]) is None
        ledger.redact(third.return_id, reason="a name", received=DAY)  # gone stays gone


def test_a_file_is_written_once(url: str) -> None:
    raw = store.open_raw(url)
    store.keep(raw, b"some bytes")
    before = fsspec.core.url_to_fs(url)[0].info(files(url)[0])
    store.keep(raw, b"some bytes")
    assert fsspec.core.url_to_fs(url)[0].info(files(url)[0]) == before
    assert store.read(raw, fingerprint.of_bytes(b"some bytes")) == b"some bytes"
    assert store.read(raw, fingerprint.of_bytes(b"others")) is None
    assert store.read(raw, "../../etc/passwd") is None
    assert fingerprint.of_bytes(b"x") in store.where(raw, fingerprint.of_bytes(b"x"))


def test_a_wrong_address_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="address of the raw files cannot be read") as told:
        Ledger.open(tmp_path / "ledger.sqlite", "nonsense://a/b")
    assert "s3://bucket" in told.value.expected


def test_a_client_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(LedgerError) as told:
        store.open_raw("s3://bucket/raw")
    assert "not installed" in told.value.what and "'s3'" in told.value.mend


def test_a_store_that_is_lost_is_not_a_ledger_of_missing_files(tmp_path: Path) -> None:
    url = f"memory://bucket{next(_names)}/raw"
    with Ledger.open(tmp_path / "ledger.sqlite", url) as ledger:
        submit(ledger, returned({"E01": 1.0}))
        fsspec.filesystem("memory").rm(url.removesuffix("/raw"), recursive=True)
        with pytest.raises(LedgerError, match="no such store") as told:
            ledger.verify()
        assert "NEWSTART_RAW" in told.value.mend
        with pytest.raises(LedgerError, match="no such store"):
            back_up(ledger, tmp_path / "kept")


def _raising(error: Exception) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> None:
        raise error

    return refuse


@pytest.mark.parametrize(
    "error", [PermissionError("Forbidden"), TimeoutError(), OSError(5, "Input/output error")]
)
def test_a_store_that_refuses_is_a_sentence_and_nothing_is_accepted(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite", f"memory://bucket{next(_names)}/raw") as ledger:
        kept = submit(ledger, returned({"E01": 1.0}))
        assert isinstance(ledger.raw, Remote)
        kind = type(ledger.raw.system)
        with monkeypatch.context() as patch:
            patch.setattr(kind, "pipe_file", _raising(error))
            with pytest.raises(LedgerError, match="nothing was accepted"):
                submit(ledger, returned({"E01": 2.0}))
        with monkeypatch.context() as patch:
            patch.setattr(kind, "cat_file", _raising(error))
            with pytest.raises(LedgerError, match="cannot be read"):
                ledger.verify()
        with monkeypatch.context() as patch:
            patch.setattr(kind, "cat_file", lambda *_, **__: b"not what was written")
            with pytest.raises(LedgerError, match="other bytes than were written"):
                submit(ledger, returned({"E01": 3.0}))
        with monkeypatch.context() as patch:
            patch.setattr(kind, "rm_file", _raising(error))
            with pytest.raises(LedgerError, match="could not be removed"):
                ledger.redact(kept.return_id, reason="a name", received=DAY)
        assert len(ledger.receipts()) == 1


def test_the_workspace_takes_the_store_from_the_environment(
    tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEWSTART_RAW", raising=False)
    assert tiny_workspace.raw == tiny_workspace.var / "raw"
    monkeypatch.setenv("NEWSTART_RAW", "s3://bucket/raw")
    assert tiny_workspace.raw == "s3://bucket/raw"
