"""What level 2 of the OWASP ASVS asks for besides what the other tests of the portal try.

Rows of `docs/security.md` name them; the number in each docstring is the standard's.
"""

from __future__ import annotations

import html
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evaluation.portal import accounts, configure, outbox, uploads
from evaluation.portal.configure import Portal
from evaluation.quarters import now
from tests.portal.conftest import PASSWORD, clean, client, person, submit, the_draft, upload
from tests.portal.test_hard_edges import sign_in, with_password

ROOT = Path(__file__).parents[2]
R = "/returns/S01/nhs/2026-Q3"
BOUNDS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}


@contextmanager
def over_the_wire(application: Callable[..., Any]) -> Iterator[int]:
    """An application behind the server that is really run: its port."""
    import waitress

    from evaluation.portal.server import SERVING

    server = waitress.create_server(application, host="127.0.0.1", port=0, **SERVING)

    def serve() -> None:
        with suppress(OSError):  # its loop waits on the sockets that are closed below
            server.run()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    yield server.effective_port
    server.close()
    serving.join(timeout=30)


def sent(port: int, request: bytes) -> bytes:
    """All that comes back for the bytes of a request, or of several."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        held = b""
        while part := line.recv(65_536):
            held += part
    return held


def asked(application: Callable[..., Any], path: str) -> tuple[str, dict[str, str]]:
    """Status and headers of an answer by TLS, whatever is asked for."""
    from wsgiref.util import setup_testing_defaults

    environ: dict[str, Any] = {"PATH_INFO": path, "wsgi.url_scheme": "https"}
    setup_testing_defaults(environ)
    environ["SERVER_NAME"] = environ["HTTP_HOST"] = "127.0.0.1"
    found: list[Any] = []
    answer = application(environ, lambda status, headers, *_: found.extend((status, headers)))
    list(answer)
    if hasattr(answer, "close"):
        answer.close()
    return found[0], dict(found[1])


def test_every_answer_has_the_headers_stylesheets_too(portal: Portal) -> None:
    """3.4.1 to 3.4.6: not the pages of the portal alone, but whatever the server sends."""
    from evaluation.portal.server import application

    served = application(portal)
    style = next((ROOT / "evaluation/portal/static").glob("*.css")).name
    for path, status in ((f"/static/{style}", "200"), ("/sign-in", "200"), ("/static/none", "404")):
        said, headers = asked(served, path)
        assert said.startswith(status), path
        assert BOUNDS.items() <= headers.items(), path
        for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert part in headers["Content-Security-Policy"], path
        assert "Access-Control-Allow-Origin" not in headers, path


def test_what_is_sent_says_what_it_is(officer: Any, tmp_path: Path) -> None:
    """4.1.1: the kind of each answer, with its encoding where it is text."""
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path)))
    for address, kind in (
        ("/", "text/html; charset=utf-8"),
        (f"{R}/template.csv", "text/csv; charset=utf-8"),
        (f"{R}/template.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (f"/drafts/{draft.number}/report.json", "application/json; charset=utf-8"),
        (f"/drafts/{draft.number}/report.txt", "text/plain; charset=utf-8"),
    ):
        assert browser.get(address)["Content-Type"] == kind, address


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 4\r\nContent-Length: 44\r\n",
        b"Content-Length: 4, 44\r\n",
        b"Content-Length: +4\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
    ],
)
def test_a_request_whose_end_can_be_read_in_two_ways_is_refused(lengths: bytes) -> None:
    """4.2.1: what a proxy takes for a body must not be another request to us."""
    seen: list[str] = []

    def told(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.append(environ["PATH_INFO"])
        start("200 OK", [])
        return [b""]

    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    with over_the_wire(told) as port:
        answer = sent(port, b"POST /first HTTP/1.1\r\nHost: a\r\n" + lengths + b"\r\n" + smuggled)
    assert answer.split(b" ", 2)[1] in (b"400", b"501") and seen == []


def test_where_a_length_and_parts_are_said_the_parts_count() -> None:
    """4.2.1, RFC 9112 6.3: the length is not believed beside them."""
    bodies: list[bytes] = []

    def told(environ: dict[str, Any], start: Any) -> list[bytes]:
        bodies.append(environ["wsgi.input"].read())
        start("200 OK", [])
        return [b""]

    both = b"Content-Length: 9999\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with over_the_wire(told) as port:
        sent(port, b"POST / HTTP/1.1\r\nHost: a\r\n" + both + b"3\r\nabc\r\n0\r\n\r\n")
    assert bodies == [b"abc"]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PATCH", "PROPFIND"])
def test_methods_that_nothing_needs_are_refused(officer: Any, method: str) -> None:
    """13.4.4."""
    for address in ("/", "/sign-in", "/about", "/health", R, f"{R}/upload"):
        assert client(officer).generic(method, address).status_code in (404, 405), address


def test_nothing_is_served_that_is_no_page(portal: Portal, officer: Any) -> None:
    """13.4.1, 13.4.3, 13.4.5: no folder's list, no repository, no pages for developers."""
    from evaluation.portal.server import application

    served = application(portal)
    for path in (
        "/static/",
        "/static",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/.git/config",
        "/var/portal/keys",
        "/admin/",
        "/docs",
        "/metrics",
        "/debug",
    ):
        assert asked(served, path)[0].startswith("404"), path


