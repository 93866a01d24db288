"""Each way in which a login service can be wrong or do wrong: a page that says it, no session."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwt

from evaluation.portal import sign_on
from evaluation.portal.configure import Portal
from tests.portal.conftest import client
from tests.portal.provider import CLIENT, Provider, bare, send
from tests.portal.signing_in import DESCRIPTION, RSA, RSA_2, back, has_session, refused, there


# Each way to be wrong: what the service does, and what the page says of it.
def _claims(**changed: Any) -> Callable[[Provider], None]:
    def do(provider: Provider) -> None:
        provider.claims = changed

    return do


def _made(make: Callable[[Provider, dict[str, Any]], str]) -> Callable[[Provider], None]:
    def do(provider: Provider) -> None:
        provider.made = partial(make, provider)

    return do


def _unsigned(alg: str) -> Callable[[Provider], None]:
    return _made(lambda p, claims: f"{bare({'alg': alg, 'kid': 'r'})}.{bare(claims)}.")


def _by_the_public_key(provider: Provider, claims: dict[str, Any]) -> str:
    """HS256 with the text of the public key as the shared secret (CVE-2015-9235)."""
    signed = f"{bare({'alg': 'HS256', 'kid': 'r'})}.{bare(claims)}"
    digest = hmac.new(RSA.as_pem(private=False), signed.encode(), "sha256").digest()
    return f"{signed}.{bare(digest)}"


def _own_key(provider: Provider, claims: dict[str, Any]) -> str:
    """A key of the attacker's own in the token's head (CVE-2018-0114)."""
    head = {"alg": "RS256", "kid": "r", "jwk": RSA_2.as_dict(private=False)}
    signed = f"{bare(head)}.{bare(claims)}"
    whole = jwt.encode({"alg": "RS256"}, claims, RSA_2, algorithms=["RS256"])
    return f"{signed}.{whole.rpartition('.')[2]}"


def _changed(provider: Provider, claims: dict[str, Any]) -> str:
    head, _, sign = provider.signed(claims).split(".")
    return f"{head}.{bare(claims | {'sub': 'somebody else'})}.{sign}"


def _as(kid: str, key: Any) -> Callable[[Provider], None]:
    def make(provider: Provider, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": kid}, claims, key, algorithms=["RS256"])

    return _made(make)


def _no_name(provider: Provider) -> None:
    provider.listed = {"r": RSA, "r2": RSA_2}
    provider.names_key = False


def _withdrawn(provider: Provider) -> None:
    provider.listed = {"r2": RSA_2}


def _headed(**more: Any) -> Callable[[Provider], None]:
    """Signed by the right key, with a head that says something else of the token."""

    def make(provider: Provider, claims: dict[str, Any]) -> str:
        return _by_hand(json.dumps({"alg": "RS256", "kid": "r"} | more), json.dumps(claims))

    return _made(make)


def _escaped(**changed: Any) -> Callable[[Provider], None]:
    """Claims of signs that JSON can hold and no encoding has."""

    def make(provider: Provider, claims: dict[str, Any]) -> str:
        return _by_hand('{"alg": "RS256", "kid": "r"}', json.dumps(claims | changed))

    return _made(make)


def _by_hand(head: str, claims: str) -> str:
    """A token of the right key over any text, as no library would make it."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    signed = f"{bare(head.encode())}.{bare(claims.encode())}"
    sign = RSA.private_key.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{bare(sign)}"


def _twice(name: str, other: Any, *, first: bool) -> Callable[[Provider], None]:
    """A claim that the token holds twice: one reader takes the first, another the last."""

    def make(provider: Provider, claims: dict[str, Any]) -> str:
        text, more = json.dumps(claims)[1:-1], json.dumps({name: other})[1:-1]
        whole = f"{more}, {text}" if first else f"{text}, {more}"
        return _by_hand(json.dumps({"alg": "RS256", "kid": "r"}), "{" + whole + "}")

    return _made(make)


def _head_twice(provider: Provider, claims: dict[str, Any]) -> str:
    return _by_hand('{"alg": "none", "kid": "r", "alg": "RS256"}', json.dumps(claims))


def _in_the_clear(provider: Provider) -> None:
    provider.described = {"token_endpoint": "http://login.example/token"}


NOW = time.time()


