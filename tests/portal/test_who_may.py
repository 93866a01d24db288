"""Every address of the portal against every role: what is answered stands in one table."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluation.disclosure import bundle as bundles
from evaluation.disclosure import key
from evaluation.portal.configure import Portal
from evaluation.portal.permissions import Act, Role, Thing, may
from evaluation.quarters import now
from tests.portal.conftest import clean, client, person, submit, the_draft, upload

R = "/returns/S01/nhs/2026-Q3"
IN, NOT, ON = "answers", "not found", "goes to sign in"
OFFICER, OTHER, EVALUATOR, CHECKER, PUBLISHER, ADMIN, NOBODY = (
    "officer",
    "officer of another site",
    "evaluator",
    "checker",
    "publisher",
    "admin",
    "somebody without a role",
)
PEOPLE = (OFFICER, OTHER, EVALUATOR, CHECKER, PUBLISHER, ADMIN, NOBODY)
ALL = frozenset(PEOPLE)
SENDS = frozenset({OFFICER})
SEES = frozenset({OFFICER, EVALUATOR, PUBLISHER})
TEAM = frozenset({EVALUATOR, CHECKER, PUBLISHER})
STUDIES, PEOPLE_PAGES, ANYBODY = frozenset({EVALUATOR}), frozenset({ADMIN}), None
CHECKS, PUBLISHES = frozenset({CHECKER}), frozenset({PUBLISHER})

# Address, how it is asked, and whom it answers; everybody else finds nothing there.
TABLE: tuple[tuple[str, str, frozenset[str] | None], ...] = (
    ("/health", "GET", ANYBODY),
    ("/about", "GET", ANYBODY),
    ("/sign-in", "GET", ANYBODY),
    ("/forgotten", "GET", ANYBODY),
    ("/check", "GET", ANYBODY),
    ("/sign-in/code", "GET", frozenset()),  # only between a password and a code
    ("/sign-in/set-up", "GET", frozenset()),
    ("/sign-in/service", "GET", frozenset()),  # there is no service here
    ("/sign-in/back", "GET", frozenset()),
    ("/sign-in/keys", "GET", frozenset()),
    ("/invitations/{token}/service", "GET", frozenset()),
    ("/invitations/{token}", "GET", ANYBODY),
    ("/", "GET", ALL),
    ("/account", "GET", ALL),
    ("/sign-out", "POST", ALL),
    (R, "GET", SEES),
    (f"{R}/template.xlsx", "GET", SEES),
    (f"{R}/template.csv", "GET", SEES),
    (f"{R}/history", "GET", SEES),
    (f"{R}/upload", "GET", SENDS),
    (f"{R}/upload", "POST", SENDS),
    (f"{R}/withdraw", "GET", SENDS),
    (f"{R}/withdraw", "POST", SENDS),
    ("/drafts/{draft}", "GET", SENDS),
    ("/drafts/{draft}/report.json", "GET", SENDS),
    ("/drafts/{draft}/report.txt", "GET", SENDS),
    ("/drafts/{draft}/marked.xlsx", "GET", SENDS),
    ("/drafts/{draft}/submit", "GET", SENDS),
    ("/drafts/{draft}/submit", "POST", SENDS),
    ("/drafts/{draft}/answers", "POST", SENDS),
    ("/drafts/{draft}/share", "POST", SENDS),
    ("/drafts/{draft}/discard", "POST", SENDS),
    ("/receipts/{receipt}", "GET", SEES),
    ("/receipts/{receipt}.json", "GET", SEES),
    ("/receipts/{receipt}.html", "GET", SEES),
    ("/withdrawals/{withdrawal}", "GET", SEES),
    ("/withdrawals/{withdrawal}", "POST", frozenset({PUBLISHER})),  # the officer asked for it
    ("/letters/S01/2026-Q3", "GET", frozenset()),  # there is no edition to write one from
    ("/programme", "GET", TEAM),
    ("/questions", "GET", TEAM),
    ("/questions.csv", "GET", TEAM),
    ("/studies", "GET", STUDIES),
    ("/studies/first/run", "POST", STUDIES),
    ("/releases", "GET", TEAM),
    ("/releases/ask", "POST", STUDIES),
    ("/releases/{bundle}", "GET", TEAM),
    ("/releases/{bundle}/values.csv", "GET", TEAM),
    ("/releases/{bundle}/counts.csv", "GET", CHECKS),
    ("/releases/{bundle}/decide", "POST", CHECKS),
    ("/register", "GET", TEAM),
    ("/register.csv", "GET", TEAM),
    ("/register/withdraw", "POST", CHECKS),
    ("/publish", "GET", PUBLISHES),
    ("/publish", "POST", PUBLISHES),
    ("/people", "GET", PEOPLE_PAGES),
    ("/people/invite", "POST", PEOPLE_PAGES),
    ("/people/{other}/lock", "POST", PEOPLE_PAGES),
    ("/people/{other}/unlock", "POST", PEOPLE_PAGES),
    ("/people/{other}/reset", "POST", PEOPLE_PAGES),
    ("/grants/{grant}/end", "POST", PEOPLE_PAGES),
    ("/events", "GET", PEOPLE_PAGES),
    ("/events.csv", "GET", PEOPLE_PAGES),
)


@pytest.fixture
def people(portal: Portal) -> dict[str, Any]:
    """One of each role, and somebody whose only role has ended."""
    from evaluation.portal.models import Grant

    found = {
        OFFICER: person("Ada Ashworth", "officer", "S01", "nhs"),
        OTHER: person("Ben Booth", "officer", "S02", "council"),
        **{role: person(f"{role} Carr", role) for role in (EVALUATOR, CHECKER, PUBLISHER, ADMIN)},
        NOBODY: person("Nia Nash", "evaluator"),
    }
    Grant.objects.filter(person=found[NOBODY]).update(ends=now() - timedelta(days=1))
    return found


@pytest.fixture
def things(portal: Portal, people: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    """A draft, a receipt, a withdrawal that was asked for, a link: what addresses name."""
    from evaluation.portal import accounts
    from evaluation.portal.models import Grant

    (portal.workspace.studies / "tiny" / "first").mkdir()
    (portal.workspace.studies / "tiny" / "first" / "protocol.yaml").write_text("x: 1\n")
    browser = client(people[OFFICER])
    held = submit(browser, the_draft(upload(browser, clean(tmp_path))))["Location"]
    asked = browser.post(f"{R}/withdraw", {"reason": "counted twice"})["Location"]
    draft = the_draft(upload(browser, clean(tmp_path, attendances="211")))
    spare = person("Zoe Zane", "evaluator")
    grant = Grant.objects.get(person=spare)
    return {
        "draft": draft.number,
        "receipt": held.rpartition("/")[2],
        "withdrawal": asked.rpartition("/")[2],
        "token": accounts.make_link(spare, "invitation", by="test").path.rpartition("/")[2],
        "other": str(spare.pk),
        "bundle": _bundle(portal, tmp_path),
        "grant": str(grant.pk),
    }


def _bundle(portal: Portal, folder: Path) -> str:
    """A release as it would be frozen, with nothing in it."""
    empty = {"printed": [], "hidden": [], "withheld": [], "exceptions": [], "agreements": []}
    content = {
        **empty,
        "study": "tiny/first",
        "asked_by": "Eve",
        "asked": "2026-10-10",
        "rests_on": {},
        "audit": {"ok": True, "fewest": None},
        "difference": {"new": [], "changed": [], "dropped": []},
        "underlying_counts": [],
    }
    key.create(folder.parent / f"{folder.name}-key", folder)
    return bundles.freeze(portal.workspace, portal.programme, content).name


def answered(browser: Any, address: str, method: str) -> str:
    answer = browser.generic(method, address)
    assert answer.status_code < 500, (address, answer.status_code)
    if answer.status_code == 404:
        return NOT
    on = answer.status_code == 303 and answer["Location"].startswith("/sign-in?")
    return ON if on else IN


def test_every_address_is_in_the_table() -> None:
    from evaluation.portal.addresses import urlpatterns

    shapes = {_shape(f"/{one.pattern}") for one in urlpatterns}
    listed = {_shape(re.sub(r"\{\w+\}|S01|nhs|2026-Q3", "X", address)) for address, *_ in TABLE}
    listed = {re.sub(r"/studies/first", "/studies/X", one) for one in listed}
    assert shapes == listed


def _shape(pattern: str) -> str:
    """An address with its parts as X, and the endings that one pattern takes as one."""
    plain = pattern.replace("/^", "/").rstrip("$").replace("\\.", ".")
    plain = re.sub(r"\(\?P<(ending|change)>[^)]*\)", "Y", plain)
    plain = re.sub(r"<[^>]+>|\(\?P<\w+>[^)]*\)", "X", plain)
    plain = re.sub(r"(template|report|receipts/X)\.(xlsx|csv|json|txt|html)$", r"\1.Y", plain)
    return re.sub(r"/(lock|unlock|reset)$", "/Y", plain)


@pytest.mark.parametrize("who", [*PEOPLE, None])
def test_each_address_answers_whom_the_table_says(
    who: str | None, people: dict[str, Any], things: dict[str, str]
) -> None:
    found, wanted = {}, {}
    # What removes a thing is asked last, so that the others still find it.
    last = ("submit", "discard", "share", "end", "lock", "reset", "invitations", "withdrawals")
    order = sorted(TABLE, key=lambda row: (row[1] == "POST", any(w in row[0] for w in last)))
    for address, method, allowed in order:
        browser = client(people[who] if who else None)
        key = (address, method)
        found[key] = answered(browser, address.format(**things), method)
        if allowed is None:
            wanted[key] = IN
        elif who is None:
            wanted[key] = NOT if address.startswith(("/sign-in/", "/invitations/")) else ON
        else:
            wanted[key] = IN if who in allowed else NOT
    assert found == wanted


def test_what_is_not_there_reads_as_what_is_anothers(
    people: dict[str, Any], things: dict[str, str]
) -> None:
    browser = client(people[OTHER])
    for real, made_up in (
        (f"/drafts/{things['draft']}", "/drafts/XXXXXXXXXX"),
        (f"/receipts/{things['receipt']}", "/receipts/000000000000"),
        (R, "/returns/S09/nhs/2026-Q3"),
    ):
        pages = [browser.get(address) for address in (real, made_up)]
        assert [page.status_code for page in pages] == [404, 404]
        bare = [
            re.sub(rb"<strong class=\"portal-key\">.*?</strong>", b"", p.content) for p in pages
        ]
        tokens = [re.sub(rb'value="[A-Za-z0-9]{64}"', b"", one) for one in bare]
        assert tokens[0] == tokens[1]


def test_a_method_that_an_address_does_not_have_is_refused(people: dict[str, Any]) -> None:
    browser = client(people[OFFICER])
    for address, method in (("/sign-out", "GET"), ("/", "POST"), (R, "DELETE"), ("/check", "PUT")):
        assert browser.generic(method, address).status_code == 405, (address, method)


ACTS = {
    Role.OFFICER: {
        Act.SEE_RETURN,
        Act.SEE_DRAFT,
        Act.PREPARE,
        Act.SUBMIT,
        Act.ASK_WITHDRAWAL,
        Act.AGREE_WITHDRAWAL,
        Act.SEE_LETTER,
    },
    Role.EVALUATOR: {
        Act.SEE_RETURN,
        Act.SEE_PROGRAMME,
        Act.RUN_STUDY,
        Act.SEE_LETTER,
        Act.SEE_RELEASES,
        Act.ASK_RELEASE,
    },
    Role.CHECKER: {Act.SEE_PROGRAMME, Act.SEE_RELEASES, Act.CHECK_RELEASE, Act.WITHDRAW_CELL},
    Role.PUBLISHER: {
        Act.SEE_RETURN,
        Act.SEE_PROGRAMME,
        Act.AGREE_WITHDRAWAL,
        Act.SEE_RELEASES,
        Act.PUBLISH,
    },
    Role.ADMIN: {Act.SEE_PEOPLE, Act.CHANGE_PEOPLE, Act.SEE_EVENTS},
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("act", list(Act))
def test_what_a_role_may(portal: Portal, role: Role, act: Act) -> None:
    where = ("S01", "nhs") if role is Role.OFFICER else ("", "")
    who, thing = person("Ada Ashworth", role, *where), Thing(site="S01", agency="nhs", by="another")
    everybody = {Act.SEE_START, Act.OWN_ACCOUNT}
    assert may(who, act, thing) is (act in ACTS[role] | everybody)
    assert not may(None, act, thing)
    elsewhere = Thing(site="S02", agency="council")
    if role is Role.OFFICER and act not in everybody:
        assert not may(who, act, elsewhere)
    who.locked = True
    assert not may(who, act, thing)


def test_a_role_ends_on_its_day(portal: Portal) -> None:
    from evaluation.portal.models import Grant

    who = person("Ada Ashworth", "officer", "S01", "nhs")
    browser = client(who)
    assert browser.get(R).status_code == 200
    Grant.objects.update(ends=now())
    assert browser.get(R).status_code == 404
    assert "You have access to nothing yet" in browser.get("/").content.decode()