def test_signing_out_clears_what_the_browser_holds(officer: Any) -> None:
    """14.3.1."""
    assert client(officer).post("/sign-out")["Clear-Site-Data"] == '"cache", "storage"'


@pytest.mark.parametrize("role", ["officer", "evaluator", "checker", "publisher", "admin"])
def test_the_way_out_stands_on_every_page(portal: Portal, role: str) -> None:
    """7.4.4."""
    where = ("S01", "nhs") if role == "officer" else ("", "")
    browser = client(person("Ada Ashworth", role, *where))
    for address in ("/", "/account", "/nothing/here"):
        assert 'action="/sign-out"' in browser.get(address).content.decode(), address


def test_keys_that_were_changed_twice_end_every_session(officer: Any, portal: Portal) -> None:
    """7.4.5: one change lets people go on, the second lets nobody."""
    browser = client()
    sign_in(browser, with_password(officer).email)
    for ended in (False, True):
        configure.rotate_keys(portal)
        configure.begin(portal)
        answer = browser.get("/account")
        assert (answer.status_code == 303) is ended


def test_a_session_cannot_be_guessed(officer: Any) -> None:
    """7.2.3: 32 of 36 signs, by the system's own source of chance, are 165 bits."""
    keys, email = set(), with_password(officer).email
    for _ in range(20):
        browser = client()
        sign_in(browser, email)
        keys.add(browser.cookies["__Host-session"].value)
    assert len(keys) == 20 and all(re.fullmatch(r"[a-z0-9]{32}", one) for one in keys)


@pytest.mark.parametrize(
    "typed", ["ünïcode and  two spaces ", "A" + "b c" * 60, "pass\tphrase long"]
)
def test_a_password_is_taken_to_the_sign(officer: Any, typed: str) -> None:
    """6.2.5, 6.2.8, 6.2.9: as it was typed, whatever signs it has and however long it is."""
    link = accounts.make_link(officer, "invitation", by="test")
    assert client().post(link.path, {"password": typed, "again": typed}).status_code == 303
    assert sign_in(client(), officer.email, typed).status_code == 303
    for other in (typed.swapcase(), f" {typed}", typed[:-1]):
        assert sign_in(client(), officer.email, other).status_code == 422


