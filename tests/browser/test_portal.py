"""The portal in a browser without scripts: from the invitation to the receipt, and every page."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.returns.template import write_template
from evaluation.workspace import Workspace
from tests.browser.conftest import AXE
from tests.conftest import AREAS, OPINION, PROGRAMME

REPOSITORY = Path(__file__).parents[2]
NOW = "2026-10-10T09:00:00Z"
PASSWORD = "a long enough pass phrase"
HERE = "/returns/S01/nhs/2026-Q3"
# Where the pages are kept to be looked at, if that is asked for.
SHOTS = os.environ.get("NEWSTART_SCREENSHOTS")


@dataclass
class Served:
    """A portal that is being served, and its workspace."""

    workspace: Workspace
    address: str
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        """A verb of the command line in this workspace; what it prints comes back."""
        done = subprocess.run(
            [*_COMMAND, "--workspace", str(self.workspace.root), *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def invite(self, name: str, role: str, *whose: str) -> str:
        """An invitation by the command line; the path of its link."""
        link = self.run(
            "portal",
            "invite",
            name,
            "--email",
            f"{name.split()[0].lower()}@example.org",
            "--role",
            role,
            "--until",
            until().isoformat(),
            *whose,
        )
        return link[link.index("/invitations/") :]

    def invite_many(
        self, wanted: Sequence[tuple[str, str, str, str]], programme: str = "tiny"
    ) -> dict[str, str]:
        """The same for several (name, role, site, agency) in one process: name -> path."""
        script = (
            "import json, sys; from pathlib import Path;"
            "from evaluation.portal import configure; from evaluation.workspace import Workspace;"
            "w = Workspace(root=Path(sys.argv[1]));"
            "p = configure.from_environment(w, sys.argv[4], demonstration=False);"
            "configure.begin(p); from evaluation.portal import accounts as a;"
            "from datetime import date;"
            "made = {n: a.make_link(a.add_grant(p.programme, a.Wanted(name=n, role=a.Role(r),"
            " site=s, agency=g, email=n.split()[0].lower() + '@example.org',"
            " until=date.fromisoformat(sys.argv[2])), by='test'), 'invitation', by='test').path"
            " for n, r, s, g in json.loads(sys.argv[3])}; print(json.dumps(made))"
        )
        root, last = str(self.workspace.root), until().isoformat()
        arguments = (root, last, json.dumps(wanted), programme)
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, str] = json.loads(done.stdout)
        return found


def until() -> date:
    return date.today() + timedelta(days=30)  # noqa: DTZ011 - any day of the next month will do


_COMMAND = (sys.executable, "-m", "evaluation.cli")


@contextlib.contextmanager
def serving(root: Path, *options: str, port: int = 0, **settings: str) -> Iterator[Served]:
    """The portal of the tiny programme, served by the command line at a free port."""
    folder = root / "studies" / "tiny"
    (folder / "outcomes").mkdir(parents=True)
    (folder / "programme.yaml").write_text(PROGRAMME, encoding="utf-8")
    (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
    (folder / "outcomes" / "opinion.yaml").write_text(OPINION, encoding="utf-8")
    (root / "SYNTHETIC").touch()
    with serving_there(root, *options, port=port, NEWSTART_NOW=NOW, **settings) as served:
        yield served


@contextlib.contextmanager
def serving_there(root: Path, *options: str, port: int = 0, **settings: str) -> Iterator[Served]:
    """The portal of a workspace that is there, served by the command line."""
    environment = {**os.environ, **settings}
    asked = ["portal", "serve", "--port", str(port), *options]
    command = [*_COMMAND, "--workspace", str(root), *asked]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip().rstrip("/")
            assert address.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(f"{address}/health", timeout=30) as answer:
                assert answer.status == 200
            yield Served(Workspace(root=root), address, environment)
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("portal"), "--accounts") as running:
        yield running


@pytest.fixture
def context(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser without scripts that knows no other address."""
    made = browser.new_context(
        java_script_enabled=False,
        base_url=served.address,
        accept_downloads=True,
        viewport={"width": 1280, "height": 900},
    )
    made.set_default_timeout(30_000)
    yield made
    made.close()