ABUSES: dict[str, tuple[Callable[[Provider], None], str]] = {
    "wrong issuer": (_claims(iss="https://evil.example"), "another service made it"),
    "issuer with a slash": (_claims(iss="http://127.0.0.1/"), "another service made it"),
    "no issuer": (_claims(iss=None), "another service made it"),
    "wrong audience": (_claims(aud="another-portal"), "for somebody else"),
    "no audience": (_claims(aud=None), "for somebody else"),
    "audience that begins alike": (_claims(aud=[f"{CLIENT}-2"]), "for somebody else"),
    "two audiences, nobody asked": (_claims(aud=[CLIENT, "other"]), "asked for by somebody else"),
    "azp of another": (_claims(azp="other"), "asked for by somebody else"),
    "azp of another among two": (
        _claims(aud=[CLIENT, "other"], azp="other"),
        "asked for by somebody else",
    ),
    "wrong nonce": (_claims(nonce="of-another"), "of another sign-in"),
    "no nonce": (_claims(nonce=None), "of another sign-in"),
    "nonce that is no text": (_claims(nonce=7), "of another sign-in"),
    "expired": (_claims(exp=int(NOW) - 3_600), "has expired"),
    "no expiry": (_claims(exp=None), "does not say of when"),
    "expiry in words": (_claims(exp="tomorrow"), "does not say of when"),
    "expiry without end": (_claims(exp=float("nan")), "does not say of when"),
    "expiry that is true": (_claims(exp=True), "does not say of when"),
    "made in the future": (_claims(iat=int(NOW) + 3_600), "has not come"),
    "not before the future": (_claims(nbf=int(NOW) + 3_600), "has not come"),
    "made long ago": (_claims(iat=int(NOW) - 86_400), "too long ago"),
    "no time": (_claims(iat=None), "does not say of when"),
    "no subject": (_claims(sub=None), "does not say who"),
    "empty subject": (_claims(sub="  "), "does not say who"),
    "subject that is a number": (_claims(sub=7), "does not say who"),
    "endless subject": (_claims(sub="a" * 300), "does not say who"),
    "subject of half a sign": (_escaped(sub="\ud800"), "does not say who"),
    "subject that ends early": (_claims(sub="ada\x00"), "does not say who"),
    "subject of two lines": (_claims(sub="ada\nadmin"), "does not say who"),
    "subject that looks alike": (_claims(sub="ad\u0430"), "does not say who"),
    "nonce of half a sign": (_escaped(nonce="\ud800"), "of another sign-in"),
    "an access token": (_headed(typ="at+jwt"), "of another kind"),
    "an access token by its long name": (_headed(typ="application/at+jwt"), "of another kind"),
    "the end of a session": (_headed(typ="logout+jwt"), "of another kind"),
    "a kind that is no text": (_headed(typ=["JWT"]), "of another kind"),
    "a head that asks for more than is known": (_headed(crit=["x"], x=1), "not the service's"),
    "a payload that is not encoded": (_headed(crit=["b64"], b64=False), "not the service's"),
    "kid that is a list": (_headed(kid=["r"]), "none of the service's keys"),
    "kid that is empty": (_headed(kid=""), "none of the service's keys"),
    "alg that is a list": (_headed(alg=["RS256"]), "not signed in a way"),
    "issuer twice, ours last": (_twice("iss", "https://evil.example", first=True), "twice"),
    "audience twice, ours first": (_twice("aud", "another-portal", first=False), "twice"),
    "subject twice": (_twice("sub", "mallory", first=True), "twice"),
    "alg twice in the head": (_made(_head_twice), "twice"),
    "expiry beyond all numbers": (_claims(exp=float("inf")), "does not say of when"),
    "made before all time": (_claims(iat=-(10**300)), "too long ago"),
    "azp of a list": (_claims(azp=[CLIENT]), "asked for by somebody else"),
    "audience of objects": (_claims(aud=[{CLIENT: 1}]), "for somebody else"),
    "alg none": (_unsigned("none"), "not signed in a way"),
    "alg None": (_unsigned("None"), "not signed in a way"),
    "alg RS256 and nothing behind it": (_unsigned("RS256"), "not the service's"),
    "HS256 with the public key": (_made(_by_the_public_key), "not signed in a way"),
    "a key in the head": (_made(_own_key), "not the service's"),
    "changed after it was signed": (_made(_changed), "not the service's"),
    "unknown kid": (_as("never-seen", RSA), "none of the service's keys"),
    "known kid, another key": (_as("r", RSA_2), "not the service's"),
    "kid of a key of another kind": (_as("e", RSA), "none of the service's keys"),
    "kid that is a path": (_as("../../dev/null", RSA), "none of the service's keys"),
    "missing kid among several keys": (_no_name, "none of the service's keys"),
    "rotated away": (_withdrawn, "none of the service's keys"),
    "no token": (_made(lambda p, c: ""), "it is none"),
    "two parts": (_made(lambda p, c: "a.b"), "it is none"),
    "five parts": (_made(lambda p, c: "a.b.c.d.e"), "it is none"),
    "head of words": (_made(lambda p, c: f"{bare(b'words')}.b.c"), "it is none"),
    "head that is a list": (_made(lambda p, c: f"{bare([1])}.b.c"), "it is none"),
    "endless token": (_made(lambda p, c: "a" * 40_000), "it is none"),
    "letters of another alphabet": (_made(lambda p, c: "ä.ö.ü"), "it is none"),
    "claims that are a list": (
        _made(lambda p, c: p.signed(c).split(".")[0] + "." + bare([1]) + ".x"),
        "not the service's",
    ),
    "another service's description": (
        lambda p: p.described.update(issuer="https://evil.example"),
        "another one",
    ),
    "addresses in the clear": (_in_the_clear, "another one"),
    "no addresses": (lambda p: p.described.update(token_endpoint=None), "another one"),
}


