"""The portal's login against a provider that is not ours: npm's ``oidc-provider``, certified.

What our own provider of the tests may get wrong together with the portal, this one does not: it
asks for PKCE, checks the portal's signed assertions by the keys that the portal publishes, and ends
its own sessions. It is installed from its lock file into the test's folder.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests
from joserfc.jwk import ECKey, RSAKey

from evaluation.portal import sign_on
from evaluation.portal.configure import Portal
from evaluation.portal.sign_on import Service, public_keys
from tests.portal.conftest import client, person
from tests.portal.signing_in import EC, EC_2, RSA, RSA_2, has_session, refused, there

HERE = Path(__file__).parent / "independent"
MISSING = [one for one in ("node", "npm") if shutil.which(one) is None]
CLIENT = "the-portal"
SECRET = "one + two % three: a secret"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"npm's oidc-provider is not tried: no {' and no '.join(MISSING)}"
    ),
]

Key = RSAKey | ECKey


def pem(key: Key) -> str:
    return key.as_pem(private=True).decode()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the provider is installed, as locked."""
    folder = tmp_path_factory.mktemp("provider")
    for file in HERE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    asked = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", "cache"]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@dataclass
class Independent:
    """The provider's process; it may be ended and begun again with other keys, at one address."""

    folder: Path
    keys: dict[str, Key]
    client: dict[str, Any]
    process: subprocess.Popen[str] | None = None
    port: int = 0
    browser: requests.Session = field(default_factory=requests.Session)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Serve with the keys and the client of now."""
        self.end()
        held = [
            {**key.as_dict(private=True), "kid": kid, "use": "sig"}
            for kid, key in self.keys.items()
        ]
        settings = self.folder / "settings.json"
        settings.write_text(
            json.dumps({"port": self.port, "keys": held, "clients": [self.client]}), "utf-8"
        )
        self.process = subprocess.Popen(
            ["node", "provider.mjs", str(settings)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = urlsplit(self.process.stdout.readline().strip()).port or 0
        assert self.port, "the provider did not begin"

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def follow(self, address: str) -> tuple[str, str]:
        """To the next page of the provider: its address and text; or where it leads away to."""
        while True:
            answer = self.browser.get(address, allow_redirects=False, timeout=20)
            if answer.status_code not in (302, 303):
                return address, answer.text
            address = urljoin(address, answer.headers["Location"])
            if not address.startswith(self.address):
                return address, ""

    def authorise(self, address: str, name: str = "ada") -> dict[str, str]:
        """What a person's browser brings back, once they signed in and agreed."""
        at, text = self.follow(address)
        while text:
            found = re.search(r'name="prompt" value="(\w+)"', text)
            assert found, text[-1500:]
            form = {"prompt": found[1]}
            if found[1] == "login":
                form |= {"login": name, "password": "any"}
            where = re.search(r'action="([^"]+)"', text)
            assert where, text[-1500:]
            sent = self.browser.post(
                urljoin(at, where[1]), data=form, allow_redirects=False, timeout=20
            )
            at, text = self.follow(urljoin(at, sent.headers["Location"]))
        return dict(parse_qsl(urlsplit(at).query))


