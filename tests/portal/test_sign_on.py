"""Signing in by a service, and each way in which it may be abused: a page and no session."""

from __future__ import annotations

import base64
import hmac
import html
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from evaluation.errors import WorkspaceError
from evaluation.portal import sign_on
from evaluation.portal.configure import Portal, from_environment
from evaluation.portal.sign_on import Service, service_from_environment
from tests.portal.conftest import client, person
from tests.portal.provider import CLIENT, SECRET, Provider, bare, send, serving

RSA, RSA_2 = (RSAKey.generate_key(2048) for _ in range(2))
EC, EC_2 = (ECKey.generate_key("P-256") for _ in range(2))
DESCRIPTION = "/.well-known/openid-configuration"


@pytest.fixture
def provider(portal: Portal, set_portal: Callable[..., Portal]) -> Iterator[Provider]:
    """A service with an RSA and an EC key, and the portal set to use it, with a secret."""
    sign_on.forget()
    with serving(Provider({"r": RSA, "e": EC})) as served:
        set_portal(
            service=Service(
                issuer=served.address, client=CLIENT, name="Council login", secret=SECRET
            )
        )
        yield served
    sign_on.forget()


@pytest.fixture
def set_service(provider: Provider, set_portal: Callable[..., Portal]) -> Callable[..., Service]:
    """Set the portal to use the service otherwise."""
    from dataclasses import replace

    from evaluation.portal.drafts import portal as served

    def change(**changed: Any) -> Service:
        return set_portal(service=replace(served().service, **changed)).service

    return change


@pytest.fixture
def ada(provider: Provider) -> Any:
    """An officer who signs in by the service as ``ada``."""
    from evaluation.portal.models import Person

    made = person("Ada Ashworth", "officer", "S01", "nhs")
    Person.objects.filter(pk=made.pk).update(issued_by=provider.address, subject="ada")
    made.refresh_from_db()
    return made


def there(browser: Any, *, at: str = "/sign-in/service") -> str:
    """To the service; where it leads."""
    answer = browser.get(at)
    assert answer.status_code == 302, answer.content.decode()[-900:]
    return str(answer["Location"])


def back(browser: Any, provider: Provider, *, subject: str = "ada", **given: str) -> Any:
    """The whole way there and back."""
    brought = provider.authorise(there(browser), subject)
    return browser.get("/sign-in/back", brought | given)


def has_session(browser: Any) -> bool:
    return bool(browser.get("/account").status_code == 200)


def refused(browser: Any, answer: Any, what: str) -> None:
    """A page that says what it is, and nobody is signed in."""
    text = html.unescape(answer.content.decode())
    assert answer.status_code == 422 and "You are not signed in" in text
    assert what in text, text[-1500:]
    assert not has_session(browser)
    from evaluation.portal.models import Event

    events = Event.objects.filter(what="was not signed in by the service")
    assert events.count() == 1 and what.casefold() in events.get().about.casefold()


@pytest.mark.parametrize("signs", ["r", "e"])
def test_somebody_known_by_issuer_and_subject_signs_in(
    ada: Any, provider: Provider, signs: str
) -> None:
    provider.signs = signs
    browser = client()
    browser.get("/sign-in")
    before = browser.session.session_key
    answer = back(browser, provider)
    assert (answer.status_code, answer["Location"]) == (303, "/")
    assert has_session(browser) and browser.session.session_key != before
    assert "Ada Ashworth" in browser.get("/account").content.decode()
    assert provider.asked.count(DESCRIPTION) == 1, "what it says of itself is kept"


@pytest.mark.parametrize("key", [RSA_2, EC_2], ids=["RSA", "EC"])
def test_the_portal_proves_itself_with_a_key(
    ada: Any, provider: Provider, set_service: Any, key: Any
) -> None:
    pems = tuple(one.as_pem(private=True).decode() for one in (key, RSA, EC))
    set_service(secret="", keys=pems)
    browser = client()
    listed = browser.get("/sign-in/keys").json()["keys"]
    assert [one["kid"] for one in listed] == [one.thumbprint() for one in (key, RSA, EC)]
    assert not any({"d", "p", "q"} & one.keys() for one in listed), "public halves alone"
    provider.client_keys = {key.thumbprint(): key}
    assert back(browser, provider).status_code == 303 and has_session(browser)
    # Another key, which the service does not know, proves nothing.
    provider.client_keys = {RSA.thumbprint(): RSA}
    other = client()
    refused(other, back(other, provider), "did not take the sign-in")


def test_roles_come_from_grants_and_never_from_a_claim(ada: Any, provider: Provider) -> None:
    provider.claims = {"roles": ["admin"], "groups": ["checker"], "email": "root@example.org"}
    browser = client()
    back(browser, provider)
    assert [browser.get(p).status_code for p in ("/people", "/releases")] == [404, 404]
    assert browser.get("/returns/S01/nhs/2026-Q3").status_code == 200