@pytest.mark.parametrize("how", ABUSES)
def test_an_abused_sign_in_is_a_page_and_no_session(ada: Any, provider: Provider, how: str) -> None:
    abuse, said = ABUSES[how]
    browser = client()
    abuse(provider)
    answer = browser.get("/sign-in/service")
    if answer.status_code == 302:
        answer = browser.get("/sign-in/back", provider.authorise(answer["Location"], "ada"))
    refused(browser, answer, said)


def test_an_answer_of_another_issuer_is_refused(ada: Any, provider: Provider) -> None:
    browser = client()
    refused(
        browser, back(browser, provider, iss="https://evil.example"), "nother service than the one"
    )
    assert back(client(), provider, iss=provider.address).status_code == 303


def test_an_answer_that_does_not_say_whose_it_is_though_the_service_always_does(
    ada: Any, provider: Provider
) -> None:
    """Two services mixed up (RFC 9207): what is left out cannot be compared."""
    provider.described = {"authorization_response_iss_parameter_supported": True}
    for given in ({}, {"iss": ""}, {"iss": f"{provider.address}/"}):
        browser = client()
        answer = back(browser, provider, **given)
        assert answer.status_code == 422 and not has_session(browser), given
    assert back(client(), provider, iss=provider.address).status_code == 303


MARKUP = "<script>alert(1)</script><a href='https://evil.example'>Sign in here</a>"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"error": "access_denied"},
        {"code": ""},
        {"error": MARKUP, "error_description": MARKUP, "error_uri": "https://evil.example"},
        {"error": "", "error_description": MARKUP},
    ],
)
def test_a_sign_in_that_was_broken_off_is_a_page(
    ada: Any, provider: Provider, given: dict[str, str]
) -> None:
    browser = client()
    state = provider.authorise(there(browser), "ada")["state"]
    answer = browser.get("/sign-in/back", given | {"state": state})
    refused(browser, answer, "did not sign you in")
    assert "evil.example" not in answer.content.decode() and b"alert(1)" not in answer.content


def test_what_failed_brings_no_code_and_nothing_comes_twice(ada: Any, provider: Provider) -> None:
    for more in ({"error": "access_denied"}, {"error": ""}, {"code": "of another"}, {"state": "x"}):
        browser = client()
        brought = provider.authorise(there(browser), "ada")
        asked = [*more.items(), *brought.items()]
        answer = browser.get(f"/sign-in/back?{urlencode(asked)}")
        text = answer.content.decode()
        assert answer.status_code == 422 and "did not sign you in" in text, more
        assert not has_session(browser) and brought["code"] in provider.codes, "it was not sent on"


