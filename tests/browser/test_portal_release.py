"""A programme in a browser from its officers to its reader, and signing in by a login service."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from playwright.sync_api import Browser, BrowserContext, Page

from evaluation.disclosure.key import VARIABLE
from evaluation.edition.past import History
from evaluation.workspace import Workspace
from tests.browser.test_portal import (
    Served,
    begin_account,
    follow,
    serving,
    serving_there,
    until,
    violations,
    with_code,
)
from tests.journey import pilot_programme as pilot
from tests.journey.at_the_command_line import newstart
from tests.once import once
from tests.portal.provider import CLIENT, SECRET, Provider
from tests.portal.provider import serving as answering
from tests.portal.roots import LEFT, OFFICERS, lock

_LONGEST = 900


@pytest.mark.slow
def test_a_programme_from_its_officers_to_its_reader(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    locked, root = once(tmp_path_factory, "roots-locked", lock), tmp_path / "workspace"
    shutil.copytree(locked / "workspace", root)
    newstart(root, "disclosure", "key", "create", str(tmp_path / "key"))
    found: list[str] = []
    port = _free_port()
    with serving_there(root, "--accounts", port=port) as served:
        people = _people(browser, served)
        for name, file in zip(OFFICERS, LEFT, strict=True):
            _sends(people[name], locked / "in" / file, found)
        page = people["Eve"].new_page()
        page.goto("/studies")
        found += violations(page, "studies")
        follow(page.get_by_role("button", name="Run first_look"))
        _until(page, "/studies", "Run ", but="Run first_look It")
        found += violations(page, "studies-run")
        page.goto("/releases")
        found += violations(page, "releases-nothing")
        follow(page.get_by_role("button", name="Ask for the release"))
        assert "no disclosure key is named" in page.inner_text("main").casefold()
        found += violations(page, "lacks-key")
    with serving_there(root, "--accounts", port=port, **{VARIABLE: str(tmp_path / "key")}):
        _refused_on_the_way(people, root, found)
        page.goto("/releases")
        page.get_by_label("Exceptions").fill("none")
        follow(page.get_by_role("button", name="Ask for the release"))
        found += violations(page, "releases-waits")
        _until(page, "/releases", "frozen")
        found += violations(page, "releases")
        _published(people, found)
        _read(browser, root, people, found)
    assert found == [], "\n".join(found)


def _people(browser: Browser, served: Served) -> dict[str, BrowserContext]:
    """Everybody's browser, signed in; Cat's without scripts."""
    wanted = [
        (name, "officer", *file.split("_")[:2]) for name, file in zip(OFFICERS, LEFT, strict=True)
    ]
    wanted += [("Eve", "evaluator", "", ""), ("Cat", "checker", "", "")]
    wanted += [("Dot", "checker", "", ""), ("Per", "publisher", "", "")]
    opened = {}
    links = served.invite_many(wanted, pilot.NAME)
    served.run("portal", "grant", "Dot", "--role", "evaluator", "--until", until().isoformat())
    for name, link in links.items():
        if name in ("Cat", "Dot", "Per"):
            opened[name] = with_code(browser, served, link, scripts=name != "Cat")
            continue
        opened[name] = browser.new_context(base_url=served.address, bypass_csp=True)
        opened[name].set_default_timeout(30_000)
        page = opened[name].new_page()
        begin_account(page, link)
        page.close()
    return opened


def _sends(context: BrowserContext, file: Path, found: list[str]) -> None:
    """An officer's return through the pages."""
    page = context.new_page()
    page.goto("/")
    found += violations(page, f"start-{file.stem}")
    follow(page.get_by_role("link", name="2026 Q2").first)
    follow(page.get_by_role("button", name="Upload the return"))
    page.get_by_label("The return, as workbook").set_input_files(file)
    follow(page.get_by_role("button", name="Upload and check"))
    reasons = page.locator("textarea[name^=reason-], input[name^=reason-]:not([type=hidden])")
    if reasons.count():
        for one in reasons.all():
            one.fill("looked up in the register")
        follow(page.get_by_role("button", name="Keep the reasons"))
    found += violations(page, f"draft-{file.stem}")
    follow(page.get_by_role("button", name="Go on to submit"))
    page.get_by_label("These are the figures of").check()
    follow(page.get_by_role("button", name="Submit"))
    assert page.get_by_role("heading", name="Accepted").is_visible()
    found += violations(page, f"receipt-{file.stem}")
    page.close()


def _until(page: Page, address: str, said: str, *, but: str = "") -> None:
    """Look at a page again until the worker has done what it says."""
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end:
        page.goto(address)
        text = page.inner_text("main")
        assert "could not be" not in text, text
        waits = any(word in text for word in ("It waits", "it waits", "is running", "being "))
        if said in text and not waits:
            return
        time.sleep(2)
    raise AssertionError(f"{address} never said {said!r}: {text}")


def _refused_on_the_way(people: dict[str, BrowserContext], root: Path, found: list[str]) -> None:
    """A checker asks for a release and may not check it; a stale one is approved by nobody."""
    dot, cat = (people[name].new_page() for name in ("Dot", "Cat"))
    dot.goto("/releases")
    follow(dot.get_by_role("button", name="Ask for the release"))
    _until(dot, "/releases", "frozen")
    follow(dot.get_by_role("rowheader").get_by_role("link"))
    said = dot.inner_text("main")
    assert "nobody checks what they asked for themselves" in said
    assert dot.get_by_role("button", name="Say so").count() == 0
    found += violations(dot, "release-own")
    agreements = root / "studies" / pilot.NAME / "agreements.yaml"
    before = agreements.read_bytes()
    cat.goto(dot.url)
    agreements.write_bytes(before + b"# somebody wrote here since\n")
    _says(cat, "Approve: it may be printed", "every new value")
    said = cat.inner_text("main")
    assert "is stale: the agreements changed" in said and "asks for the release anew" in said
    dot.goto(cat.url.removesuffix("/decide"))
    found += violations(dot, "release-stale")
    agreements.write_bytes(before)
    dot.close()
    cat.close()


