"""A service that signs people in, on this machine, which does wrong as it is told to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT = "the-portal"
SECRET = "a secret: of + 100 % the client"
Key = RSAKey | ECKey


def bare(part: Any) -> str:
    """A part of a token."""
    held = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(held).rstrip(b"=").decode()


class Provider:
    """What it says of itself, its keys, the codes that it gave, and how it misbehaves.

    ``claims`` go into every token; ``made`` makes a token of its own in place of the right one;
    ``answers`` are given at a path in place of the right ones.
    """

    def __init__(self, keys: dict[str, Key]) -> None:
        self.keys, self.listed = dict(keys), dict(keys)
        self.signs = next(iter(keys))
        self.names_key = True
        self.claims: dict[str, Any] = {}
        self.made: Callable[[dict[str, Any]], str] | None = None
        self.described: dict[str, Any] = {}
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.client_keys: dict[str, Key] = {}
        self.assertions: set[str] = set()
        self.address = ""
        self.person = "ada"

    def describe(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/leave",
        } | self.described

    def jwks(self) -> dict[str, Any]:
        return {
            "keys": [
                {**key.as_dict(private=False), "kid": kid, "use": "sig"}
                for kid, key in self.listed.items()
            ]
        }

    def authorise(self, address: str, subject: str) -> dict[str, str]:
        """What a person's browser brings back, once they signed in there."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked | {"sub": subject}
        return {"code": code, "state": asked["state"]}

    def token(self, form: dict[str, str], headers: Any) -> dict[str, Any]:
        """The answer at the token's address: a code is taken once, from who can prove it."""
        held = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if held is None or held["code_challenge"] != bare(digest):
            return {"error": "invalid_grant"}
        if form["redirect_uri"] != held["redirect_uri"] or not self.is_client(form, headers):
            return {"error": "invalid_client"}
        moment = int(time.time())
        claims = {
            "iss": self.address,
            "aud": CLIENT,
            "sub": held["sub"],
            "iat": moment,
            "exp": moment + 300,
            "nonce": held["nonce"],
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        return {"id_token": (self.made or self.signed)(claims), "token_type": "Bearer"}

    def is_client(self, form: dict[str, str], headers: Any) -> bool:
        assertion = form.get("client_assertion")
        if not self.client_keys:
            kind, _, basic = headers.get("Authorization", "").partition(" ")
            named = [unquote(one) for one in base64.b64decode(basic).decode().split(":")]
            return kind == "Basic" and named == [CLIENT, SECRET]
        if not assertion or assertion in self.assertions:
            return False
        self.assertions.add(assertion)
        head = json.loads(base64.urlsafe_b64decode(assertion.partition(".")[0] + "=="))
        if head["kid"] not in self.client_keys:
            return False
        said = jwt.decode(assertion, self.client_keys[head["kid"]], algorithms=[head["alg"]]).claims
        told = (said["iss"], said["sub"], said["aud"])
        return told == (CLIENT, CLIENT, f"{self.address}/token") and "jti" in said

    def signed(self, claims: dict[str, Any], *, kid: str | None = None) -> str:
        key = self.keys[self.signs]
        algorithm = "RS256" if key.key_type == "RSA" else "ES256"
        head = {"alg": algorithm} | ({"kid": kid or self.signs} if self.names_key else {})
        return jwt.encode(head, claims, key, algorithms=[algorithm])


@contextlib.contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """Serve it on a port of this machine until the block ends."""

    class Answering(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing: what is asked is kept in ``asked``."""

        def do_GET(self) -> None:
            if self.path.startswith("/authorize?"):
                # Whoever comes by a browser is signed in there already.
                brought = provider.authorise(self.path, provider.person)
                asked = dict(parse_qsl(urlsplit(self.path).query))
                send(
                    self, b"", status=302, Location=f"{asked['redirect_uri']}?{urlencode(brought)}"
                )
                return
            self.told(
                {"/.well-known/openid-configuration": provider.describe, "/keys": provider.jwks}
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.told({"/token": lambda: provider.token(form, self.headers)})

        def told(self, known: dict[str, Callable[[], dict[str, Any]]]) -> None:
            provider.asked.append(self.path)
            with contextlib.suppress(OSError):
                if self.path in provider.answers:
                    provider.answers[self.path](self)
                    return
                send(self, json.dumps(known[self.path]()).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    provider.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(
    answer: BaseHTTPRequestHandler, content: bytes, *, status: int = 200, **headers: str
) -> None:
    """An answer of so many bytes."""
    answer.send_response(status)
    for name, value in headers.items():
        answer.send_header(name, value)
    answer.send_header("Content-Length", str(len(content)))
    answer.end_headers()
    answer.wfile.write(content)