def test_nobody_is_asked_for_more_than_the_token_says(ada: Any, provider: Provider) -> None:
    """What a service tells beside the token, and may be of somebody else, is not read."""
    provider.described = {"userinfo_endpoint": f"{provider.address}/userinfo"}
    provider.answers["/userinfo"] = lambda a: send(a, b'{"sub": "root", "email": "r@example.org"}')
    browser = client()
    assert back(browser, provider).status_code == 303
    assert set(provider.asked) == {DESCRIPTION, "/token", "/keys"}
    assert "Ada Ashworth" in browser.get("/account").content.decode()


def test_keys_that_are_changed_are_asked_for_anew_once(ada: Any, provider: Provider) -> None:
    assert back(client(), provider).status_code == 303
    provider.keys = provider.listed = {"new": RSA_2}
    provider.signs = "new"
    assert back(client(), provider).status_code == 303
    assert provider.asked.count("/keys") == 2
    # Without a name it is seen too, where the service has one key.
    provider.names_key = False
    provider.keys = provider.listed = {"newer": RSA}
    provider.signs = "newer"
    assert back(client(), provider).status_code == 303


def _html(answer: BaseHTTPRequestHandler) -> None:
    send(answer, b"<html>We are down for maintenance</html>", status=503)


def _huge(answer: BaseHTTPRequestHandler) -> None:
    send(answer, b'{"a": "' + b"x" * 3_000_000 + b'"}')


def _slow(answer: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


def _drips(answer: BaseHTTPRequestHandler) -> None:
    answer.send_response(200)
    answer.end_headers()
    for _ in range(40):
        answer.wfile.write(b" ")
        answer.wfile.flush()
        time.sleep(0.05)


def _elsewhere(answer: BaseHTTPRequestHandler) -> None:
    send(answer, b"", status=302, Location="http://127.0.0.1:9/")


def _deep(answer: BaseHTTPRequestHandler) -> None:
    send(answer, b"[" * 200_000)


def _list(answer: BaseHTTPRequestHandler) -> None:
    send(answer, b"[1]")


def _broken(answer: BaseHTTPRequestHandler) -> None:
    answer.wfile.write(b"this is no HTTP\r\n\r\n")


@pytest.mark.parametrize("at", [DESCRIPTION, "/keys", "/token"])
@pytest.mark.parametrize(
    "how",
    [_html, _huge, _slow, _drips, _elsewhere, _deep, _list, _broken],
    ids=lambda f: f.__name__,
)
def test_a_service_that_does_not_answer_as_one_is_a_page(
    ada: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch, at: str, how: Any
) -> None:
    monkeypatch.setattr(sign_on, "PATIENCE", 0.4)
    provider.answers[at] = how
    browser = client()
    answer = browser.get("/sign-in/service")
    if answer.status_code == 302:
        answer = browser.get("/sign-in/back", provider.authorise(answer["Location"], "ada"))
    refused(browser, answer, "answer")


def test_a_service_that_is_down_is_a_page(ada: Any, provider: Provider, set_service: Any) -> None:
    set_service(issuer="http://127.0.0.1:9")
    browser = client()
    refused(browser, browser.get("/sign-in/service"), "does not answer")


def test_keys_that_are_none_are_left_out(ada: Any, provider: Provider) -> None:
    odd = [
        {"kty": "oct", "k": bare(b"shared"), "kid": "r"},
        {"kty": "RSA", "kid": "r", "n": "?", "e": "AQAB"},
        {"kty": "RSA", "kid": "r", "use": "enc", **RSA_2.as_dict(private=False)},
        "no key",
        {},
    ]
    whole = provider.jwks()
    provider.answers["/keys"] = lambda a: send(
        a, json.dumps({"keys": [*odd, *whole["keys"]]}).encode()
    )
    assert back(client(), provider).status_code == 303


def test_the_log_and_the_events_hold_nothing_that_a_service_said(
    ada: Any, provider: Provider, portal: Portal
) -> None:
    from evaluation.portal.models import Event

    provider.made = lambda claims: bare(b"a-token-to-be-found") + ".b.c"
    browser = client()
    answer = back(browser, provider, state="state-to-be-found")
    answer = back(browser, provider)
    assert answer.status_code == 422
    told = " ".join(f"{one.who} {one.what} {one.about}" for one in Event.objects.all())
    log = portal.log.read_text("utf-8") if portal.log.is_file() else ""
    for text in ("to-be-found", base64.b64encode(b"a-token-to-be-found").decode(), CLIENT):
        assert text not in told + log + answer.content.decode()