def test_a_password_is_changed_by_who_knows_it_and_not_by_guessing(officer: Any) -> None:
    """6.2.2, 6.2.3, 6.3.1, 7.5.1."""
    browser, elsewhere, email = client(), client(), with_password(officer).email
    for one in (browser, elsewhere):
        sign_in(one, email)
    new = {"password": "quite another pass phrase", "again": "quite another pass phrase"}
    assert browser.post("/account", new | {"current": "a guess"}).status_code == 422
    assert browser.post("/account", new).status_code == 422
    assert browser.post("/account", new | {"current": PASSWORD}).status_code == 200
    assert browser.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 303, "signed out everywhere else"
    guesses = [browser.post("/account", {"current": "a guess"}) for _ in range(6)]
    assert "too many wrong passwords" in guesses[-1].content.decode()
    right = browser.post("/account", {"current": new["password"]})
    assert right.status_code == 422 and "too many" in right.content.decode()


def test_what_a_form_does_not_have_changes_nothing(officer: Any, tmp_path: Path) -> None:
    """15.3.3: fields that a page does not offer, by their names in the tables."""
    from evaluation.portal.models import Grant, Person

    browser = client()
    sign_in(browser, with_password(officer).email)
    before = Person.objects.values().get(pk=officer.pk)
    more = {"name": "Root", "email": "root@example.org", "locked": "", "role": "admin", "pk": "1"}
    more |= {"is_superuser": "on", "subject": "x", "second_factor": "x"}
    new = {"current": PASSWORD, "password": "quite another phrase", "again": "quite another phrase"}
    assert browser.post("/account", new | more).status_code == 200
    after = Person.objects.values().get(pk=officer.pk)
    assert {name for name in before if before[name] != after[name]} <= {"password", "last_login"}
    assert [one.role for one in Grant.objects.all()] == ["officer"]
    draft = the_draft(upload(browser, clean(tmp_path, attendances="<5")))
    browser.post(
        f"/drafts/{draft.number}/answers", {"state": "ready", "site": "S02", "problems": ""}
    )
    kept = (draft.state, draft.site, draft.report)
    draft.refresh_from_db()
    assert (draft.state, draft.site, draft.report) == kept
    assert submit(browser, draft).status_code == 422


def test_what_stands_in_the_address_is_no_form(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    """15.3.7: the same names beside the form are not read."""
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path)))
    address = f"/drafts/{draft.number}/submit"
    assert browser.post(f"{address}?declared=yes&file={draft.file_sha256}").status_code == 422
    twice = browser.post(address, {"declared": ["yes", "no"], "file": draft.file_sha256})
    assert twice.status_code == 422 and not portal.workspace.has_ledger


def test_every_way_of_signing_in_is_an_event(officer: Any, portal: Portal) -> None:
    """16.2.1, 16.3.1: when, who, from where, by what, and how it ended."""
    from evaluation.portal.models import Event

    email = with_password(officer).email
    sign_in(client(), email, "wrong password")
    browser = client()
    sign_in(browser, email)
    browser.post("/sign-out")
    sign_in(client(), "nobody@example.org", "wrong password")
    found = [(one.who, one.what) for one in Event.objects.order_by("id")][-6:]
    assert found == [
        (email, "failed to sign in"),
        ("127.0.0.1", "wrong sign-in from"),
        (email, "signed in"),
        (officer.name, "signed out"),
        ("nobody@example.org", "failed to sign in"),
        ("127.0.0.1", "wrong sign-in from"),
    ]
    assert all(now() - one.at < timedelta(minutes=5) for one in Event.objects.all())
    kept = " ".join(f"{one.about} {one.what}" for one in Event.objects.all())
    assert "wrong password" not in kept and PASSWORD not in kept


@pytest.mark.parametrize(
    "typed",
    ["{{ 7 * 7 }}", "{% include 'sign_in.html' %}", "${7*7}", "%(key)s %s {0}", "<%= 7 * 7 %>"],
)
def test_what_was_typed_is_no_template(officer: Any, tmp_path: Path, typed: str) -> None:
    """1.3.7, 1.3.10."""
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path, attendances="2100")))
    browser.post(f"/drafts/{draft.number}/answers", {"reason-0": typed})
    page = browser.get(f"/drafts/{draft.number}").content.decode()
    assert typed in html.unescape(page) and ">49<" not in page