def _says(page: Page, decision: str, note: str) -> None:
    """A checker's word on a release, by the form on its page."""
    page.get_by_label(decision).check()
    page.get_by_label("Note").fill(note)
    follow(page.get_by_role("button", name="Say so"))


def _published(people: dict[str, BrowserContext], found: list[str]) -> None:
    """Two checkers say yes, each refusal on the way is a page; the publisher publishes."""
    per, cat, dot = (people[name].new_page() for name in ("Per", "Cat", "Dot"))
    per.goto("/publish")
    assert "approved by no checker" in per.inner_text("main")
    found += violations(per, "publish-missing")
    for page, axe in ((cat, False), (dot, True)):
        page.goto("/releases")
        follow(page.get_by_role("rowheader").get_by_role("link").first)
        text = page.inner_text("main")
        assert "What an attacker could find" in text and "The counts behind it" in text
        if axe:
            found += violations(page, "release")
        follow(page.get_by_role("button", name="Say so"))
        assert page.title().startswith("Error: ")
        if axe:
            found += violations(page, "release-nothing-said")
        _says(page, "Approve: it may be printed", "every new value")
        assert "every new value" in page.inner_text("main")
        if page is cat:
            per.goto("/publish")
            assert "approved by Cat alone" in per.inner_text("main")
            assert per.get_by_role("button", name="Publish").count() == 0
            found += violations(per, "publish-one-checker")
    found += violations(dot, "release-approved")
    per.goto("/publish")
    found += violations(per, "publish")
    follow(per.get_by_role("button", name="Publish"))
    _until(per, "/publish", "published")
    found += violations(per, "publish-done")


def _read(
    browser: Browser, root: Path, people: dict[str, BrowserContext], found: list[str]
) -> None:
    """Somebody reads the edition; a checker looks for a value, and withdraws it."""
    (edition,) = History.read(Workspace(root=root)).editions
    reader = browser.new_page()
    reader.goto((edition.folder / "pages" / "index.html").as_uri())
    # The frame has a second one that is seen in print alone.
    assert "Roots" in reader.inner_text("body") and reader.locator("h1:visible").count() == 1
    reader.close()
    dot = people["Dot"].new_page()
    dot.goto("/register")
    found += violations(dot, "register")
    address = dot.get_by_role("rowheader").first.inner_text()
    follow(dot.get_by_role("button", name="Withdraw it"))
    found += violations(dot, "register-nothing-said")
    dot.get_by_label("Address", exact=True).fill(address)
    dot.get_by_label("Why").fill("it shows somebody")
    follow(dot.get_by_role("button", name="Withdraw it"))
    assert "WITHDRAWN" in dot.inner_text("main").upper()
    found += violations(dot, "register-withdrawn")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_signing_in_by_a_login_service(browser: Browser, tmp_path: Path) -> None:
    """From the invitation to signing out, by links alone; what is refused is a page."""
    found: list[str] = []
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    port = _free_port()
    with answering(Provider({"e": ECKey.generate_key("P-256")})) as provider:
        settings = {
            "NEWSTART_PORTAL_ADDRESS": f"http://127.0.0.1:{port}",
            "NEWSTART_PORTAL_OIDC_ISSUER": provider.address,
            "NEWSTART_PORTAL_OIDC_CLIENT": CLIENT,
            "NEWSTART_PORTAL_OIDC_NAME": "Council login",
            "NEWSTART_PORTAL_OIDC_SECRET_FILE": str(secret),
        }
        with serving(tmp_path / "root", "--accounts", port=port, **settings) as served:
            _by_service(browser, served, provider, found)
    assert found == [], "\n".join(found)


def _by_service(browser: Browser, served: Served, provider: Any, found: list[str]) -> None:
    wanted = [("Ada Ashworth", "officer", "S01", "nhs")]
    (link,) = served.invite_many(wanted).values()
    context = browser.new_context(base_url=served.address, bypass_csp=True)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/sign-in")
    found += violations(page, "sign-in-service")
    follow(page.get_by_role("button", name="Sign in with Council login"))
    assert "no open account of yours" in page.inner_text("main")
    found += violations(page, "not-signed-in")
    page.goto(link)
    found += violations(page, "invitation-service")
    follow(page.get_by_role("button", name="Sign in with Council login"))
    assert page.get_by_role("heading", name="Returns", exact=True).is_visible()
    page.goto("/account")
    found += violations(page, "account-service")
    follow(page.get_by_role("button", name="Sign out"))
    assert "sign out of Council login too" in page.inner_text("main")
    found += violations(page, "signed-out")
    # Without scripts, and known by now.
    bare = browser.new_context(base_url=served.address, java_script_enabled=False)
    bare.set_default_timeout(30_000)
    page = bare.new_page()
    page.goto("/account")
    follow(page.get_by_role("button", name="Sign in with Council login"))
    assert page.url.endswith("/account") and "Ada Ashworth" in page.inner_text("main")
    follow(page.get_by_role("button", name="Sign out"))
    assert page.get_by_role("heading", name="You are signed out").is_visible()
