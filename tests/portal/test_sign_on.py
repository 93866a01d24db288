"""Signing in by a service: who is known by it, with what rights, once, and how it is set."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import ECKey

from evaluation.errors import WorkspaceError
from evaluation.portal import sign_on
from evaluation.portal.configure import Portal, from_environment
from evaluation.portal.sign_on import service_from_environment
from tests.portal.conftest import client, person
from tests.portal.provider import CLIENT, Provider
from tests.portal.signing_in import (
    DESCRIPTION,
    EC,
    EC_2,
    RSA,
    RSA_2,
    back,
    has_session,
    refused,
    there,
)


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


def test_who_is_signed_in_is_not_signed_out_by_somebody_elses_link(
    ada: Any, provider: Provider
) -> None:
    browser = client()
    back(browser, provider)
    assert browser.get("/sign-in/back", {"code": "x", "state": "y"}).status_code == 422
    assert has_session(browser)


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