def test_nobody_is_known_by_the_address_alone(portal: Portal, provider: Provider) -> None:
    person("Ben Booth", "admin")
    provider.claims = {"email": "ben.booth@example.org", "email_verified": True}
    browser = client()
    refused(browser, back(browser, provider, subject="mallory"), "no open account of yours")


def test_the_same_subject_of_another_issuer_is_another_person(ada: Any, provider: Provider) -> None:
    from evaluation.portal.models import Person

    Person.objects.filter(pk=ada.pk).update(issued_by="https://elsewhere.example")
    browser = client()
    refused(browser, back(browser, provider), "no open account of yours")


def test_a_locked_person_is_not_signed_in(ada: Any, provider: Provider) -> None:
    from evaluation.portal.models import Person

    Person.objects.update(locked=True)
    browser = client()
    refused(browser, back(browser, provider), "no open account of yours")


def test_an_invitation_binds_the_subject_once(portal: Portal, provider: Provider) -> None:
    from evaluation.portal import accounts
    from evaluation.portal.models import Invitation, Person

    made = person("Cy Carr", "officer", "S01", "nhs")
    link = accounts.make_link(made, "invitation", by="test").path
    browser = client()
    page = browser.get(link).content.decode()
    assert "Sign in with Council login" in page and f"{link}/service" in page
    brought = provider.authorise(there(browser, at=f"{link}/service"), "cy-at-the-council")
    assert browser.get("/sign-in/back", brought)["Location"] == "/"
    made.refresh_from_db()
    assert (made.issued_by, made.subject) == (provider.address, "cy-at-the-council")
    assert has_session(browser) and not made.has_usable_password()
    assert Invitation.objects.get().used is not None
    # The link is used, and no password comes in beside the service.
    assert client().get(f"{link}/service").status_code == 404
    again = client()
    assert back(again, provider, subject="cy-at-the-council").status_code == 303
    # Another role later finds the same person, by the address that the giver typed.
    from tests.portal.conftest import person as give

    assert give("Cy Carr", "evaluator").pk == made.pk and Person.objects.count() == 1


def test_a_subject_is_one_person_and_no_other(ada: Any, provider: Provider) -> None:
    from evaluation.portal import accounts

    other = person("Cy Carr", "officer", "S01", "nhs")
    link = accounts.make_link(other, "invitation", by="test").path
    browser = client()
    brought = provider.authorise(there(browser, at=f"{link}/service"), "ada")
    refused(browser, browser.get("/sign-in/back", brought), "somebody else signs in here")
    other.refresh_from_db()
    assert other.issued_by == "local"


def test_who_checks_gives_a_code_too_unless_the_service_asked_for_one(
    ada: Any, provider: Provider, set_service: Any
) -> None:
    person("Ada Ashworth", "checker")
    browser = client()
    assert back(browser, provider)["Location"] == "/sign-in/set-up" and not has_session(browser)
    set_service(second_factor=True)
    assert back(client(), provider)["Location"] == "/sign-in/set-up", "its token says nothing of it"
    provider.claims = {"amr": ["pwd", "mfa"]}
    assert back(browser, provider)["Location"] == "/" and has_session(browser)
    set_service(second_factor=False)
    assert back(client(), provider)["Location"] == "/sign-in/set-up"


def test_signing_out_leads_to_the_services_own_end(ada: Any, provider: Provider) -> None:
    browser = client()
    back(browser, provider)
    text = browser.post("/sign-out").content.decode()
    assert f'href="{provider.address}/leave?id_token_hint=' in text and not has_session(browser)


def test_what_ends_ones_session_there_is_not_shown_to_the_next(
    ada: Any, provider: Provider
) -> None:
    from django.contrib.auth.hashers import make_password

    from evaluation.portal.models import Person

    person("Ada Ashworth", "checker")
    browser = client()
    assert back(browser, provider)["Location"] == "/sign-in/set-up"
    other = person("Ben Booth", "officer", "S01", "nhs")
    Person.objects.filter(pk=other.pk).update(password=make_password("a long enough pass phrase"))
    form = {"email": other.email, "password": "a long enough pass phrase"}
    assert browser.post("/sign-in", form).status_code == 303 and has_session(browser)
    answer = browser.post("/sign-out")
    assert (answer.status_code, answer["Location"]) == (303, "/sign-in")


