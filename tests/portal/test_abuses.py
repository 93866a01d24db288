"""What a second attacker tries, who has read the first one's tests: each kind, and what answers."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from evaluation.portal import sign_on
from evaluation.portal.configure import Portal
from evaluation.quarters import now
from tests.portal.conftest import PASSWORD, clean, client, person, submit, the_draft, upload
from tests.portal.provider import CLIENT, Provider, bare, send
from tests.portal.signing_in import DESCRIPTION, EC, RSA, has_session

ODD: tuple[Any, ...] = (None, True, 7, 1.5, "", " ", [], [None], {}, "\ud800", "\0", "é", "9" * 400)
ADDRESSES = (
    "https://[",
    "https://h:99999999/",
    "https://h:port/",
    "https://a..example/",
    f"https://{'a' * 70}.example/",
    "https:///x",
    "https://h\r\nSet-Cookie: a=b",
    "https://h/\ud800",
    "https://h/ x",
    "https://:p@h/",
    "https://h/#x",
    "javascript:alert(1)",
    "http://127.0.0.1.evil.example/",
    "//h/x",
)
THERE = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def there_and_back(provider: Provider) -> Any:
    """The answer at the end of the way, or where it ends before; and that nobody is signed in."""
    browser = client()
    answer = browser.get("/sign-in/service")
    if answer.status_code == 302 and answer["Location"].startswith(provider.address):
        answer = browser.get("/sign-in/back", provider.authorise(answer["Location"], "ada"))
    if answer.status_code == 422:
        assert "You are not signed in" in answer.content.decode() and not has_session(browser)
    return answer


def by_hand(head: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token of the service's own key, with any head."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    part = f"{bare(json.dumps(head).encode())}.{bare(json.dumps(claims).encode())}"
    return f"{part}.{bare(RSA.private_key.sign(part.encode(), PKCS1v15(), SHA256()))}"


def answers(provider: Provider, tried: Any, do: Callable[[Any], None]) -> dict[str, int]:
    """What each of the tried led to; what the service says of itself is asked anew each time."""
    found = {}
    for one in tried:
        sign_on.forget()
        do(one)
        found[ascii(one)[:60]] = there_and_back(provider).status_code
    return found


@pytest.mark.parametrize("name", THERE)
def test_an_address_of_the_services_that_is_none_is_a_page(
    ada: Any, provider: Provider, name: str
) -> None:
    def say(odd: Any) -> None:
        provider.described = {name: odd}

    found = answers(provider, (*ODD, *ADDRESSES), say)
    # To where nobody is asked but the browser, it is sent if it is an address at all.
    sent = {one for one, status in found.items() if status == 302}
    assert set(found.values()) <= {302, 422}
    assert len(sent) == (2 if name == "authorization_endpoint" else 0), sent


@pytest.mark.parametrize(
    "name",
    [
        "end_session_endpoint",
        "token_endpoint_auth_methods_supported",
        "authorization_response_iss_parameter_supported",
    ],
)
def test_whatever_else_a_service_says_of_itself_is_no_fault_of_ours(
    ada: Any, provider: Provider, name: str
) -> None:
    def say(odd: Any) -> None:
        provider.described = {name: odd}

    assert set(answers(provider, (*ODD, *ADDRESSES), say).values()) <= {303, 422}


def test_a_head_may_ask_for_nothing_that_is_not_known(ada: Any, provider: Provider) -> None:
    """What has to be understood (RFC 7515, 4.1.11), and keys that it names itself (4.1.2 to 6)."""
    evil = "https://evil.example/keys"

    def head(more: dict[str, Any]) -> None:
        provider.made = lambda claims: by_hand({"alg": "RS256", "kid": "r"} | more, claims)

    bad = [{"crit": one} for one in ([], ["kid"], ["exp"], ["b64"], "alg", None)]
    bad += [{"b64": True}, {"b64": False}, {"typ": "at+jwt"}, {"alg": "nOnE"}, {"alg": "hs256"}]
    bad += [{"kid": one} for one in (evil, "r' OR '1'='1", "../keys/r", "R", "r ", "r\0", 0)]
    assert set(answers(provider, bad, head).values()) == {422}
    # Who names another place for the keys is believed in nothing: it is never asked.
    provider.asked.clear()
    for more in ({"jku": evil}, {"x5u": evil}, {"jwk": RSA.as_dict(private=False)}):
        head(more)
        assert there_and_back(provider).status_code in (303, 422)
    assert set(provider.asked) <= {DESCRIPTION, "/token", "/keys"}


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_in_any_writing_is_no_shared_secret(
    ada: Any, provider: Provider, algorithm: str
) -> None:
    secrets = [
        RSA.as_pem(private=False),
        RSA.as_pem(private=False).strip(),
        RSA.as_der(private=False),
        json.dumps(RSA.as_dict(private=False)).encode(),
        str(RSA.as_dict(private=False)["n"]).encode(),
        EC.as_pem(private=False),
        b"",
    ]

    def signed(secret: bytes) -> None:
        def make(claims: dict[str, Any]) -> str:
            part = f"{bare({'alg': algorithm, 'kid': 'r'})}.{bare(claims)}"
            name = f"sha{algorithm[2:]}"
            return f"{part}.{bare(hmac.new(secret, part.encode(), name).digest())}"

        provider.made = make

    assert set(answers(provider, secrets, signed).values()) == {422}


def test_a_signature_of_an_elliptic_curve_is_of_one_curve_and_not_of_nothing(
    ada: Any, provider: Provider
) -> None:
    head = bare({"alg": "ES256", "kid": "e"})
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def empty(sign: bytes) -> None:  # CVE-2022-21449: nought and the curve's order verify anything
        provider.made = lambda claims: f"{head}.{bare(claims)}.{bare(sign)}"

    whole = order.to_bytes(32)
    signs = [
        b"\0" * 64,
        whole * 2,
        b"",
        b"\1" * 63,
        b"\0" * 32 + whole,
        b"\x30\x06" + b"\2\1\1" * 2,
    ]
    assert set(answers(provider, signs, empty).values()) == {422}
    # A key of another curve that is listed beside hers, and under her name.
    for curve in ("P-384", "P-521", "secp256k1"):
        key = ECKey.generate_key(curve)
        listed = {"keys": [{**key.as_dict(private=False), "kid": "e", "use": "sig"}]}
        provider.answers["/keys"] = lambda a, held=listed: send(a, json.dumps(held).encode())
        sign_on.forget()
        provider.made = lambda claims: f"{head}.{bare(claims)}.{bare(b'1' * 64)}"
        assert there_and_back(provider).status_code == 422, curve


def _listed(provider: Provider, *keys: dict[str, Any]) -> None:
    provider.answers["/keys"] = lambda a: send(a, json.dumps({"keys": list(keys)}).encode())


def test_a_key_is_used_for_what_it_says_it_is_for(ada: Any, provider: Provider) -> None:
    """One that encrypts, or signs otherwise, has signed nothing (RFC 7517, 4.2 to 4.4)."""
    key = {**RSA.as_dict(private=False), "kid": "r"}

    def say(more: dict[str, Any]) -> None:
        _listed(provider, key | more)

    good = [{}, {"use": "sig"}, {"alg": "RS256"}, {"key_ops": ["verify"]}, {"alg": None}]
    bad = [{"use": "enc"}, {"use": ["sig"]}, {"alg": "RS512"}, {"alg": "PS256"}, {"alg": 7}]
    bad += [{"alg": "RSA-OAEP"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"key_ops": []}]
    assert set(answers(provider, good, say).values()) == {303}
    assert set(answers(provider, bad, say).values()) == {422}


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_key_that_is_too_short_is_none(ada: Any, provider: Provider) -> None:
    """RFC 7518, 3.3: 2,048 bits at least; 1,024 were factored long ago."""
    short = RSAKey.generate_key(1024)
    _listed(provider, {**short.as_dict(private=False), "kid": "r", "use": "sig"})
    provider.made = lambda c: jwt.encode({"alg": "RS256", "kid": "r"}, c, short)
    assert there_and_back(provider).status_code == 422


def test_keys_that_nobody_knows_are_left_out_and_the_known_one_is_found(
    ada: Any, provider: Provider
) -> None:
    """A service that begins to list keys of a new curve locks nobody out."""
    rsa, ec = ({**key.as_dict(private=False), "use": "sig"} for key in (RSA, EC))
    odd: list[Any] = [ec | {"kid": "e", "crv": one} for one in (*ODD, "brainpoolP256r1", "X25519")]
    odd += [ec | {"kid": "e", "x": one} for one in ODD] + [rsa | {"kid": "r", "n": o} for o in ODD]
    odd += [rsa | {"kid": "r", "e": one} for one in (*ODD, "AA", "AQ", "Ag")] + [*ODD]
    _listed(provider, *odd, ec | {"kid": "e"}, rsa | {"kid": "r"})
    for provider.signs in ("r", "e"):
        assert there_and_back(provider).status_code == 303
    _listed(provider, *odd)
    sign_on.forget()
    assert there_and_back(provider).status_code == 422


@pytest.mark.parametrize("many", [0, 700])
def test_several_keys_of_one_name_are_each_tried_and_none_at_all_is_a_page(
    ada: Any, provider: Provider, many: int
) -> None:
    other = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "r", "use": "sig"}
    own = {**RSA.as_dict(private=False), "kid": "r", "use": "sig"}
    _listed(provider, *[other] * many, *([own] if many else []))
    assert there_and_back(provider).status_code == (303 if many else 422)


def _of_status(status: int, path: str) -> Callable[[Provider], None]:
    """The right content, as a page of an error or of another place."""

    def do(provider: Provider) -> None:
        right: dict[str, Callable[[], Any]] = {
            DESCRIPTION: provider.describe,
            "/keys": provider.jwks,
        }

        def answer(asked: BaseHTTPRequestHandler) -> None:
            begun = [*provider.codes.values()]
            claims = {"iss": provider.address, "aud": CLIENT, "sub": "ada", "iat": int(time.time())}
            claims |= {"exp": int(time.time()) + 300, "nonce": begun[-1]["nonce"] if begun else ""}
            content = right[path]() if path in right else {"id_token": provider.signed(claims)}
            send(asked, json.dumps(content).encode(), status=status, Location="/elsewhere")

        provider.answers[path] = answer

    return do


@pytest.mark.parametrize("path", [DESCRIPTION, "/keys", "/token"])
@pytest.mark.parametrize("status", [201, 302, 307, 400, 401, 404, 500, 503])
def test_what_stands_on_a_page_of_an_error_is_not_believed(
    ada: Any, provider: Provider, path: str, status: int
) -> None:
    sign_on.forget()
    _of_status(200, path)(provider)
    assert there_and_back(provider).status_code == 303, "with the right status it is"
    sign_on.forget()
    _of_status(status, path)(provider)
    assert there_and_back(provider).status_code == 422
    assert "/elsewhere" not in provider.asked


def _head_by_the_letter(answer: BaseHTTPRequestHandler) -> None:
    answer.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(40):
        answer.wfile.write(b"x")
        answer.wfile.flush()
        time.sleep(0.1)


def _half(answer: BaseHTTPRequestHandler) -> None:
    answer.send_response(200)
    answer.send_header("Content-Length", "5000")
    answer.end_headers()
    answer.wfile.write(b'{"id_token": "a.b.c"}')


@pytest.mark.parametrize("path", [DESCRIPTION, "/keys", "/token"])
@pytest.mark.parametrize("how", [_head_by_the_letter, _half], ids=lambda f: f.__name__)
def test_a_head_that_never_ends_and_half_an_answer_hold_nobody_up(
    ada: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch, path: str, how: Any
) -> None:
    monkeypatch.setattr(sign_on, "PATIENCE", 0.4)
    provider.answers[path] = how
    began = time.monotonic()
    assert there_and_back(provider).status_code == 422
    assert time.monotonic() - began < 3.5, "the head alone takes four seconds"


def test_one_factor_at_the_service_does_not_spare_the_code(
    portal: Portal, provider: Provider, set_service: Any
) -> None:
    from evaluation.portal.models import Person

    made = person("Cat Carr", "checker")
    Person.objects.filter(pk=made.pk).update(issued_by=provider.address, subject="ada")
    for trust, to in (("Cl", "/sign-in/set-up"), ("Cl.Cm", "/")):
        set_service(trust=trust, second_factor=True)
        provider.claims = {"vot": trust}
        assert there_and_back(provider)["Location"] == to, trust


def with_password(who: Any) -> Any:
    from django.contrib.auth.hashers import make_password

    who.password = make_password(PASSWORD)
    who.save()
    return who


def sign_in(browser: Any, who: Any) -> Any:
    return browser.post("/sign-in", {"email": who.email, "password": PASSWORD})


@pytest.mark.parametrize("role", ["checker", "publisher", "admin"])
def test_a_role_that_is_given_meanwhile_asks_for_the_code_that_it_needs(
    officer: Any, role: str
) -> None:
    """Somebody signed in by a password alone is made a checker: no page of one before the code."""
    browser = client()
    assert sign_in(browser, with_password(officer)).status_code == 303
    assert browser.get("/").status_code == 200
    given = person("Ada Ashworth", role)
    assert given.pk == officer.pk
    page = {"checker": "/releases", "publisher": "/publish", "admin": "/people"}[role]
    answer = browser.get(page)
    assert answer.status_code == 303 and answer["Location"].startswith("/sign-in?"), role
    assert browser.post("/register/withdraw", {"address": "a", "note": "b"}).status_code == 303
    assert sign_in(browser, officer)["Location"] == "/sign-in/set-up"


def test_changing_the_password_does_not_make_up_for_the_code(officer: Any) -> None:
    browser = client()
    sign_in(browser, with_password(officer))
    new = "quite another pass phrase"
    form = {"current": PASSWORD, "password": new, "again": new}
    assert browser.post("/account", form).status_code == 200
    person("Ada Ashworth", "checker")
    assert browser.get("/releases")["Location"].startswith("/sign-in?")


def test_half_a_sign_in_ends_with_the_password_that_began_it(portal: Portal) -> None:
    """Who knows an old password waits for a lost telephone: the reset is not theirs to use."""
    from evaluation.portal.models import Person

    cat = with_password(person("Cat Carr", "checker"))
    Person.objects.filter(pk=cat.pk).update(second_factor="JBSWY3DPEHPK3PXP")
    cat.refresh_from_db()
    thief, admin = client(), client(person("Adi Ali", "admin"))
    assert sign_in(thief, cat)["Location"] == "/sign-in/code"
    assert admin.post(f"/people/{cat.pk}/reset").status_code == 200
    for page in ("/sign-in/code", "/sign-in/set-up"):
        assert thief.get(page).status_code == 404, page
    # Nor does the password begin another, or keep a session that it began before.
    assert sign_in(thief, cat).status_code == 422
    cat.refresh_from_db()
    assert not cat.second_factor and not cat.has_usable_password()


def test_a_locked_persons_link_is_gone(officer: Any) -> None:
    from evaluation.portal import accounts
    from evaluation.portal.models import Person

    link = accounts.make_link(officer, "invitation", by="test")
    assert client().get(link.path).status_code == 200
    Person.objects.filter(pk=officer.pk).update(locked=True)
    new = "quite another pass phrase"
    assert client().get(link.path).status_code == 404
    assert client().post(link.path, {"password": new, "again": new}).status_code == 404


def test_a_role_more_for_who_signs_in_by_a_service_makes_no_link(
    ada: Any, provider: Provider
) -> None:
    """Such a link would let whoever holds it sign in as them."""
    from evaluation.portal.models import Invitation, Person

    Person.objects.filter(pk=ada.pk).update(password="!")
    form = {"name": ada.name, "email": ada.email, "role": "evaluator", "sends": "", "reason": ""}
    form["until"] = str((now() + timedelta(days=30)).date())
    answer = client(person("Adi Ali", "admin")).post("/people/invite", form)
    assert answer.status_code == 200 and "/invitations/" not in answer.content.decode()
    assert not Invitation.objects.exists() and ada.grants.count() == 2


def test_what_is_refused_counts_as_well(
    officer: Any, set_portal: Callable[..., Portal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is read before it is refused: without a bound, that is work for nothing."""
    from evaluation.portal.views import officer as pages

    set_portal(uploads=2)
    people = tmp_path / "S01_nhs_2026-Q3.csv"
    people.write_text("age_band,sex,weight\n30-44,f,1.2\n", "utf-8")
    browser = client(officer)
    for _ in range(2):
        assert "single people" in upload(browser, people).content.decode()
    assert "2 files within an hour" in upload(browser, people).content.decode()
    monkeypatch.setattr(pages, "_CHECKS_AN_HOUR", 2)
    for said in ("single people", "single people", "2 files were checked"):
        with people.open("rb") as file:
            assert said in client().post("/check", {"file": file}).content.decode()


