"""The scan: what stands in a built book that no release and no constant explains.

A number in a table has to be a released one, digit for digit. A number in a text has to be one that
a released figure or a constant rounds to, and on a page it has to stand in what the page was made
of as well, as often. Tables, downloads and charts have to be the files that were written for the
book, to the byte. A chart's coordinates have one decimal place, which is coarser than any step, and
its words are texts. So this finds what has more digits than its step anywhere, and a count that was
added to a file behind the release; a whole number of few digits that a template prints is held by
where templates' figures come from, the contract "What leaves is released", and not by its value.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.disclosure.bundle import refuse_unreleased
from evaluation.disclosure.released import readable
from evaluation.edition.edition import Edition
from evaluation.edition.scan import contents
from evaluation.edition.scan.contents import Held
from evaluation.edition.scan.known import Known, exactly
from evaluation.edition.scan.numbers import HASH, Number, numbers
from evaluation.errors import BookError
from evaluation.workspace import GENERATED_PAGES, package

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

SHOWN = 20
THEME = ("_static", ".buildinfo", "robots.txt", ".nojekyll")
"""What the tools that draw the book bring with them: in every book the same."""
_FINER = re.compile(r"\d\.\d{2,}")
_LEAST_FIGURES = 3
"""A whole number of fewer figures may be one of anything: of items, of sites, of pages."""
_WORD = re.compile(r"[0-9]+")
HASH_SIGNS = 64
_TAG = re.compile(r"<[^<]+?>")
_PICTURE = re.compile(r"_images/[\w.-]+")
_CLAIM = re.compile(r"\{claim\}`(?:[^`<]*<)?([^`<>]*)>?`")
FILES = "files"
"""Beneath what the book is made of: what is handed on to readers as it was written."""
WRITTEN = ("data", "downloads", "figures")


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Something in a built book that was not released: in which file, where, what, and why not."""

    file: str
    place: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.what}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What a scan read and what it found."""

    files: int
    numbers: int
    leaks: tuple[Leak, ...]


def scan(workspace: Workspace, edition: Edition, folder: Path | None = None) -> Scanned:
    """Hold every number of a built book against what was released and what is declared.

    Parameters
    ----------
    folder : the built pages; those that the workspace built last if none is named.

    Raises
    ------
    BookError : there are none.
    NotForPublication : a programme that they show is closed.
    """
    refuse_unreleased(workspace, edition.programmes)
    place = folder or workspace.book / "_build" / "html"
    if not (place / "index.html").is_file():
        raise BookError("the book is not built yet.", where=str(place), mend="newstart book build")
    return scan_files(place, workspace.book / GENERATED_PAGES, Known.of(workspace, edition))


def scan_files(folder: Path, sources: Path, known: Known) -> Scanned:
    """Hold every number of a folder's files against what may be printed.

    Parameters
    ----------
    sources : what its pages were made of, as Jupyter Book read them.
    """
    reader = _Scan(folder, sources, known)
    leaks = tuple(reader.leaks())
    return Scanned(files=reader.files, numbers=reader.numbers, leaks=leaks)


def refuse_leaks(found: Scanned) -> None:
    """Let no book stand in which something is that was not released.

    Raises
    ------
    BookError : with every leak, file by file.
    """
    if not found.leaks:
        return
    told = "\n".join(str(one) for one in found.leaks[:SHOWN])
    more = f"\n... and {len(found.leaks) - SHOWN} more" if len(found.leaks) > SHOWN else ""
    many = "1 thing" if len(found.leaks) == 1 else f"{len(found.leaks)} things"
    raise BookError(
        f"{many} in the built book that no released figure explains:\n{told}{more}",
        expected="released figures at their steps, and constants",
        mend="print the released figure; what nobody can be found in is declared in "
        "evaluation/edition/scan/constants.yaml",
    )


class _Scan:
    """One reading of a built book."""

    def __init__(self, folder: Path, sources: Path, known: Known) -> None:
        self.folder, self.sources, self.known = folder, sources, known
        self.files = self.numbers = 0
        self.indexed: set[str] = set()
        self.asked: dict[tuple[str, str, str], str] = {}
        self.of_machinery: set[str] = set()
        declared = known.constants
        self.counted, self.names = set(declared["counted"]), set(declared["names"])
        self.columns = self.counted | set(declared["columns"])

    def leaks(self) -> Iterator[Leak]:
        """File by file; the search index last, since its words are those of the pages."""
        paths = [one for one in sorted(self.folder.rglob("*")) if one.is_file()]
        for path in sorted(paths, key=lambda one: one.name == contents.SEARCH_INDEX):
            name = path.relative_to(self.folder).as_posix()
            if name.split("/")[0] in THEME:
                continue
            self.files += 1
            if any(name.startswith(one) for one in self.known.constants["measured"]):
                self.of_machinery.add(name)
            yield from self._file(path, name)

    def _file(self, path: Path, name: str) -> Iterator[Leak]:
        if path.suffix not in contents.READERS and path.name != contents.SEARCH_INDEX:
            if not self._open(name) and name not in self.known.constants["pictures"]:
                yield Leak(file=name, place="the file", what=path.suffix, why="nothing reads it")
            return
        if self._is_code(path, name):
            return
        yield from self._as_written(path, name)
        own = self._made_of(name) if path.suffix == ".html" else None
        texts = list(contents.texts(path))
        if path.suffix == ".html":
            self.indexed.update(*(_WORD.findall(one.text) for one in texts), self._words_of(name))
        if self._open(name):
            return
        for held in texts:
            yield from (
                Leak(file=name, place=held.place, what=what, why=why)
                for what, why in self._held(name, held, own)
            )

    def _as_written(self, path: Path, name: str) -> Iterator[Leak]:
        """Whether a file that is handed on as it was written is that file, to the byte."""
        source = self.sources / FILES / name
        if source.is_file():
            if source.read_bytes() != path.read_bytes():
                why = "it is not as it was written for the book"
                yield Leak(file=name, place="the file", what=path.suffix, why=why)
        elif name.split("/")[0] in WRITTEN and (self.sources / FILES).is_dir():
            why = "nothing that the book was made of has it"
            yield Leak(file=name, place="the file", what=path.suffix, why=why)

    def _open(self, name: str) -> bool:
        """Whether it belongs to a study of open data, or is a picture of such pages alone."""
        parts = Path(name).with_suffix("").parts
        return any(part in self.known.open for part in parts) or name in self._open_pictures

    @functools.cached_property
    def _open_pictures(self) -> frozenset[str]:
        """What notebooks of open data drew: pictures that their pages show and no other page."""
        shown: dict[bool, set[str]] = {True: set(), False: set()}
        for path in self.folder.rglob("*.html"):
            parts = path.relative_to(self.folder).with_suffix("").parts
            is_open = any(part in self.known.open for part in parts)
            shown[is_open].update(_PICTURE.findall(path.read_text(encoding="utf-8")))
        return frozenset(shown[True] - shown[False])

    def _is_code(self, path: Path, name: str) -> bool:
        """Whether it is a module of this package, as it is."""
        source = package() / name.removeprefix("code/").removesuffix(".txt")
        return (
            name.startswith("code/")
            and source.is_file()
            and source.read_bytes() == path.read_bytes()
        )

    def _held(self, name: str, held: Held, own: _Source | None) -> Iterator[tuple[str, str]]:
        """What of one text is not explained, and why it has to be."""
        text = held.text
        if text == contents.HIDDEN:
            yield "a part that is not shown", "what is not shown is not released"
        elif held.place == contents.OUTPUT:
            yield "what a notebook printed", "notebooks of figures that are not open stay inside"
        elif held.place == "comment" and re.search(r"\d", text.removeprefix("%PDF-1.7")):
            yield text.strip()[:40], "a comment holds no number"
        elif held.drawn:
            if found := _FINER.search(text):
                yield found[0], "a coordinate has one decimal place"
        elif held.column == contents.INDEXED:
            self.numbers += 1
            if text.isdigit() and text not in self.indexed:
                yield text, "the search index holds a number of no page"
        else:
            yield from self._said(name, held, own)
        # Half a million short texts are in a book, and none of them can hold one.
        hashes = HASH.findall(text) if len(text) >= HASH_SIGNS else ()
        for found in set(hashes) - self.known.digests - self._of_files:
            yield found, "a hash on no list: one of figures can be searched for them"

    def _said(self, name: str, held: Held, own: _Source | None) -> Iterator[tuple[str, str]]:
        is_code = name in self.known.constants["code"] or held.place.startswith("script")
        if held.column in self.names or is_code:
            return
        figure = _as_figure(held.text) if held.column else None
        if figure is not None:
            self.numbers += 1
            # The same cell stands in a table as CSV, as JSON and in its chart.
            kind = name if name in self.of_machinery else "", held.column, held.text
            if kind not in self.asked:
                self.asked[kind] = self._in_table(name, held, figure)
            if why := self.asked[kind]:
                yield held.text, why
            return
        for number in _numbers(held.text):
            self.numbers += 1
            counted = number.whole and name in self.known.constants["machinery"]
            # Where an axis has its marks is chosen by who draws it, to be read.
            mark = held.place == contents.AXIS and number.figures <= _LEAST_FIGURES
            if not counted and not mark and not self._explained(number):
                yield number.text, "no released figure and no constant rounds to it"
            elif own is not None and not own.gives(number.text):
                yield number.text, "it does not stand in what the page was made of, or less often"

    def _in_table(self, name: str, held: Held, figure: float) -> str:
        """Why a figure of a table may not stand there; empty where it may."""
        if readable(figure) != figure:
            return "it has more digits than any step"
        if name in self.of_machinery:
            same = exactly(figure) in self.known.measured or exactly(figure) in self.known.exact
            return "" if same or self._plain(held.text) else "it is not what was measured"
        if held.column not in self.columns:
            return f"no column {held.column!r} is declared"
        if held.column in self.counted and figure == round(figure):
            return ""
        if exactly(figure) in self.known.exact:
            return ""
        return "it is no released figure"

    def _plain(self, text: str) -> bool:
        return all(self.known.declared.holds(one) for one in numbers(text))

    def _explained(self, number: Number) -> bool:
        if number.whole and number.figures < _LEAST_FIGURES:
            return True
        return self.known.released.holds(number) or self.known.declared.holds(number)

    @functools.cached_property
    def _of_files(self) -> frozenset[str]:
        """Hashes of the files that can be downloaded, which whoever has them can make."""
        from evaluation import fingerprint

        return frozenset(
            fingerprint.of_bytes(one.read_bytes())
            for one in (self.folder / "downloads").glob("*")
            if one.is_file()
        )

    def _made_of(self, name: str) -> _Source | None:
        """The numbers of what a page was made of, and of what stands around every page."""
        source = self.sources / f"{name.removesuffix('.html')}.md"
        if not source.is_file():
            return None
        text = source.read_text(encoding="utf-8")
        found = Counter(one.text for one in numbers(text))
        for claim in _CLAIM.findall(text):
            found.update(self._claims.get(claim, ()))
        return _Source(found, self._frame)

    def _words_of(self, name: str) -> list[str]:
        """Words of what a page was made of; Sphinx reads neighbouring cells as one word."""
        source = self.sources / f"{name.removesuffix('.html')}.md"
        text = source.read_text(encoding="utf-8") if source.is_file() else ""
        return _WORD.findall(_TAG.sub("", text))

    @functools.cached_property
    def _frame(self) -> frozenset[str]:
        """Numbers of every page: bands, footers, and the titles that others link to."""
        texts = [(self.sources / "book.json").read_text(encoding="utf-8")]
        for path in self.sources.rglob("*.md"):
            lines = path.read_text(encoding="utf-8").splitlines()
            texts += [line for line in lines if line.startswith("#")]
        return frozenset(one.text for text in texts for one in numbers(text))

    @functools.cached_property
    def _claims(self) -> Mapping[str, tuple[str, ...]]:
        """The numbers of each claim, which a page asks for by its id."""
        path = self.sources / "claims.json"
        held: Mapping[str, Mapping[str, object]] = (
            json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        )
        return {
            name: tuple(one.text for one in numbers(str(claim.get("text", ""))))
            for name, claim in held.items()
        }


class _Source:
    """What a page was made of: how often each number stands in it, and which may stand anywhere."""

    def __init__(self, left: Counter[str], anywhere: frozenset[str]) -> None:
        self.left, self.anywhere = left, anywhere

    def gives(self, number: str) -> bool:
        """Whether it has the number once more.

        One that was changed into another of the same page stands there once too often.
        """
        if number in self.anywhere:
            return True
        self.left[number] -= 1
        return self.left[number] >= 0


@functools.lru_cache(maxsize=100_000)
def _numbers(text: str) -> tuple[Number, ...]:
    return tuple(numbers(text))


def _as_figure(text: str) -> float | None:
    """A cell that is one number, as programs write it; None for any other."""
    if not re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", text):
        return None
    return float(text)