def test_without_passwords_the_service_alone_signs_in(
    ada: Any, provider: Provider, set_portal: Callable[..., Portal]
) -> None:
    browser = client()
    assert 'type="password"' in browser.get("/sign-in").content.decode()
    set_portal(passwords=False)
    text = browser.get("/sign-in").content.decode()
    assert "Sign in with Council login" in text and 'type="password"' not in text
    for method, path in (("GET", "/forgotten"), ("POST", "/forgotten"), ("POST", "/sign-in")):
        assert browser.generic(method, path).status_code == 404


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "\\\\evil.example",
        "/%0d%0aSet-Cookie:x",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(ada: Any, provider: Provider, to: str) -> None:
    browser = client()
    asked = browser.get("/sign-in/service", {"next": to})
    answer = browser.get("/sign-in/back", provider.authorise(asked["Location"], "ada"))
    where = urlsplit(answer["Location"])
    assert answer.status_code == 303 and not where.netloc and not where.scheme
    assert where.path.startswith("/") and "\r" not in answer["Location"]


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


def test_a_code_and_a_state_are_used_once(ada: Any, provider: Provider) -> None:
    browser = client()
    brought = provider.authorise(there(browser), "ada")
    assert browser.get("/sign-in/back", brought).status_code == 303
    other = client()
    # The same answer in another browser, and a used code behind a state that is right.
    refused(other, other.get("/sign-in/back", brought), "not begun in this browser")
    third = client()
    state = dict(parse_qsl(urlsplit(there(third)).query))["state"]
    answer = third.get("/sign-in/back", {"code": brought["code"], "state": state})
    assert answer.status_code == 422 and "used already" in answer.content.decode()
    assert not has_session(third)


def test_a_replayed_or_another_state_is_refused(ada: Any, provider: Provider) -> None:
    browser = client()
    brought = provider.authorise(there(browser), "ada")
    refused(browser, browser.get("/sign-in/back", brought | {"state": "x"}), "another sign-in")
    # It was taken out of the session: the right one comes too late.
    answer = browser.get("/sign-in/back", brought)
    assert answer.status_code == 422 and not has_session(browser)