def test_an_address_of_odd_signs_is_counted_and_shown_as_such(officer: Any) -> None:
    from evaluation.portal import accounts
    from evaluation.portal.models import Event

    odd = "ada\u202egro.elpmaxe\r\n2026,admin,granted@example.org"
    for _ in range(accounts.MOST_WRONG):
        client().post("/sign-in", {"email": odd, "password": "wrong"})
    assert accounts.locked_out(odd)
    assert all(one.who.isprintable() for one in Event.objects.all())


@pytest.mark.parametrize(
    "code", ["zlib_codec", "rot_13", "idna", "punycode", "undefined", "utf-16", "none"]
)
def test_a_request_in_any_code_is_a_page(portal: Portal, code: str) -> None:
    """As it comes from the network: Django itself falls over some of them."""
    from django.test import RequestFactory
    from django.test.client import FakePayload

    from evaluation.portal.server import application

    served, asked = application(portal), RequestFactory(SERVER_NAME="127.0.0.1")
    body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--\r\n'
    told: list[str] = []
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        for method, path in (("GET", "/sign-in?next=/%e4&x=%ff"), ("POST", "/check")):
            for named in (f"charset={code}", f"Charset*=x''{code}", f'charset="{code}"'):
                given = {
                    "REQUEST_METHOD": method,
                    "PATH_INFO": path.partition("?")[0],
                    "QUERY_STRING": path.partition("?")[2],
                    "CONTENT_TYPE": f"{kind}; {named}; boundary=b",
                    "CONTENT_LENGTH": str(len(body)),
                    "wsgi.input": FakePayload(body),
                }
                environ = asked._base_environ(**given)
                page = b"".join(served(environ, lambda status, *_: told.append(status)))
                assert b"</main>" in page, given
    assert {one[:3] for one in told} == {"200", "403"}


