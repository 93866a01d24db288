"""The one door to the network: a request goes out, its answer comes into a file, within bounds.

The standard library's client serves four services that answer GET and POST; what it does by itself
and a key or a truncated file would suffer from (following a redirect with the key, taking a short
body for a whole one, opening ``file:``) is not left to it.
"""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol

CHUNK = 1 << 16
_MOVED = {301, 302, 303, 307, 308}
_GZIP = b"\x1f\x8b"
# zlib finds out by itself whether it is gzip or zlib, from 32 on; 15 is the largest window.
_EITHER = 32 + 15
_PORTS = {"http": 80, "https": 443}
# So much of an address is shown in a message.
_SHOWN = 80


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long and how much: silence and whole, in seconds; the body, unpacked, in bytes."""

    silence: float = 30.0
    whole: float = 900.0
    size: int = 512 * 2**20
    redirects: int = 5


@dataclass(frozen=True, kw_only=True)
class Key:
    """A personal key, sent as a header or a parameter and never written anywhere."""

    value: str = field(repr=False)
    header: str = ""
    parameter: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked, without any key: as it may stand in a lineage."""

    url: str
    method: Literal["GET", "POST"] = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Answer(NamedTuple):
    """Status and headers (names in small letters) of what was written to the file.

    ``moved`` : where the source redirected to, without parameters; empty where it did not.
    """

    status: int
    headers: Mapping[str, str]
    moved: str = ""


class Unreachable(Exception):
    """No whole answer came. ``again`` : whether asking once more may help."""

    def __init__(self, why: str, *, again: bool = True, mend: str = "") -> None:
        self.why, self.again, self.mend = why, again, mend
        super().__init__(why)


class Transport(Protocol):
    """What carries a request: `over_http`, or a test's own."""

    def __call__(
        self,
        request: Request,
        into: BinaryIO,
        *,
        key: Key | None,
        limits: Limits,
        begun: Callable[[Answer], None],
    ) -> Answer: ...


def over_http(
    request: Request,
    into: BinaryIO,
    *,
    key: Key | None,
    limits: Limits,
    begun: Callable[[Answer], None],
) -> Answer:
    """Ask over HTTP or HTTPS and write the body, unpacked, into an open file.

    ``begun`` is told of status and headers before the first byte is written.

    The environment's proxies are used, certificates are always verified, and a key goes to the
    host that it was meant for and to no other.

    Raises
    ------
    Unreachable : the host cannot be reached, the transfer breaks off or takes too long, the body
        is longer than allowed, or it redirects for ever or to what is no HTTP.
    """
    address, end = request.url, time.monotonic() + limits.whole
    for _ in range(limits.redirects + 1):
        own = key if _origin(address) == _origin(request.url) else None
        try:
            with _opener().open(_asked(request, address, own), timeout=limits.silence) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                if response.status in _MOVED and headers.get("location"):
                    address = _moved(request, address, headers["location"])
                    continue
                moved = "" if address == request.url else _place(address)
                answer = Answer(response.status, headers, moved)
                begun(answer)
                _copy(response, headers, into, limits, end)
                return answer
        except urllib.error.URLError as error:
            raise _refused(error.reason) from None
        except http.client.HTTPException as error:
            cut = isinstance(error, http.client.IncompleteRead)
            why = "the transfer broke off" if cut else f"no sound answer ({type(error).__name__})"
            raise Unreachable(why) from None
        except OSError as error:
            raise _refused(error) from None
        except ValueError:
            # An address that cannot be taken apart or sent: the request's own was looked at before.
            raise Unreachable("it redirects to an address that is none", again=False) from None
    raise Unreachable(f"it redirects more than {limits.redirects} times", again=False)


class _AsItIs(urllib.request.HTTPErrorProcessor):
    """No redirect is followed and no status raised: both are looked at here."""

    def http_response(self, *asked_and_answer: Any) -> Any:
        return asked_and_answer[1]

    def https_response(self, *asked_and_answer: Any) -> Any:
        return asked_and_answer[1]


@lru_cache(maxsize=1)
def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS alone: the usual opener would open ``file:`` and ``ftp:`` as well."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _AsItIs(),
    ):
        opener.add_handler(handler)
    return opener


def _asked(request: Request, address: str, key: Key | None) -> urllib.request.Request:
    headers = {"User-Agent": "newstart", "Accept-Encoding": "gzip", **request.headers}
    if key is not None and key.header:
        headers[key.header] = key.value
    if key is not None and key.parameter:
        join = "&" if urllib.parse.urlsplit(address).query else "?"
        address += f"{join}{key.parameter}={urllib.parse.quote(key.value, safe='')}"
    return urllib.request.Request(
        address, data=request.body, headers=headers, method=request.method
    )


