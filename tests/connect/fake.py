"""A server that behaves as badly as the real ones do, and worse where it is told to."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """What a client sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    nth: int


@dataclass
class Reply:
    """What it gets: ``cut`` bytes are promised and not sent, ``drip`` seconds lie between bytes."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    chunked: bool = False
    drip: float = 0.0


Answerer = Callable[[Asked], Reply]


class Fake:
    """The server while it runs: where it is, what it was asked."""

    def __init__(self, answer: Answerer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.base = ""

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


@contextlib.contextmanager
def serving(answer: Answerer) -> Iterator[Fake]:
    fake = Fake(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(
                method=self.command,
                path=parts.path,
                query={name: held[0] for name, held in parse_qs(parts.query).items()},
                headers=dict(self.headers.items()),
                body=self.rfile.read(length),
                nth=len(fake.asked),
            )
            fake.asked.append(asked)
            self._send(fake.answer(asked))

        do_GET = do_POST = _serve  # noqa: N815 - named by the standard library

        def _send(self, reply: Reply) -> None:
            self.close_connection = True
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Connection", "close")
            if reply.chunked:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(reply.body), reply.body))
                if not reply.cut:
                    self.wfile.write(b"0\r\n\r\n")
                return
            self.send_header("Content-Length", str(len(reply.body) + reply.cut))
            self.end_headers()
            for start in range(0, len(reply.body), 1 if reply.drip else 1 << 20):
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(reply.body[start : start + (1 if reply.drip else 1 << 20)])
                    self.wfile.flush()
                time.sleep(reply.drip)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.base = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


HEADINGS = "DATE,DATE_NAME,GEOGRAPHY_CODE,GEOGRAPHY_NAME,OBS_VALUE,OBS_STATUS"


@dataclass
class Nomis:
    """Claimant counts: at most ``most`` rows, and not a word about the rest."""

    figures: dict[tuple[str, str], str]
    most: int = 25_000
    heading: str = f"{HEADINGS},RECORD_OFFSET,RECORD_COUNT"
    repeats: bool = False
    lower: bool = False
    bom: bool = False
    extra: tuple[str, ...] = ()
    packed: bool = False

    def rows(self, asked: Asked) -> list[tuple[str, str, str]]:
        first, _, last = asked.query["date"].partition("...")
        codes = asked.query["geography"].split(",") + list(self.extra)
        return [
            (month, code, value)
            for (month, code), value in self.figures.items()
            if first <= month <= (last or first) and code in codes
        ]

    def __call__(self, asked: Asked) -> Reply:
        rows = self.rows(asked)
        limit = min(int(asked.query["RecordLimit"]), self.most)
        offset = 0 if self.repeats else int(asked.query["RecordOffset"])
        lines = [self.heading]
        for place, (month, code, value) in enumerate(rows[offset : offset + limit]):
            held = {
                "DATE": month,
                "DATE_NAME": f'"{month}, count day"',
                "GEOGRAPHY_CODE": code.lower() if self.lower else code,
                "GEOGRAPHY_NAME": '"A place, somewhere"',
                "OBS_VALUE": value,
                "OBS_STATUS": "A",
                "RECORD_OFFSET": str(offset + place),
                "RECORD_COUNT": str(len(rows)),
            }
            lines.append(",".join(held.get(name.upper(), "") for name in self.heading.split(",")))
        body = ("\ufeff" if self.bom else "").encode() + "\r\n".join(lines).encode() + b"\r\n"
        if self.packed:
            return Reply(gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return Reply(body, headers={"Content-Type": "text/csv"})


def as_json(content: Any, **more: Any) -> Reply:
    return Reply(json.dumps(content).encode(), headers={"Content-Type": "application/json"}, **more)
