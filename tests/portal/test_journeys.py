"""Twenty-five journeys: five roles, five acts, each by the links and forms that pages offer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from evaluation.cli import app
from evaluation.ledger.ledger import Ledger
from evaluation.portal.configure import Portal
from tests.journey.at_the_command_line import told
from tests.portal.conftest import clean, client, person, submit, the_draft, upload

ROLES = ("officer", "evaluator", "checker", "publisher", "admin")
R = "/returns/S01/nhs/2026-Q3"


class Way:
    """Somebody who goes by what stands on the pages: links, buttons and forms, and nothing else."""

    def __init__(self, who: Any) -> None:
        self.browser, self.at = client(who), "/"
        self.go("/")

    def go(self, path: str) -> None:
        answer = self.browser.get(path, follow=True)
        assert answer.status_code == 200, path
        self.at, self.page = path, BeautifulSoup(answer.content, "html.parser")

    def offers(self, words: str) -> str | None:
        """Where the first link or button with these words leads."""
        found = (a for a in self.page.select("a[href]") if words in " ".join(a.text.split()))
        link = next(found, None)
        return str(link["href"]) if link else None

    def follow(self, *words: str) -> bool:
        """Follow links one after the other; False at the first that is not offered."""
        for one in words:
            to = self.offers(one)
            if to is None:
                return False
            self.go(to)
        return True

    def send(self, button: str, **typed: Any) -> bool:
        """Send the form that has this button; False where there is none."""
        for form in self.page.select("form"):
            found = [b for b in form.select("button") if button in " ".join(b.text.split())]
            if not found:
                continue
            hidden = {i["name"]: i["value"] for i in form.select("input[type=hidden]")}
            chosen = {found[0]["name"]: found[0]["value"]} if found[0].get("name") else {}
            to = str(form.get("action") or self.at)
            answer = self.browser.post(to, hidden | chosen | typed, follow=True)
            assert answer.status_code == 200, (to, answer.status_code)
            self.at = answer.request["PATH_INFO"]
            self.page = BeautifulSoup(answer.content, "html.parser")
            return True
        return False


def returns(portal: Portal) -> list[str]:
    with Ledger.open(portal.workspace.database, portal.workspace.raw) as ledger:
        gone = {one.return_id for one in ledger.acts()}
        return [one.return_id for one in ledger.receipts() if one.return_id not in gone]


def send_a_return(way: Way, portal: Portal, folder: Path) -> bool:
    from django.core.files.uploadedfile import SimpleUploadedFile

    if not way.follow("S01 nhs, 2026 Q3", "Upload a correction"):
        return False
    path = clean(folder, attendances="222")
    assert way.send("Upload and check", file=SimpleUploadedFile(path.name, path.read_bytes()))
    assert way.follow("Go on to submit")
    assert way.send("Submit", declared="yes")
    assert way.page.h1.text == "Accepted"
    return len(returns(portal)) == 2


def agree_to_a_withdrawal(way: Way, portal: Portal, folder: Path) -> bool:
    if not way.follow("asks to withdraw the return of S01 nhs"):
        return False
    assert way.send("Agree: withdraw it")
    assert "agreed to and withdrawn" in way.page.text
    return returns(portal) == []


def look_at_what_came_in(way: Way, portal: Portal, folder: Path) -> bool:
    return way.follow("What came in") and returns(portal)[0] in way.page.text


def run_a_study(way: Way, portal: Portal, folder: Path) -> bool:
    from evaluation.portal import outbox

    if not way.follow("Studies"):
        return False
    assert way.send("Run first")
    assert "It waits to be run" in way.page.text
    assert outbox.work(portal, once=True, send=lambda _: None) == 1
    way.go("/studies")
    # Its protocol is not a whole one: it is run by the command line's verb, which says so.
    return "It could not be run" in way.page.text and "protocol" in way.page.text


def invite_somebody(way: Way, portal: Portal, folder: Path) -> bool:
    from datetime import timedelta

    from evaluation.quarters import now

    if not way.follow("People"):
        return False
    until = (now() + timedelta(days=30)).date().isoformat()
    typed = {"name": "Zoe Zane", "email": "zoe@example.org", "role": "evaluator", "sends": ""}
    assert way.send("Give the role", **typed, until=until, reason="joined")
    return "/invitations/" in way.page.select_one("#link").text and way.follow("What happened")


WAYS: dict[Callable[[Way, Portal, Path], bool], set[str]] = {
    send_a_return: {"officer"},
    agree_to_a_withdrawal: {"officer", "publisher"},
    look_at_what_came_in: {"evaluator", "checker", "publisher"},
    run_a_study: {"evaluator"},
    invite_somebody: {"admin"},
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("act", WAYS, ids=lambda act: act.__name__)
def test_a_journey_is_offered_to_who_may_and_to_nobody_else(
    act: Callable[[Way, Portal, Path], bool], role: str, portal: Portal, tmp_path: Path
) -> None:
    (portal.workspace.studies / "tiny" / "first").mkdir()
    (portal.workspace.studies / "tiny" / "first" / "protocol.yaml").write_text("x: 1\n")
    ada = client(person("Ada Ashworth", "officer", "S01", "nhs"))
    submit(ada, the_draft(upload(ada, clean(tmp_path))))
    if act is agree_to_a_withdrawal:
        ada.post(f"{R}/withdraw", {"reason": "counted twice"})
    whose = ("S01", "nhs") if role == "officer" else ("", "")
    way = Way(person("Ben Booth", role, *whose))
    assert act(way, portal, tmp_path) is (role in WAYS[act])


def test_a_back_up_holds_the_drafts_and_gives_them_back(
    officer: Any, portal: Portal, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    browser = client(officer)
    submit(browser, the_draft(upload(browser, clean(tmp_path))))
    draft = the_draft(upload(browser, clean(tmp_path, attendances="<5")))
    kept, other = tmp_path_factory.mktemp("kept") / "new", tmp_path_factory.mktemp("other")
    root, runner = portal.workspace.root, CliRunner()
    done = runner.invoke(app, ["--workspace", str(root), "ledger", "backup", str(kept)])
    assert done.exit_code == 0 and "2 files of its drafts" in done.stderr, done.stderr
    assert not (kept / "portal" / "keys").exists()
    (other / "studies").mkdir()
    done = runner.invoke(app, ["--workspace", str(other), "ledger", "restore", str(kept)])
    assert done.exit_code == 0, done.stderr
    back = other / "var" / "portal"
    assert (back / "drafts" / draft.stored).read_bytes() == (
        portal.uploaded / draft.stored
    ).read_bytes()
    assert (back / "portal.sqlite").stat().st_mode & 0o077 == 0
    again = runner.invoke(app, ["--workspace", str(other), "ledger", "restore", str(kept)])
    assert again.exit_code != 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["keys"], 0, "1 key in"),
        (["keys", "rotate"], 0, "2 keys in"),
        (["keys", "eat"], 2, "shown or rotated"),
        (["check"], 1, "Nobody is admin."),
        (["grant", "Nobody", "--role", "admin"], 2, "nobody is called 'Nobody'"),
        (["work", "--once"], 0, "0 done."),
    ],
)
def test_the_verbs_say_what_they_did(
    portal: Portal, arguments: list[str], code: int, said: str
) -> None:
    found, out, err = told(portal.workspace.root, "portal", *arguments)
    assert found == code and said in out + err, err