def _origin(address: str) -> tuple[str, str, int | None]:
    parts = urllib.parse.urlsplit(address)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def _moved(request: Request, address: str, location: str) -> str:
    """Where a redirect leads.

    Raises
    ------
    Unreachable : for a POST, to what is no HTTP, or from HTTPS down to HTTP.
    """
    target = urllib.parse.urljoin(address, location)
    before, after = _origin(address), _origin(target)
    if after[0] not in _PORTS or (before[0] == "https" and after[0] == "http"):
        raise Unreachable("it redirects to an address that is not safe", again=False)
    if request.method != "GET":
        # A redirected POST becomes a GET with most servers, and another question.
        raise Unreachable(
            f"it redirects what was sent to it elsewhere ({_place(target)})",
            again=False,
            mend="a login or a proxy may be in between: open the address of the source in a "
            "browser on this machine, and see what answers",
        )
    return target


def _place(address: str) -> str:
    """Host and path of an address: what stands behind may hold somebody's session."""
    parts = urllib.parse.urlsplit(address)
    return f"{parts.hostname or ''}{parts.path}"[:_SHOWN]


def _refused(reason: object) -> Unreachable:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unreachable(
            f"its certificate cannot be verified ({reason.verify_message})",
            again=False,
            mend="a proxy may be in between: ask for its certificate and name it in SSL_CERT_FILE; "
            "nothing is ever fetched unverified",
        )
    if isinstance(reason, TimeoutError):
        return Unreachable("it is silent for too long")
    if isinstance(reason, OSError):
        return Unreachable(f"no connection ({reason.strerror or type(reason).__name__})")
    return Unreachable(f"no connection ({reason})")


def _copy(
    response: Any, headers: Mapping[str, str], into: BinaryIO, limits: Limits, end: float
) -> None:
    """Write the body, unpacked, and see that it is whole.

    Raises
    ------
    Unreachable : it ends early, takes too long, unpacks to more than allowed or not at all.
    """
    unpacked = _Unpacked(headers.get("content-encoding", "").strip().lower())
    received = written = 0
    # `read1` gives what has come: `read` would wait for a whole chunk, however slowly it drips.
    while chunk := response.read1(CHUNK):
        received += len(chunk)
        for part in unpacked.parts(chunk):
            written += len(part)
            if written > limits.size:
                raise Unreachable(
                    f"its answer is longer than {limits.size / 2**20:,.0f} MB", again=False
                )
            _write(into, part)
        if time.monotonic() > end:
            raise Unreachable(f"its answer takes longer than {limits.whole:,.0f} s")
    # The client takes a body that is shorter than announced for a whole one.
    announced = headers.get("content-length", "").strip()
    if "transfer-encoding" not in headers and announced.isdecimal() and received < int(announced):
        raise Unreachable(f"the transfer broke off after {received:,} of {int(announced):,} bytes")
    if unpacked.cut:
        raise Unreachable("the packed answer breaks off")


def _write(into: BinaryIO, part: bytes) -> None:
    """Write; what this machine refuses is no fault of the source."""
    try:
        into.write(part)
    except OSError as error:
        raise Unreachable(
            f"its answer cannot be written here ({error.strerror})",
            again=False,
            mend="make room where the workspace's var/ lies, and run the same command again",
        ) from None


class _Unpacked:
    """Unpacks gzip and deflate as they come, whether or not the header says so."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Unreachable(f"its answer is packed as {encoding[:20]!r}", again=False)
        self.encoding, self.begun = encoding, False
        self.inflating: Any = None

    def parts(self, chunk: bytes) -> Any:
        """What a chunk unpacks to, in parts, so that no small chunk becomes a large memory."""
        if not self.begun:
            self.begun = True
            packed = self.encoding not in ("", "identity") or chunk[:2] == _GZIP
            self.inflating = zlib.decompressobj(_EITHER) if packed else None
        if self.inflating is None:
            yield chunk
            return
        try:
            while chunk:
                part = self.inflating.decompress(chunk, CHUNK)
                chunk = self.inflating.unconsumed_tail
                if part:
                    yield part
        except zlib.error:
            raise Unreachable("its packed answer cannot be unpacked") from None

    @property
    def cut(self) -> bool:
        """Whether the packed stream did not come to its end."""
        return self.inflating is not None and not self.inflating.eof
