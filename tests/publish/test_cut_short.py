"""What a publication that was cut short left: nothing good is lost, and the next one goes on."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from evaluation.edition import build
from evaluation.errors import BookError
from evaluation.publish import editions
from evaluation.publish.editions import OBJECTS, UNLISTED, place
from evaluation.publish.snapshot import unpack
from evaluation.study.code import source_fingerprint
from evaluation.workspace import Workspace


def test_a_link_that_was_left_is_not_written_through(tmp_path: Path) -> None:
    """Written through, the content of every edition that shares it would be another."""
    page = tmp_path / "2026-Q3" / "pages" / "index.html"
    place(tmp_path, b"first", page)
    name = place(tmp_path, b"second", page)
    left = page.with_name("index.html.part")
    left.hardlink_to(tmp_path / OBJECTS / name[:2] / name)
    place(tmp_path, b"third", page)
    assert page.read_bytes() == b"third" and not left.exists()
    assert (tmp_path / OBJECTS / name[:2] / name).read_bytes() == b"second"


def test_a_content_without_its_bytes_is_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "2026-Q3" / "index.html"
    name = place(tmp_path, b"whole", page)
    held = tmp_path / OBJECTS / name[:2] / name
    held.chmod(0o644)
    held.write_bytes(b"")
    held.with_suffix(".part").write_bytes(b"half")
    held.with_suffix(".part").chmod(0o444)
    place(tmp_path, b"whole", tmp_path / "2026-Q4" / "index.html")
    assert (tmp_path / "2026-Q4" / "index.html").read_bytes() == b"whole"


def test_a_folder_that_the_index_does_not_name_is_kept_apart(tmp_path: Path) -> None:
    """An index that was lost makes a published edition look like what a killed one left."""
    for content in ("published", "published since"):
        (tmp_path / "2026-Q3").mkdir()
        (tmp_path / "2026-Q3" / "headline.json").write_text(content)
        editions._set_aside(tmp_path, "2026-Q3")
    kept = [(tmp_path / UNLISTED / name / "headline.json") for name in ("2026-Q3", "2026-Q3-2")]
    assert [path.read_text() for path in kept] == ["published", "published since"]
    assert not (tmp_path / "2026-Q3").exists()


def test_code_that_was_unpacked_in_part_is_unpacked_anew(tmp_path: Path) -> None:
    source = tmp_path / "source" / "evaluation"
    source.mkdir(parents=True)
    (source / "one.py").write_text("ONE = 1\n")
    packed, expected = tmp_path / "code.tar.xz", source_fingerprint(source)
    with tarfile.open(packed, "w:xz") as tar:
        tar.add(source, "evaluation")
    place_ = unpack(packed, tmp_path / "code", expected)
    (place_ / "evaluation" / "one.py").write_text("")
    (tmp_path / "code" / f"{expected[:16]}.part").mkdir()
    assert (unpack(packed, tmp_path / "code", expected) / "evaluation" / "one.py").read_text()
    with pytest.raises(BookError, match="not the code that it was computed by"):
        unpack(packed, tmp_path / "code", "0" * 64)


def test_pages_of_a_build_that_ended_on_its_way_are_not_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what the scan refused would be taken for built once its inputs are as before."""
    workspace = Workspace(root=tmp_path)
    html = workspace.book / "_build" / "html"
    html.mkdir(parents=True)
    (html / "index.html").write_text("the book")
    (workspace.book / "_config.yml").write_text("")
    monkeypatch.setattr(build, "refuse_unreleased", lambda *_: None)
    monkeypatch.setattr(build, "programmes_shown", lambda *_: {})
    monkeypatch.setattr(build, "refuse_without_builders", lambda: None)
    monkeypatch.setattr(build, "_past", lambda _: [])
    monkeypatch.setattr(build, "book_inputs", lambda *_: "")

    def ends(*_: object) -> None:
        raise BookError("it ends here")

    monkeypatch.setattr(build.Edition, "read", ends)
    stamp = workspace.book / "_build" / build._STAMP
    stamp.write_text(build._digest(workspace, [], "other"))
    with pytest.raises(BookError, match="it ends here"):
        build.build_book(workspace, programme="p", progress=lambda _: None)
    assert not stamp.exists()
    stamp.write_text(build._digest(workspace, [], ""))
    front = build.build_book(workspace, programme="p", progress=lambda _: None)
    assert front == html / "index.html"
