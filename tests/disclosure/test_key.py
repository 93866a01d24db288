"""The key: made once, kept apart, given back by two of three, and never shown."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.disclosure import key
from evaluation.errors import DisclosureError


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    (root / "studies").mkdir(parents=True)
    return root


def test_a_key_is_made_once_for_its_owner_alone(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "safe" / "key"
    made = key.create(path, workspace)
    assert path.stat().st_mode & 0o077 == 0
    assert made.secret.hex() not in repr(made)
    with pytest.raises(DisclosureError, match="never written over"):
        key.create(path, workspace)
    with pytest.raises(DisclosureError, match="beside the figures"):
        key.create(workspace / "var" / "key", workspace)


def test_two_of_three_shares_give_it_back_and_one_says_nothing(tmp_path: Path) -> None:
    made = key.create(tmp_path / "key", tmp_path / "workspace")
    texts = key.shares(made)
    for pair in combinations(texts, 2):
        assert key.join(pair).secret == made.secret
        assert key.join(pair[::-1]).secret == made.secret
    for wrong, said in (
        ((texts[0], texts[0]), "two different shares"),
        ((texts[0], "nonsense"), "begins with its number"),
        ((texts[0], "2-zz"), "no hexadecimal"),
        ((texts[0], texts[1][:-2]), "cut short"),
    ):
        with pytest.raises(DisclosureError, match=said):
            key.join(wrong)
    # Every key fits one share: a slope can be found for each, so that it says nothing.
    other = bytes(32)
    number, held = texts[0].split("-")
    slopes = bytes(a ^ b for a, b in zip(bytes.fromhex(held), other, strict=True))
    assert number == "1"
    again = bytes(c ^ m for c, m in zip(other, slopes, strict=True))
    assert again.hex() == held


def test_what_is_missing_or_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(key.VARIABLE, raising=False)
    with pytest.raises(DisclosureError, match="is not set"):
        key.read()
    path = tmp_path / "key"
    monkeypatch.setenv(key.VARIABLE, str(path))
    for content, said in ((None, "No such file"), ("xyz", "no hexadecimal"), ("ab", "has 1 bytes")):
        if content is not None:
            path.write_text(content)
        with pytest.raises(DisclosureError, match=said):
            key.read()


def test_as_verbs(
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(workspace)
    path = tmp_path / "key"
    with pytest.raises(SystemExit) as ended:
        main(["disclosure", "key", "create", str(path), "--shares"])
    assert ended.value.code == 0
    check, *shares = capsys.readouterr().out.split()
    monkeypatch.setenv(key.VARIABLE, str(path))
    with pytest.raises(SystemExit):
        main(["disclosure", "key", "show"])
    printed = capsys.readouterr()
    assert printed.out.strip() == check == key.join(shares[1:]).check_value
    assert path.read_text().strip() not in printed.out + printed.err
    path.rename(tmp_path / "lost")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{shares[0]}\n{shares[2]}\n"))
    with pytest.raises(SystemExit) as ended:
        main(["disclosure", "key", "join", str(path)])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == check
    assert path.read_text() == (tmp_path / "lost").read_text()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "two different shares"),
        ("1-ab\n2-cd\n", "cut short"),
        ("x\n", "begins with its number"),
    ],
)
def test_shares_that_are_none_are_told_and_nothing_is_written(
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
    said: str,
) -> None:
    monkeypatch.chdir(workspace)
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    with pytest.raises(SystemExit) as ended:
        main(["disclosure", "key", "join", str(tmp_path / "key")])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "key").exists()


def test_a_digest_cannot_be_found_by_trying_contents() -> None:
    one, other = key.Key(secret=bytes(32)), key.Key(secret=bytes(31) + b"\1")
    assert one.digest(b"12", b"nonce") != one.digest(b"12", b"other")
    assert one.digest(b"12", b"nonce") != other.digest(b"12", b"nonce")