def test_a_state_of_long_ago_is_refused(
    ada: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from evaluation.portal.views import service
    from evaluation.quarters import now

    browser = client()
    brought = provider.authorise(there(browser), "ada")
    monkeypatch.setattr(service, "now", lambda: now() + timedelta(minutes=20))
    refused(browser, browser.get("/sign-in/back", brought), "took too long")


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


@pytest.mark.parametrize("given", ["", "state=", "code=x", "state=%ED%A0%80&code=x", "code=%ff"])
def test_an_answer_without_the_state_of_this_sign_in(
    ada: Any, provider: Provider, given: str
) -> None:
    browser = client()
    there(browser)
    refused(browser, browser.get(f"/sign-in/back?{given}"), "answer to another sign-in")


@pytest.mark.parametrize("code", ["x" * 100_000, "é\u2028", "&code_verifier=y", "${x}"])
def test_a_code_of_any_signs_is_a_page(ada: Any, provider: Provider, code: str) -> None:
    browser = client()
    refused(browser, back(browser, provider, code=code), "used already")


@pytest.mark.parametrize("given", ["state=%00&code=x", "state=x&code=%00", "iss=%00"])
def test_an_address_with_a_zero_byte_is_a_page(ada: Any, provider: Provider, given: str) -> None:
    browser = client()
    there(browser)
    answer = browser.get(f"/sign-in/back?{given}")
    assert answer.status_code == 400 and b"</main>" in answer.content and not has_session(browser)


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


def test_who_is_signed_in_is_not_signed_out_by_somebody_elses_link(
    ada: Any, provider: Provider
) -> None:
    browser = client()
    back(browser, provider)
    assert browser.get("/sign-in/back", {"code": "x", "state": "y"}).status_code == 422
    assert has_session(browser)


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


# What GOV.UK One Login, Entra and Keycloak send, by their documentation.
def test_the_shape_of_gov_uk_one_login(ada: Any, provider: Provider, set_service: Any) -> None:
    set_service(secret="", keys=(RSA_2.as_pem(private=True).decode(),), trust="Cl.Cm")
    provider.client_keys = {RSA_2.thumbprint(): RSA_2}
    provider.signs = "e"
    provider.claims = {"vot": "Cl.Cm", "vtm": "https://oidc.account.gov.uk/trustmark"}
    browser = client()
    assert json.loads(dict(parse_qsl(urlsplit(there(browser)).query))["vtr"]) == ["Cl.Cm"]
    assert back(browser, provider).status_code == 303
    provider.claims = {"vot": "Cl"}
    other = client()
    refused(other, back(other, provider), "did not ask as much")


def test_the_shape_of_entra(ada: Any, provider: Provider, set_service: Any) -> None:
    from evaluation.portal.models import Person

    issuer = "https://login.example/{tenantid}/v2.0"
    provider.described = {"issuer": issuer}
    held = json.dumps(provider.describe()).encode()
    served = set_service(issuer=issuer, subject="oid", tenants=("t-1",))
    named = issuer.replace("{tenantid}", "organizations")
    sign_on._kept[f"{named}{DESCRIPTION}"] = sign_on._Kept(
        content=json.loads(held), at=time.monotonic()
    )
    assert served.subject == "oid"
    Person.objects.update(issued_by="https://login.example/t-1/v2.0", subject="object-1")
    right = {"iss": "https://login.example/t-1/v2.0", "tid": "t-1", "oid": "object-1", "ver": "2.0"}
    provider.claims = right
    assert back(client(), provider, subject="pairwise").status_code == 303
    for wrong, said in (
        ({"tid": "t-2", "iss": "https://login.example/t-2/v2.0"}, "organisation"),
        ({"iss": "https://login.example/t-2/v2.0"}, "another service made it"),
        ({"tid": None}, "organisation"),
        ({"oid": None}, "does not say who"),
    ):
        provider.claims = right | wrong
        answer = back(client(), provider)
        assert answer.status_code == 422 and said in answer.content.decode()


def test_the_shape_of_keycloak(ada: Any, provider: Provider) -> None:
    provider.claims = {
        "azp": CLIENT,
        "typ": "ID",
        "acr": "1",
        "realm_access": {"roles": ["admin"]},
        "preferred_username": "admin",
    }
    browser = client()
    assert back(browser, provider).status_code == 303
    assert browser.get("/people").status_code == 404


# It is written for an Authlib of before, and says so.
@pytest.mark.filterwarnings("ignore")
def test_another_program_that_signs_people_in(
    ada: Any, set_service: Any, provider: Provider
) -> None:
    """The mock of PyPI: no name of a key in its tokens, its own form, its own errors."""
    import requests
    from oidc_provider_mock import run_server_in_thread

    from evaluation.portal.models import Person

    with run_server_in_thread() as server:
        issuer = f"http://localhost:{server.server_port}"
        set_service(issuer=issuer)
        Person.objects.update(issued_by=issuer)
        browser = client()
        address = there(browser)
        sent = requests.post(address, data={"sub": "ada"}, allow_redirects=False, timeout=10)
        brought = dict(parse_qsl(urlsplit(sent.headers["Location"]).query))
        assert browser.get("/sign-in/back", brought).status_code == 303 and has_session(browser)
        other = client()
        address = there(other)
        sent = requests.post(address, data={"action": "deny"}, allow_redirects=False, timeout=10)
        brought = dict(parse_qsl(urlsplit(sent.headers["Location"]).query))
        answer = other.get("/sign-in/back", brought)
        assert answer.status_code == 422 and not has_session(other)
        # A code that it never gave.
        state = dict(parse_qsl(urlsplit(there(other)).query))["state"]
        answer = other.get("/sign-in/back", {"code": "made-up", "state": state})
        assert answer.status_code == 422 and not has_session(other)


def test_what_the_environment_says(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service_from_environment() is None

    def put(**named: str) -> None:
        for name, value in named.items():
            monkeypatch.setenv(f"NEWSTART_PORTAL_OIDC_{name}", value)

    key = tmp_path / "key.pem"
    key.write_bytes(EC.as_pem(private=True) + RSA.as_pem(private=True))
    put(ISSUER="http://login.example", CLIENT="c", KEY_FILE=str(key))
    with pytest.raises(WorkspaceError, match="without encryption"):
        service_from_environment()
    put(ISSUER="https://login.example/realms/a")
    key.chmod(0o644)
    with pytest.raises(WorkspaceError, match="others on this machine"):
        service_from_environment()
    key.chmod(0o600)
    found = service_from_environment()
    assert found is not None and len(found.keys) == 2 and found.name == "login.example"
    secret = tmp_path / "secret"
    secret.write_text("s\n")
    secret.chmod(0o600)
    put(SECRET_FILE=str(secret))
    with pytest.raises(WorkspaceError, match="how this portal proves itself"):
        service_from_environment()
    put(KEY_FILE="")
    assert service_from_environment().secret == "s"  # type: ignore[union-attr]
    put(SECRET_FILE=str(tmp_path / "nowhere"))
    with pytest.raises(WorkspaceError, match="cannot be read"):
        service_from_environment()
    put(SECRET_FILE="", KEY_FILE=str(key))
    key.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(WorkspaceError, match="none that signs"):
        service_from_environment()
    key.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    with pytest.raises(WorkspaceError, match="none that signs"):
        service_from_environment()
    key.write_bytes(RSA.as_pem(private=True))
    monkeypatch.setenv("NEWSTART_PORTAL_PASSWORDS", "no")
    assert not from_environment(portal.workspace, "tiny", demonstration=False).passwords
    monkeypatch.delenv("NEWSTART_PORTAL_OIDC_ISSUER")
    assert from_environment(portal.workspace, "tiny", demonstration=False).passwords


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