@pytest.fixture
def provider(
    portal: Portal, set_portal: Callable[..., Portal], installed: Path
) -> Iterator[Independent]:
    """The provider with an RSA and an EC key, and the portal set to use it with a secret."""
    sign_on.forget()
    home = portal.address
    served = Independent(
        folder=installed,
        keys={"r": RSA, "e": EC},
        client={
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [f"{home}/sign-in/back"],
            "post_logout_redirect_uris": [f"{home}/sign-in"],
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    )
    served.begin()
    set_portal(
        service=Service(issuer=served.address, client=CLIENT, name="Council login", secret=SECRET)
    )
    yield served
    served.end()
    sign_on.forget()


@pytest.fixture
def ada(provider: Independent) -> Any:
    """An officer who signs in by the provider as ``ada``."""
    from evaluation.portal.models import Person

    made = person("Ada Ashworth", "officer", "S01", "nhs")
    Person.objects.filter(pk=made.pk).update(issued_by=provider.address, subject="ada")
    return made


@pytest.fixture
def set_keys(provider: Independent, set_portal: Callable[..., Portal]) -> Callable[..., None]:
    """Set the portal to prove itself by keys, and the provider to know them by what it lists."""
    from evaluation.portal.drafts import portal as served

    def change(*keys: Key, known: tuple[Key, ...] = ()) -> None:
        assert served().service is not None
        service = replace(served().service, secret="", keys=tuple(pem(key) for key in keys))
        set_portal(service=service)
        listed = replace(service, keys=tuple(pem(key) for key in known or keys))
        provider.client.pop("client_secret", None)
        provider.client |= {
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": public_keys(listed),
        }
        provider.begin()
        sign_on.forget()

    return change


def sign_in(browser: Any, provider: Independent, name: str = "ada", **given: str) -> Any:
    """The whole way there and back."""
    return browser.get("/sign-in/back", provider.authorise(there(browser), name) | given)


@pytest.mark.parametrize("signed", ["RS256", "PS256", "ES256"])
def test_with_a_secret_and_each_way_in_which_a_token_is_signed(
    ada: Any, provider: Independent, signed: str
) -> None:
    provider.client["id_token_signed_response_alg"] = signed
    provider.begin()
    browser = client()
    browser.get("/sign-in")
    before = browser.session.session_key
    brought = provider.authorise(there(browser))
    assert brought["iss"] == provider.address, "it says who it is in its answer (RFC 9207)"
    answer = browser.get("/sign-in/back", brought)
    assert (answer.status_code, answer["Location"]) == (303, "/"), answer.content.decode()[-900:]
    assert has_session(browser) and browser.session.session_key != before
    assert browser.get("/people").status_code == 404, "its claim of a role is not believed"


@pytest.mark.parametrize("key", [RSA_2, EC_2], ids=["RSA", "EC"])
def test_with_a_key_of_the_portals_own(
    ada: Any, provider: Independent, set_keys: Callable[..., None], key: Key
) -> None:
    set_keys(key)
    browser = client()
    assert sign_in(browser, provider).status_code == 303 and has_session(browser)
    # A second key is listed before it signs, so that it can be changed without an hour of none.
    set_keys(RSA, key, known=(key, RSA))
    other = client()
    assert sign_in(other, provider).status_code == 303 and has_session(other)


@pytest.mark.parametrize("key", [RSA_2, EC_2], ids=["RSA", "EC"])
def test_a_key_that_the_provider_does_not_know(
    ada: Any, provider: Independent, set_keys: Callable[..., None], key: Key
) -> None:
    set_keys(key, known=(RSA if key is RSA_2 else EC,))
    browser = client()
    refused(browser, sign_in(browser, provider), "did not take the sign-in")


def test_a_secret_that_is_wrong(ada: Any, provider: Independent) -> None:
    provider.client["client_secret"] = "another"
    provider.begin()
    browser = client()
    refused(browser, sign_in(browser, provider), "did not take the sign-in")


def test_keys_that_the_provider_changes(ada: Any, provider: Independent) -> None:
    assert sign_in(client(), provider).status_code == 303
    for keys in ({"new": RSA_2, "r": RSA}, {"new": RSA_2}, {"newer": RSA}):
        provider.keys = keys
        provider.begin()
        browser = client()
        assert sign_in(browser, provider).status_code == 303 and has_session(browser), keys


def test_pkce_nonce_and_state_are_of_one_sign_in(ada: Any, provider: Independent) -> None:
    for part, said in (
        ("verifier", "did not take the sign-in"),
        ("nonce", "of another sign-in"),
        ("state", "answer to another sign-in"),
    ):
        browser, other = client(), client()
        there(other)
        brought = provider.authorise(there(browser))
        session = browser.session
        session["service"] = session["service"] | {part: other.session["service"][part]}
        session.save()
        answer = browser.get("/sign-in/back", brought)
        text = html.unescape(answer.content.decode())
        assert answer.status_code == 422 and said in text and not has_session(browser), part


def test_a_code_works_once(ada: Any, provider: Independent) -> None:
    browser, other = client(), client()
    brought = provider.authorise(there(browser))
    assert browser.get("/sign-in/back", brought).status_code == 303
    state = dict(parse_qsl(urlsplit(there(other)).query))["state"]
    refused(other, other.get("/sign-in/back", brought | {"state": state}), "used already")


def test_who_breaks_off_there_is_told_so(ada: Any, provider: Independent) -> None:
    browser = client()
    at, text = provider.follow(there(browser))
    where = re.search(r'href="([^"]+/abort)"', text)
    assert where, text[-1500:]
    away, _ = provider.follow(urljoin(at, where[1]))
    brought = dict(parse_qsl(urlsplit(away).query))
    assert brought["error"] == "access_denied"
    refused(browser, browser.get("/sign-in/back", brought), "did not sign you in")


def test_an_address_to_come_back_to_that_it_was_not_told_of(
    ada: Any, provider: Independent, set_portal: Callable[..., Portal]
) -> None:
    """The provider keeps the person: nothing comes back to the portal, signed in or not."""
    set_portal(address="http://127.0.0.1:1")
    browser = client()
    at, text = provider.follow(there(browser))
    assert at.startswith(provider.address) and "redirect_uri" in text
    assert not has_session(browser)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_provider_that_is_down(ada: Any, provider: Independent, when: str) -> None:
    browser = client()
    if when == "before":
        provider.end()
        refused(browser, browser.get("/sign-in/service"), "does not answer")
    else:
        brought = provider.authorise(there(browser))
        provider.end()
        refused(browser, browser.get("/sign-in/back", brought), "does not answer")
    # When it is there again, so is signing in, in the same browser.
    provider.begin()
    assert sign_in(browser, provider).status_code == 303 and has_session(browser)


def test_signing_out_ends_the_providers_session_too(ada: Any, provider: Independent) -> None:
    browser = client()
    sign_in(browser, provider)
    page = browser.post("/sign-out").content.decode()
    link = re.search(r'href="([^"]+id_token_hint=[^"]+)"', page)
    assert link and not has_session(browser)
    at, text = provider.follow(html.unescape(link[1]))
    typed = dict(re.findall(r'name="(\w+)" value="([^"]*)"', text))
    where = re.search(r'action="([^"]+)"', text)
    assert where and typed, text[-1500:]
    sent = provider.browser.post(
        urljoin(at, where[1]), data=typed | {"logout": "yes"}, allow_redirects=False, timeout=20
    )
    from evaluation.portal.drafts import portal as served

    assert sent.headers["Location"].partition("?")[0] == f"{served().address}/sign-in"
    _, text = provider.follow(there(client()))
    assert 'value="login"' in text, "it asks for the name anew"