def filled(path: Path, workspace: Workspace, first: str) -> Path:
    """A return of S01's NHS, its first figure as given."""
    programme = Programme.load(workspace, "tiny")
    from evaluation.quarters import Period

    write_template(programme, "S01", "nhs", Period.parse("2026 Q3"), path)
    lines = path.read_text("utf-8-sig").splitlines()
    at = {name: place for place, name in enumerate(lines[0].split(","))}
    rows = [lines[0]]
    for number, line in enumerate(lines[1:]):
        cells = line.split(",")
        cells[at["numerator"]] = first if number == 0 else str(20 + number)
        cells[at["denominator"]] = "5000"
        rows.append(",".join(cells))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def follow(what: Locator) -> None:
    """Click, and wait until the page that it leads to is there: a click alone does not wait."""
    with what.page.expect_navigation():
        what.click()


def begin_account(page: Page, path: str) -> None:
    page.goto(path)
    page.get_by_label("Choose a password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    follow(page.get_by_role("button", name="Go on"))


def upload(page: Page, path: Path) -> None:
    page.get_by_label("The return, as workbook").set_input_files(path)
    follow(page.get_by_role("button", name="Upload and check"))


def test_from_the_invitation_to_the_receipt_without_a_script(
    served: Served, context: BrowserContext, tmp_path: Path
) -> None:
    page = context.new_page()
    # From here on by what stands on the pages alone: no address is typed.
    begin_account(
        page, served.invite("Ada Ashworth", "officer", "--site", "S01", "--agency", "nhs")
    )
    assert page.get_by_role("heading", name="Returns", exact=True).is_visible()
    follow(page.get_by_role("link", name="S01 nhs, 2026 Q3 (July to September 2026)"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel workbook").click()
    assert download.value.suggested_filename == "S01_nhs_2026-Q3.xlsx"
    follow(page.get_by_role("button", name="Upload the return"))
    follow(page.get_by_role("button", name="Upload and check"))
    assert page.title().startswith("Error: ")
    file = tmp_path / "S01_nhs_2026-Q3.csv"
    upload(page, filled(file, served.workspace, "<5"))
    assert page.title().startswith("Error: What the check found")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="E2", exact=True))
    assert "A figure is a number" in row.inner_text()
    follow(page.get_by_role("link", name="There is 1 thing to mend."))
    follow(page.get_by_role("link", name="upload it again"))
    upload(page, filled(file, served.workspace, "2100"))
    page.get_by_label("Why it is right (E2)").fill("a walk-in centre closed")
    follow(page.get_by_role("button", name="Keep the reasons"))
    follow(page.get_by_role("button", name="Go on to submit"))
    shown = page.inner_text("main")
    for said in ("Alder (S01)", "The NHS (nhs)", "July to September 2026 (2026 Q3)"):
        assert said in shown, said
    follow(page.get_by_role("button", name="Submit"))
    assert page.title().startswith("Error: ")
    page.get_by_label("These are the figures of S01 nhs").check()
    follow(page.get_by_role("button", name="Submit"))
    assert page.get_by_role("heading", name="Accepted").is_visible()
    number = page.url.rpartition("/")[2]
    with Ledger.open(served.workspace.database, served.workspace.raw) as ledger:
        (receipt,) = ledger.receipts()
    assert (receipt.return_id, receipt.by) == (number, "Ada Ashworth")
    with page.expect_download() as download:
        page.get_by_role("link", name="the receipt as a file").click()
    kept = tmp_path / "receipt.json"
    download.value.save_as(kept)
    assert served.run("ledger", "verify", "--against", str(kept)) == ""
    follow(page.get_by_role("link", name="a page to print"))
    assert receipt.chain_hash in page.inner_text("body")


@pytest.fixture(scope="module")
def states(browser: Browser, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Signed-in contexts of one of each role, and the addresses of every page in every state."""
    folder = tmp_path_factory.mktemp("states")
    opened: dict[str, BrowserContext] = {}
    links = served.invite_many(
        (
            ("Bea Booth", "officer", "S01", "nhs"),
            ("Cal Carr", "officer", "S01", "nhs"),
            ("Eve Evans", "evaluator", "", ""),
            ("Nia Nash", "officer", "S02", "council"),
            ("Amy Adams", "admin", "", ""),
            ("Zoe Zane", "evaluator", "", ""),
        )
    )
    for name, link in links.items():
        first = name.split()[0]
        if first in ("Amy", "Zoe"):
            continue
        context = browser.new_context(base_url=served.address, bypass_csp=True)
        context.set_default_timeout(30_000)
        page = context.new_page()
        begin_account(page, link)
        page.close()
        opened[first] = context
    opened["Amy"] = with_code(browser, served, links["Amy Adams"])
    opened["nobody"] = browser.new_context(base_url=served.address, bypass_csp=True)
    yield opened, folder, links["Zoe Zane"]
    for context in opened.values():
        context.close()


def with_code(
    browser: Browser, served: Served, link: str, *, scripts: bool = True
) -> BrowserContext:
    context = browser.new_context(
        base_url=served.address, bypass_csp=True, java_script_enabled=scripts
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    begin_account(page, link)
    secret = page.locator(".portal-key").inner_text().replace(" ", "")
    if scripts:
        violations(page, "set-up")
    page.get_by_label("Code").fill(code_now(secret))
    follow(page.get_by_role("button", name="Set it up"))
    page.close()
    return context


def code_now(secret: str) -> str:
    """What an authenticator shows now (RFC 6238), written once more by itself."""
    moment = (int(time.time()) // 30).to_bytes(8, "big")
    digest = hmac.digest(base64.b32decode(secret), moment, "sha1")
    cut = int.from_bytes(digest[digest[-1] % 16 :][:4], "big") % 2**31
    return f"{cut % 10**6:06d}"


def violations(page: Page, name: str) -> list[str]:
    """What axe finds on a page, and what does not fit at 375 pixels and at 400 per cent zoom."""
    found = [
        f"{name}: {v['id']}: {node['html'][:140]}"
        for v in Axe().run(page, options=AXE).response["violations"]
        for node in v["nodes"][:3]
    ]
    # 1,280 pixels at 400 per cent are 320 pixels of the page's own.
    for width, what in ((1280, "desk"), (375, "telephone"), (320, "zoom")):
        page.set_viewport_size({"width": width, "height": 800})
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{what}.png", full_page=True)
        across = page.evaluate("document.documentElement.scrollWidth")
        if across > width:
            found.append(f"{name}: {across} pixels wide at {width}")
        small = page.evaluate(_SMALL)
        found += [f"{name}: target too small: {one}" for one in small if width == 375]
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


_SMALL = """() => {
  const parts = 'button, input:not([type=hidden]), select, summary';
  return [...document.querySelectorAll(parts)].filter((one) => {
    const b = one.getBoundingClientRect();
    return b.width > 0 && (b.width < 24 || b.height < 24);
  }).map((one) => one.outerHTML.slice(0, 100));
}"""


def test_axe_finds_nothing_on_an_officers_pages(served: Served, states: Any) -> None:
    opened, folder, _ = states
    file = folder / "S01_nhs_2026-Q3.csv"
    found = _an_officers_pages(opened["Bea"], served, file)
    assert found == [], "\n".join(found)


@pytest.mark.slow
def test_axe_finds_nothing_on_any_other_page_in_any_state(served: Served, states: Any) -> None:
    opened, folder, link = states
    found: list[str] = []

    def look(who: str, address: str, name: str) -> Page:
        page = opened[who].new_page()
        page.goto(address)
        found.extend(violations(page, name))
        return page

    for name in ("sign-in", "forgotten", "check", "about", "nothing"):
        look("nobody", f"/{name}", name).close()
    look("nobody", link, "invitation").close()
    look("nobody", "/invitations/none", "link-gone").close()
    page = look("nobody", "/sign-in", "sign-in")
    follow(page.get_by_role("button", name="Sign in"))
    found += violations(page, "sign-in-wrong")
    file = folder / "S01_nhs_2026-Q3.csv"
    page = look("nobody", "/check", "check")
    page.get_by_label("The return").set_input_files(filled(file, served.workspace, "<5"))
    follow(page.get_by_role("button", name="Check it", exact=True))
    found += violations(page, "check-faults")
    page.close()
    _submitted(opened["Bea"], served, file)
    asked = _asked(opened["Bea"])
    look("Bea", asked, "withdrawal-asked").close()
    look("Cal", "/", "start-waiting").close()
    page = look("Cal", asked, "withdrawal-to-decide")
    follow(page.get_by_role("button", name="Agree"))
    found += violations(page, "withdrawal-done")
    page.close()
    look("Bea", f"{HERE}/history", "history").close()
    for who, address, name in (
        ("Nia", "/", "start-other"),
        ("Eve", "/", "start-evaluator"),
        ("Eve", "/programme", "programme"),
        ("Eve", "/questions", "questions"),
        ("Eve", "/studies", "studies"),
        ("Amy", "/people", "people"),
        ("Amy", "/events", "events"),
        ("Bea", "/account", "account"),
        ("Bea", "/drafts/XXXX", "not-found"),
    ):
        look(who, address, name).close()
    assert found == [], "\n".join(found)


def _submitted(context: BrowserContext, served: Served, file: Path) -> None:
    """See that the return is in, whichever test came first."""
    with Ledger.open(served.workspace.database, served.workspace.raw) as ledger:
        if ledger.receipts():
            return
    page = context.new_page()
    page.goto(f"{HERE}/upload")
    upload(page, filled(file, served.workspace, "219"))
    follow(page.get_by_role("button", name="Go on to submit"))
    page.get_by_label("These are the figures of").check()
    follow(page.get_by_role("button", name="Submit"))
    assert page.get_by_role("heading", name="Accepted").is_visible()
    page.close()


def _an_officers_pages(context: BrowserContext, served: Served, file: Path) -> list[str]:
    page = context.new_page()
    found: list[str] = []
    for address, name in (("/", "start"), (HERE, "return"), (f"{HERE}/upload", "upload")):
        page.goto(address)
        found += violations(page, name)
    follow(page.get_by_role("button", name="Upload and check"))
    found += violations(page, "upload-no-file")
    upload(page, filled(file, served.workspace, "<5"))
    found += violations(page, "draft-faults")
    page.goto(f"{HERE}/upload")
    upload(page, filled(file, served.workspace, "2100"))
    found += violations(page, "draft-questions")
    page.get_by_label("Why it is right").first.fill("a walk-in centre closed")
    follow(page.get_by_role("button", name="Keep the reasons"))
    found += violations(page, "draft-ready")
    follow(page.get_by_role("button", name="Go on to submit"))
    found += violations(page, "submit")
    follow(page.get_by_role("button", name="Submit"))
    found += violations(page, "submit-undeclared")
    page.get_by_label("These are the figures of").check()
    follow(page.get_by_role("button", name="Submit"))
    found += violations(page, "receipt")
    page.goto(HERE)
    found += violations(page, "return-in")
    page.goto(f"{HERE}/withdraw")
    found += violations(page, "withdraw")
    page.close()
    return found


def _asked(context: BrowserContext) -> str:
    page = context.new_page()
    page.goto(f"{HERE}/withdraw")
    page.get_by_label("Why it is withdrawn").fill("counted twice")
    follow(page.get_by_role("button", name="Ask for the withdrawal"))
    found = page.url
    page.close()
    return found


def test_by_keyboard_alone(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/check")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.title().startswith("Error: ")


def test_slow_and_huge_senders_hold_nobody_up(served: Served) -> None:
    host, port = served.address.removeprefix("http://").split(":")
    slow = []
    for _ in range(30):  # more than there are threads
        one = socket.create_connection((host, int(port)), timeout=30)
        one.sendall(
            f"POST {HERE}/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4000000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
        )
        slow.append(one)
    with urllib.request.urlopen(f"{served.address}/health", timeout=60) as answer:
        assert answer.status == 200
    for one in slow:
        one.close()
    with socket.create_connection((host, int(port)), timeout=60) as huge:
        huge.sendall(
            f"POST /check HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000000\r\n\r\n".encode()
        )
        huge.sendall(b"x" * 100_000)
        assert huge.recv(1_000).startswith(b"HTTP/1.1 413")


def test_the_demonstration_lets_somebody_be_chosen_and_no_other_machine_in(
    browser: Browser, tmp_path: Path
) -> None:
    with serving(tmp_path, "--no-work") as running:
        context = browser.new_context(base_url=running.address)
        page = context.new_page()
        page.goto("/")
        assert page.get_by_role("heading", name="Who do you want to be?").is_visible()
        assert violations(page, "choose") == []
        page.get_by_label("officer of S01 nhs").check()
        follow(page.get_by_role("button", name="Go on"))
        assert page.get_by_role("link", name="S01 nhs, 2026 Q3").is_visible()
        context.close()
        done = subprocess.run(
            [*_COMMAND, "--workspace", str(tmp_path), "portal", "serve", "--host", "0.0.0.0"],
            cwd=REPOSITORY,
            env=running.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2 and "other machines could reach it" in done.stderr