def test_a_reason_of_endless_number_is_none(officer: Any, tmp_path: Path) -> None:
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path, attendances="2100")))
    form = {f"reason-{'9' * 5_000}": "x", "reason-٣": "x", "reason-": "x", "reason-0": "counted"}
    plain = "application/x-www-form-urlencoded"
    address = f"/drafts/{draft.number}/answers"
    assert browser.post(address, urlencode(form), content_type=plain).status_code == 303
    assert [one.reason for one in draft.answers.all()] == ["counted"]


def test_tables_that_are_down_are_a_page_and_health_says_so(
    officer: Any, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError, connection

    def down(*_: Any, **__: Any) -> None:
        raise OperationalError("could not connect: password=hunter2")

    browser = client(officer)
    assert client().get("/health").status_code == 200
    monkeypatch.setattr(connection, "cursor", down)
    told = client().get("/health")
    assert told.status_code == 503 and told.content == b"the tables do not answer\n"
    for asking, path in ((browser, "/"), (browser, "/drafts/X"), (client(), "/forgotten")):
        send_ = asking.post if path == "/forgotten" else asking.get
        answer = send_(path)
        text = answer.content.decode()
        assert answer.status_code == 503 and "cannot be shown just now" in text, path
        assert "hunter2" not in text and answer["Retry-After"] == "60"


def test_a_ledger_or_a_declaration_that_cannot_be_read_is_a_page(
    officer: Any, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = client(officer)
    monkeypatch.setenv("NEWSTART_DATABASE", "postgresql://nobody@127.0.0.1:9/none")
    answer = browser.get("/")
    assert (
        answer.status_code == 503 and "What you uploaded before is kept" in answer.content.decode()
    )
    monkeypatch.delenv("NEWSTART_DATABASE")
    assert browser.get("/").status_code == 200
    declared = portal.workspace.studies / "tiny" / "programme.yaml"
    whole = declared.read_text("utf-8")
    declared.write_text("title: [half a", "utf-8")
    for path in ("/", "/about", "/check", "/nothing"):
        answer = browser.get(path)
        assert answer.status_code == 503 and b"</main>" in answer.content, path
    declared.write_text(whole, "utf-8")
    assert browser.get("/").status_code == 200


def test_a_withdrawal_is_asked_for_once(officer: Any, tmp_path: Path) -> None:
    from evaluation.portal import drafts
    from evaluation.portal.models import Event, Withdrawal

    browser = client(officer)
    held = submit(browser, the_draft(upload(browser, clean(tmp_path))))["Location"]
    for _ in range(2):
        browser.post("/returns/S01/nhs/2026-Q3/withdraw", {"reason": "counted twice"})
    assert Withdrawal.objects.count() == 1
    assert Event.objects.filter(what="asked for a withdrawal").count() == 1
    assert drafts.find_receipt(held.rpartition("/")[2]) is not None


def test_where_an_upload_speaks_for_is_read_once(
    officer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.check import stages

    asked: list[int] = []
    real = stages.places_of
    monkeypatch.setattr(stages, "places_of", lambda *a: asked.append(1) or real(*a))
    the_draft(upload(client(officer), clean(tmp_path)))
    assert len(asked) == 1
