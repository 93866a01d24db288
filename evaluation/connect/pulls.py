"""One answer after the other: asked again where that may help, kept as it came, never asked twice.

The bytes of each answer lie under ``var/connect/raw`` by their SHA-256; a journal of the fetch says
which request they answer. A fetch that was killed goes on from its journal, and one that is done
can be replayed from it without the network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, Literal, TypeVar
from urllib.parse import quote

from evaluation import fingerprint
from evaluation.connect.door import Answer, Key, Limits, Request, Transport, Unreachable
from evaluation.errors import SourceError
from evaluation.quarters import format_instant
from evaluation.workspace import write_whole

T = TypeVar("T")
Say = Callable[[str], None]
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_EXCERPT = 160
_FILE = "file"
_TAGS = re.compile(rb"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_PAGE = re.compile(rb"\s*(?:<!doctype\s+html|<html|<head|<body)", re.IGNORECASE)
_DOCUMENTS = {b"%PDF": "a PDF", b"\x89PNG": "a picture", b"\xd0\xcf\x11\xe0": "an old workbook"}
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_BOM = b"\xef\xbb\xbf"
# Seconds since 1970 have ten digits, milliseconds thirteen; a wait in milliseconds has fewer.
_EPOCH_SECONDS, _EPOCH_MS = 10**9, 10**11
_MEANS = {
    400: "it does not understand the request",
    401: "it does not take the key",
    403: "it refuses access",
    404: "it has nothing under this address",
    413: "the request is too large for it",
    414: "the address is too long for it",
    422: "it does not know something that was asked for",
}


class Unanswered(SourceError):
    """A source that gave no answer that can be used; what it answered before is kept."""


class Unusable(Exception):
    """An answer that came whole and cannot be used.

    again : whether to ask once more. stale : whether what was kept before may be at fault, and is
    not to be gone on from.
    """

    def __init__(
        self, why: str, *, mend: str = "", again: bool = True, stale: bool = False
    ) -> None:
        self.why, self.mend, self.again, self.stale = why, mend, again, stale
        super().__init__(why)


@dataclass(frozen=True, kw_only=True)
class Pull:
    """One answer as the journal keeps it: no key, and bytes by their hash."""

    url: str
    method: str
    body: str
    status: int
    retrieved: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often a source is asked, and how long is waited, in seconds, before that is told."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 900.0
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, kw_only=True)
class Line:
    """How a source is reached: its name for messages, its transport, key and limits.

    key_from : the environment variable of its key; empty for a source that takes none. resumes :
    whether its answers are so long that a broken transfer is gone on with.
    """

    name: str
    transport: Transport | None
    key: Key | None = None
    key_from: str = ""
    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)
    resumes: bool = False


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The file that an answer is written to until it is whole.

    Where the answers are long, the source's mark of the file (its ETag) is kept beside it: with
    that the source is asked for the rest alone, and sends all of it if the file is another by now.
    """

    path: Path
    resumes: bool

    @property
    def mark(self) -> Path:
        return self.path.with_suffix(".mark")

    def ranged(self) -> dict[str, str]:
        """The headers that ask for the rest; none where there is nothing to go on from."""
        size = self.path.stat().st_size if self.path.is_file() else 0
        if not self.resumes or not size or not self.mark.is_file():
            return {}
        mark = self.mark.read_text("utf-8")
        return {"Range": f"bytes={size}-", "If-Range": mark, "Accept-Encoding": "identity"}

    def open(self) -> BinaryIO:
        """For writing at the end of what is there; without what is of no use."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        stream = self.path.open("rb+") if self.ranged() else self.path.open("wb+")
        stream.seek(0, os.SEEK_END)
        return stream

    def begun(self, stream: IO[bytes], answer: Answer) -> None:
        """Start over unless the source goes on from the very place."""
        asked = f"bytes {stream.tell()}-"
        if answer.status == 206 and answer.headers.get("content-range", "")[: len(asked)] == asked:
            return
        stream.seek(0)
        stream.truncate()
        if answer.status == 206:
            raise Unreachable("it sends another part of the file than was asked for")
        mark = answer.headers.get("etag", "")
        packed = answer.headers.get("content-encoding", "identity") != "identity"
        # A weak mark does not promise the same bytes.
        if self.resumes and answer.status == 200 and mark[:1] == '"' and not packed:
            write_whole(self.mark, mark)
        else:
            self.mark.unlink(missing_ok=True)

    def forget(self) -> None:
        """Nothing to go on from."""
        self.path.unlink(missing_ok=True)
        self.mark.unlink(missing_ok=True)


@dataclass(kw_only=True)
class Puller:
    """Asks one source and keeps what it answers.

    folder : of the journal. raw : of the bytes. clock : the instant that records are stamped with.
    taken : the answers that were used, in order. new : how many of them came over the network.
    """

    line: Line
    folder: Path
    raw: Path
    clock: Callable[[], datetime]
    say: Say
    taken: list[Pull] = field(default_factory=list)
    new: int = 0

    def pull(self, request: Request, read: Callable[[Path], T]) -> T:
        """What ``read`` makes of the answer; kept in the journal once it could be read.

        Parameters
        ----------
        read : from the file with the answer's bytes; raises `Unusable` for what is no answer.

        Raises
        ------
        Unanswered : the source cannot be reached, refuses, or answers what cannot be used, and
            asking again did not help; what was kept before stays kept.
        """
        entry = self.folder / f"{_name(request)}.json"
        held = self._usable(entry) if entry.is_file() else None
        if held is not None:
            path = self._kept(held)
            self.taken.append(held)
            return self._read_again(path, read, request)
        if self.line.transport is None:
            raise Unanswered(
                "this answer was never kept, so it cannot be replayed.",
                where=request.url,
                mend="fetch it with newstart connect fetch",
            )
        return self._ask(self.line.transport, request, read, entry)

    def keep_file(self, name: str, path: Path) -> None:
        """Keep a file that was dropped in as if it had been an answer."""
        sha256 = fingerprint.of_file(path)
        entry = self.folder / f"{fingerprint.of_data([_FILE, name, sha256])}.json"
        if not entry.is_file():
            kept = self.raw / sha256[:2] / sha256
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = self.folder / "answer.part"
            # An archive has a gigabyte or two: it is copied, never held.
            shutil.copyfile(path, part)
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
            part.replace(kept)
            pull = Pull(
                url=name,
                method=_FILE,
                body="",
                status=200,
                retrieved=format_instant(self.clock()),
                sha256=sha256,
                size=path.stat().st_size,
            )
            _enter(entry, pull)
        self.taken.append(_entered(entry))

    def kept_files(self) -> list[tuple[str, Path]]:
        """Name and place of every file that was kept."""
        entries = (_entered(path) for path in sorted(self.folder.glob(f"{'[0-9a-f]' * 64}.json")))
        return sorted((one.url, self._kept(one)) for one in entries if one.method == _FILE)

    def forget(self, mark: int) -> None:
        """Take the answers from a place in ``taken`` on out of the journal; their bytes stay."""
        for one in self.taken[mark:]:
            body = one.body.encode() if one.method == "POST" else None
            method: Literal["GET", "POST"] = "POST" if one.method == "POST" else "GET"
            asked = Request(url=one.url, method=method, body=body)
            (self.folder / f"{_name(asked)}.json").unlink(missing_ok=True)
        del self.taken[mark:]

    def _usable(self, entry: Path) -> Pull | None:
        """What the journal holds; None where it, or the bytes, are spoilt and can be asked anew."""
        try:
            held = _entered(entry)
            self._kept(held)
        except SourceError:
            if self.line.transport is None:
                raise
            entry.unlink()
            self.say(f"{self.line.name}: an answer that was kept is spoilt; it is asked for anew.")
            return None
        return held

    def _kept(self, held: Pull) -> Path:
        path = self.raw / held.sha256[:2] / held.sha256
        if not path.is_file() or fingerprint.of_file(path) != held.sha256:
            raise SourceError(
                "the kept bytes of an answer are gone or are not the ones that came.",
                where=str(path),
                mend="put them back from a backup, or fetch anew",
            )
        return path

    def _read_again(self, path: Path, read: Callable[[Path], T], request: Request) -> T:
        try:
            return read(path)
        except Unusable as error:
            raise self._failed(request, error.why, error.mend) from None

    def _ask(
        self, transport: Transport, request: Request, read: Callable[[Path], T], entry: Path
    ) -> T:
        patience, why, mend, stale = self.line.patience, "", "", False
        # Beside the journal, which one process holds at a time.
        part = _Part(path=self.folder / f"{entry.stem}.part", resumes=self.line.resumes)
        for attempt in range(patience.attempts):
            wait = patience.first_wait * 2**attempt
            try:
                answer = self._transfer(transport, request, part)
                if answer.status in (200, 206):
                    _refuse_page(part.path, answer.moved)
                    made = read(part.path)
                    self._keep(request, part.path, entry)
                    part.forget()
                    return made
                why, mend = self._status(answer, part.path)
                if answer.status not in _BUSY:
                    break
                wait = _asked_to_wait(answer, self.clock()) or wait
            except (Unreachable, Unusable) as error:
                why, mend = error.why, error.mend
                stale = getattr(error, "stale", False)
                if isinstance(error, Unusable):
                    part.forget()
                if not error.again:
                    break
            if wait > patience.longest_wait:
                minutes = wait / 60
                why, mend = f"{why}, and asks to wait {minutes:,.0f} minutes", ""
                break
            if attempt + 1 < patience.attempts:
                said = _without(why, self.line.key)
                self.say(f"{self.line.name}: {said}; asking again in {wait:,.0f} s.")
                patience.pause(wait)
        if not part.ranged():
            part.forget()
        raise self._failed(request, why, mend, stale)

    def _transfer(self, transport: Transport, request: Request, part: _Part) -> Answer:
        """One answer into its file, from where an earlier transfer broke off."""
        whole = {**request.headers, **part.ranged()}
        with part.open() as stream:
            answer = transport(
                replace(request, headers=whole),
                stream,
                key=self.line.key,
                limits=self.line.limits,
                begun=partial(part.begun, stream),
            )
            self._without_key(stream)
        return answer

    def _failed(self, request: Request, why: str, mend: str, stale: bool = False) -> SourceError:
        kind = SourceError if stale else Unanswered
        later = "fetch it anew later" if stale else "run the same command again later: it goes on"
        more = "" if stale else " from here" + (", what came is kept" if self.taken else "")
        return kind(
            f"{self.line.name}: {_without(why, self.line.key)}.",
            where=_redacted(request.url, self.line.key),
            mend=mend or later + more,
        )

    def _status(self, answer: Answer, part: Path) -> tuple[str, str]:
        """What a status says, with the first words of what came with it."""
        excerpt = _excerpt(part.read_bytes()[: 64 * _EXCERPT])
        meaning = _MEANS.get(answer.status, "it has a fault of its own")
        if answer.status == 429:
            meaning = "it was asked too often"
        said = f": {excerpt}" if excerpt else ""
        mend = ""
        if answer.status in (401, 403, 407):
            mend = self._let_in()
        elif answer.status not in _BUSY:
            mend = "compare the recipe with what the source offers now"
        return f"{meaning} (status {answer.status}{said})", mend

    def _let_in(self) -> str:
        """What to do where a source refuses access."""
        name = self.line.key_from
        if not name:
            return (
                "this source takes no key: a proxy or a filter on the way may refuse it; open the "
                "address in a browser on this machine, or ask from another network"
            )
        if self.line.key is None:
            return f"no key is set: put your own into the environment variable {name}"
        return (
            f"the key in the environment variable {name} is not taken: compare it with the one "
            "that your account with the source shows; it may have been renewed"
        )

    def _without_key(self, stream: IO[bytes]) -> None:
        """A server may repeat the key in its answer: it is blotted out before anything is kept."""
        key = self.line.key
        if key is None or not key.value:
            return
        stream.seek(0)
        content = stream.read()
        blotted = content
        for form in _forms(key):
            blotted = blotted.replace(form.encode(), b"(key)")
        if blotted != content:
            stream.seek(0)
            stream.truncate()
            stream.write(blotted)

    def _keep(self, request: Request, part: Path, entry: Path) -> None:
        """The bytes first, then the journal: a power cut leaves bytes without an entry at worst."""
        sha256, size = fingerprint.of_file(part), part.stat().st_size
        path = self.raw / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
        pull = Pull(
            url=request.url,
            method=request.method,
            body=(request.body or b"").decode("utf-8"),
            status=200,
            retrieved=format_instant(self.clock()),
            sha256=sha256,
            size=size,
        )
        _enter(entry, pull)
        self.taken.append(pull)
        self.new += 1


def _enter(entry: Path, pull: Pull) -> None:
    write_whole(entry, json.dumps(asdict(pull), indent=2, ensure_ascii=False) + "\n")


def _entered(entry: Path) -> Pull:
    try:
        return Pull(**json.loads(entry.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        raise SourceError(
            "this entry of the journal cannot be read.",
            where=str(entry),
            mend="put it back from a backup, or fetch anew",
        ) from None


def _name(request: Request) -> str:
    asked = [request.method, request.url, (request.body or b"").decode("utf-8")]
    return fingerprint.of_data(asked)


def _refuse_page(path: Path, moved: str) -> None:
    """Refuse what no source of ours sends as data: web pages and messages that come with 200.

    Raises
    ------
    Unusable : it is a page, a message or a document.
    """
    with path.open("rb") as stream:
        head = stream.read(64 * _EXCERPT).removeprefix(_BOM).lstrip()
    after = f", after it redirected to {moved}" if moved else ""
    mend = (
        "a login or a proxy may be in between: open the address in a browser on this machine"
        if moved
        else ""
    )
    marked = head[:1] == b"<"
    title = _TITLE.search(head) if marked else None
    if _PAGE.match(head) or title:
        said = _excerpt(title[1] if title else head)
        raise Unusable(
            f"it answers with a web page in place of data ({said or 'no title'}){after}", mend=mend
        )
    # Neither CSV, JSON nor an archive begins so.
    if marked:
        raise Unusable(f"it answers with a message in place of data ({_excerpt(head)}){after}")
    for sign, what in _DOCUMENTS.items():
        if head.startswith(sign):
            raise Unusable(f"it answers with {what} in place of data{after}")


def _excerpt(content: bytes) -> str:
    """The first words of an answer, without tags, on one line."""
    text = _TAGS.sub(b" ", content.removeprefix(_BOM)).decode("utf-8", "replace")
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= _EXCERPT else f"{words[:_EXCERPT]}…"


def _redacted(url: str, key: Key | None) -> str:
    """An address for a message: no key, and not longer than can be read."""
    plain = _without(url, key)
    return plain if len(plain) <= 2 * _EXCERPT else f"{plain[: 2 * _EXCERPT]}…"


def _without(text: str, key: Key | None) -> str:
    """A text without the key, however it is spelled there."""
    for form in _forms(key):
        text = text.replace(form, "(key)")
    return text


def _forms(key: Key | None) -> tuple[str, ...]:
    return (key.value, quote(key.value, safe="")) if key is not None and key.value else ()


def _asked_to_wait(answer: Answer, now: datetime) -> float | None:
    """Seconds to wait by ``Retry-After`` or ``X-RateLimit-Reset``; None where neither says.

    Stat-Xplore gives the reset in milliseconds, since 1970 or from now: read as seconds it would
    be some fifty thousand years.
    """
    after = answer.headers.get("retry-after", "").strip()
    if after.isdecimal():
        return max(float(after), 0.0) or None
    if after:
        try:
            return max((parsedate_to_datetime(after) - now).total_seconds(), 1.0)
        except (TypeError, ValueError):
            return None
    reset = answer.headers.get("x-ratelimit-reset", "").strip()
    if not reset.isdecimal():
        return None
    number = float(reset)
    if number >= _EPOCH_MS:
        return max(number / 1_000 - now.timestamp(), 1.0)
    if number >= _EPOCH_SECONDS:
        return max(number - now.timestamp(), 1.0)
    return max(number / 1_000, 0.1)