@pytest.mark.parametrize("name", ["Ada\r\nBcc: x@evil.example", "Ada\nAshworth", "Ada\x00"])
def test_no_line_of_a_mails_head_is_made_of_a_name(portal: Portal, name: str) -> None:
    """1.3.11."""
    from evaluation.errors import UserError
    from evaluation.portal.drafts import portal as served

    until = (now() + timedelta(days=9)).date()
    for wanted in (
        accounts.Wanted(name=name, email="a@example.org", role=accounts.Role.ADMIN, until=until),
        accounts.Wanted(
            name="Ada", email=f"a@example.org{name[3:]}", role=accounts.Role.ADMIN, until=until
        ),
    ):
        with pytest.raises(UserError):
            accounts.add_grant(served().programme, wanted, by="test")


def certificate(folder: Path) -> Path:
    """A certificate of our own with its key, for which nobody vouches."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "own.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_login_service_that_nobody_vouches_for_is_not_asked(
    portal: Portal, set_portal: Callable[..., Portal], tmp_path: Path
) -> None:
    """12.3.2."""
    from evaluation.portal import sign_on

    got: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.path)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sign_on.forget()
    issuer = f"https://localhost:{server.server_address[1]}"
    set_portal(service=sign_on.Service(issuer=issuer, client="c", name="Login", secret="s"))
    answer = client().get("/sign-in/service")
    server.shutdown()
    server.server_close()
    assert answer.status_code == 422 and "does not answer" in answer.content.decode()
    assert got == []


def test_a_mail_server_that_nobody_vouches_for_gets_no_password(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """12.3.1, 12.3.2: by STARTTLS, with a certificate that is looked at."""
    heard: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))

    def answer() -> None:
        line, _ = listening.accept()
        with suppress(OSError), line:
            line.sendall(b"220 mail\r\n")
            heard.append(line.recv(1_000))
            line.sendall(b"250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
            heard.append(line.recv(1_000))
            line.sendall(b"220 go on\r\n")
            with context.wrap_socket(line, server_side=True) as inside:
                heard.append(inside.recv(1_000))

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    secret = tmp_path / "secret"
    secret.write_text("the mail server's password")
    monkeypatch.setenv("NEWSTART_PORTAL_SMTP", f"localhost:{listening.getsockname()[1]}")
    monkeypatch.setenv("NEWSTART_PORTAL_SMTP_USER", "portal")
    monkeypatch.setenv("NEWSTART_PORTAL_SMTP_PASSWORD_FILE", str(secret))
    from email.message import EmailMessage

    with pytest.raises(outbox.NotSent, match="SSLCertVerificationError"):
        outbox.sender(portal)(EmailMessage())
    thread.join(timeout=30)
    listening.close()
    assert heard[1].strip().upper() == b"STARTTLS" and len(heard) == 2


def test_the_limits_that_are_written_down_are_those_of_the_code() -> None:
    """2.1.3, 5.1.1, 6.1.1, 7.1.1, 15.1.3: who reads the page reads what is done."""
    from evaluation.portal.drafts import KEPT_FOR
    from evaluation.portal.server import SERVING
    from evaluation.portal.views import account

    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    plain = Portal.__dataclass_fields__
    for said in (
        f"{accounts.MOST_WRONG} wrong passwords or codes within "
        f"{accounts.WITHIN // timedelta(minutes=1)} minutes",
        f"{account._FROM_ONE_ADDRESS} wrong sign-ins an hour from one address",
        f"{accounts._LINKS_AN_HOUR} links an hour",
        f"{accounts.INVITED_FOR // timedelta(hours=1)} hours",
        f"{configure.IDLE // timedelta(minutes=1)} minutes without a page",
        f"{configure.LONGEST // timedelta(hours=1)} hours in any case",
        f"{configure.MOST_BYTES // 2**20} MB",
        f"{plain['uploads'].default} files an hour and {plain['megabytes'].default} MB a day",
        f"{SERVING['connection_limit']} connections",
        f"{KEPT_FOR // timedelta(days=1)} days",
        f"{uploads._LONGEST_NAME} signs",
    ):
        assert said in page, said
