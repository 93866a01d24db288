"""Output checkers and publishers in the portal, on a programme whose figures are real to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from evaluation.disclosure import bundle as bundles
from evaluation.disclosure.bundle import Lacks
from evaluation.disclosure.key import VARIABLE
from evaluation.errors import DisclosureError
from evaluation.ledger.ledger import Ledger
from evaluation.portal import configure
from evaluation.portal.configure import Portal
from evaluation.workspace import Workspace
from tests.journey import pilot_programme as pilot
from tests.journey.at_the_command_line import newstart, told
from tests.once import once
from tests.portal.conftest import EMPTY_TABLES, client, person
from tests.portal.roots import LEFT, OFFICERS, lock

STUDY = pilot.STUDY


def _ran(place: Path, locked: Path) -> None:
    shutil.copytree(locked, place, dirs_exist_ok=True)
    for name in LEFT:
        pilot.send(place / "workspace", place / "in" / name)
    newstart(place / "workspace", "study", "run", STUDY)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "roots-locked", lock)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, locked: Path) -> Path:
    """The small programme with its study run, before anything was asked for."""
    made = once(tmp_path_factory, "roots-run", lambda place: _ran(place, locked))
    return made / "workspace"


def _opened(root: Path) -> Portal:
    held = Portal(workspace=Workspace(root=root), programme_name=pilot.NAME)
    held.folder.mkdir(parents=True)
    shutil.copy(EMPTY_TABLES, held.folder / "portal.sqlite")
    configure.begin(held)
    return held


@pytest.fixture
def released(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """A portal on that programme, with its key and its people, each by the name of its list."""
    from django.db import connections

    root = tmp_path / "workspace"
    shutil.copytree(ran, root)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "key"))
    newstart(root, "disclosure", "key", "create", str(tmp_path / "key"))
    portal = _opened(root)
    people = {
        name: person(name, role)
        for name, role in (
            ("Eve", "evaluator"),
            ("Per", "publisher"),
            ("Cat", "checker"),
            ("Dot", "checker"),
            ("Mo", "checker"),
            ("Adi", "admin"),
        )
    }
    yield {"portal": portal, "root": root, **{n: client(p) for n, p in people.items()}}
    connections["default"].close()


def sends(who: str, path: Path) -> str:
    """An officer takes a return through the portal's pages; where the receipt is."""
    from tests.portal.conftest import submit, the_draft, upload

    site, agency, _ = path.stem.split("_")
    browser = client(person(who, "officer", site, agency))
    to = f"/returns/{site}/{agency}/2026-Q2"
    assert "Due" in words(browser.get("/")) or "Late" in words(browser.get("/"))
    draft = the_draft(upload(browser, path, to=to))
    asked = {f"reason-{n}": "looked up in the register" for n in range(40)}
    browser.post(f"/drafts/{draft.number}/answers", asked)
    answer = submit(browser, draft)
    assert answer.status_code == 303, words(answer)
    assert "Accepted" in words(browser.get(answer["Location"]))
    return str(answer["Location"])


def test_a_programme_from_its_officers_to_its_reader(
    locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three officers send, the study is run, two check, one publishes, somebody reads."""
    from django.db import connections

    from evaluation.edition.past import History
    from evaluation.portal.outbox import work as do

    root = tmp_path / "workspace"
    shutil.copytree(locked / "workspace", root)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "key"))
    newstart(root, "disclosure", "key", "create", str(tmp_path / "key"))
    portal = _opened(root)
    for who, name in zip(OFFICERS, LEFT, strict=True):
        sends(who, locked / "in" / name)
    eve, cat, dot, per = (
        client(person(name, role))
        for name, role in (
            ("Eve", "evaluator"),
            ("Cat", "checker"),
            ("Dot", "checker"),
            ("Per", "publisher"),
        )
    )
    assert eve.post("/studies/first_look/run").status_code == 303
    # From here on by the worker itself, each verb in a process of its own.
    assert do(portal, once=True) == 1
    assert "Run " in words(eve.get("/studies")), words(eve.get("/studies"))
    assert eve.post("/releases/ask", {"study": STUDY}).status_code == 303
    assert do(portal, once=True) == 1
    name = bundles.read_bundle(portal.workspace, pilot.NAME).name
    assert "frozen" in words(eve.get("/releases"))
    refused(per.post("/publish"), "approved by no checker", "A checker who has not said so yet")
    for checker in (cat, dot):
        form = {"decision": "approve", "note": "every new value"}
        assert checker.post(f"/releases/{name}/decide", form).status_code == 303
    assert per.post("/publish").status_code == 303
    assert do(portal, once=True) == 1
    assert "published" in words(per.get("/publish")), words(per.get("/publish"))
    # The reader, who has the edition's files and nothing else.
    (edition,) = History.read(portal.workspace).editions
    told_ = (edition.folder / "headline.json").read_text("utf-8")
    assert edition.name == "2026-Q2" and "evictions" in told_
    with Ledger.open(portal.workspace.database, portal.workspace.raw) as ledger:
        by = {one.by for one in ledger.receipts(pilot.NAME)}
        assert set(OFFICERS) <= by and ledger.verify().ok
        assert [one.signed.by for one in ledger.signatures(pilot.NAME)] == [
            "Eve",
            "Cat",
            "Dot",
            "Per",
        ]
    connections["default"].close()


def words(answer: Any) -> str:
    return " ".join(BeautifulSoup(answer.content, "html.parser").select_one("main").text.split())


def asked(held: dict[str, Any]) -> str:
    """A release that Eve asks for on its page, and the worker freezes; its name."""
    answer = held["Eve"].post("/releases/ask", {"study": STUDY, "exceptions": "none \n\n"})
    assert answer.status_code == 303, words(answer)
    work(held["portal"])
    return bundles.read_bundle(held["portal"].workspace, pilot.NAME).name


def work(portal: Portal) -> None:
    """What the worker does, the command line's verbs in this process."""
    from evaluation.portal.models import Outgoing
    from evaluation.portal.outbox import WORK, _verb
    from evaluation.quarters import now

    for one in Outgoing.objects.filter(kind__in=WORK, state="waiting"):
        code, _, err = told(portal.workspace.root, "--programme", pilot.NAME, *_verb(one))
        one.state, one.said, one.done = ("sent" if code == 0 else "failed"), err[-300:], now()
        one.save()


def say(held: dict[str, Any], who: str, bundle: str, decision: str, note: str = "looked") -> Any:
    return held[who].post(f"/releases/{bundle}/decide", {"decision": decision, "note": note})


def kinds(held: dict[str, Any]) -> list[str]:
    with Ledger.open(held["portal"].workspace.database, held["portal"].workspace.raw) as ledger:
        return [one.signed.kind for one in ledger.signatures(pilot.NAME)]


def refused(answer: Any, what: str, do: str) -> None:
    """A page, and no more than that: what is missing and who sees to it."""
    text = words(answer)
    assert answer.status_code == 422 and "Something is missing" in text, text
    assert what in text and do in text, text
    assert "--as" not in text and "newstart" not in text, text


def test_from_the_request_to_the_edition_with_every_refusal_on_the_way(
    released: dict[str, Any],
) -> None:
    held = released
    per = held["Per"]
    refused(per.post("/publish"), "No release was asked for", "An evaluator asks for a release")
    assert "No release was asked for" in words(per.get("/publish"))
    name = asked(held)
    page = f"/releases/{name}"
    assert kinds(held) == ["request"]
    text = words(held["Cat"].get(page))
    for part in ("What an attacker could find", "Exceptions", "new", "The counts behind it"):
        assert part in text
    refused(per.post("/publish"), "approved by no checker", "A checker who has not said so yet")
    refused(say(held, "Mo", name, "approve"), "Mo is no output checker", "programme.yaml")
    assert say(held, "Cat", name, "approve", note="").status_code == 422
    assert say(held, "Cat", name, "perhaps").status_code == 422
    assert kinds(held) == ["request"], "nothing of that was signed"
    assert say(held, "Cat", name, "approve").status_code == 303
    refused(per.post("/publish"), "approved by Cat alone", "A checker who has not said so yet")
    assert say(held, "Dot", name, "changes", "one picture is too fine").status_code == 303
    refused(per.post("/publish"), "Dot asked for changes", "See to what the note says")
    assert "one picture is too fine" in words(held["Eve"].get(page))
    assert say(held, "Dot", name, "refuse", "not at all").status_code == 303
    refused(per.post("/publish"), "refused by Dot", "See to what the note says")
    assert say(held, "Dot", name, "approve", "mended").status_code == 303
    assert "it may be published" in words(held["Dot"].get(page))
    published(held, name)
    withdrawn(held)


def published(held: dict[str, Any], name: str) -> None:
    """The publisher publishes; the register has it, and the chain says who did what."""
    answer = held["Per"].post("/publish", {"reason": ""})
    assert answer.status_code == 303
    work(held["portal"])
    assert "published" in words(held["Per"].get("/publish"))
    said = kinds(held)
    assert said[-1] == "publication" and said.count("request") == 1
    with Ledger.open(held["portal"].workspace.database, held["portal"].workspace.raw) as ledger:
        assert ledger.signatures(pilot.NAME)[-1].signed.by == "Per"
        assert ledger.verify().ok
        lines = ledger.register(pilot.NAME)
    assert lines and held["Cat"].get("/register.csv").content.count(b"\r\n") == len(lines) + 1
    assert "Published" in words(held["Cat"].get("/releases"))


def withdrawn(held: dict[str, Any]) -> None:
    """A checker withdraws a printed value; nobody else may, and nothing else is taken for one."""
    with Ledger.open(held["portal"].workspace.database, held["portal"].workspace.raw) as ledger:
        address = ledger.register(pilot.NAME)[0].address
    form = {"address": address, "note": "it shows somebody"}
    for who in ("Eve", "Per", "Adi"):
        assert held[who].post("/register/withdraw", form).status_code == 404
    for wrong in (form | {"note": " "}, form | {"address": "elsewhere.first"}, {}):
        assert held["Cat"].post("/register/withdraw", wrong).status_code == 422
    refused(held["Mo"].post("/register/withdraw", form), "Mo is no output checker", "role checker")
    assert "cell withdrawn" not in kinds(held)
    assert held["Cat"].post("/register/withdraw", form).status_code == 303
    assert kinds(held)[-1] == "cell withdrawn"
    assert "Withdrawn" in words(held["Cat"].get(f"/register?find={address}"))


def test_what_is_missing_before_a_release_can_be_asked_for(
    released: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held, root = released, released["root"]
    form = {"study": STUDY}

    def ask() -> Any:
        return held["Eve"].post("/releases/ask", form)

    assert held["Eve"].post("/releases/ask", {"study": "roots/other"}).status_code == 422
    pilot.agree(root, expires="2026-01-01")
    refused(ask(), "ended on 2026-01-01", "renews the agreement")
    pilot.agree(root, method="nhs_2018")
    refused(ask(), "nhs_2018", "renews the agreement")
    (root / "studies/roots/agreements.yaml").unlink()
    refused(ask(), "No agreement covers", "renews the agreement")
    pilot.agree(root)
    monkeypatch.delenv(VARIABLE)
    refused(ask(), "No disclosure key is named", "NEWSTART_DISCLOSURE_KEY_FILE")
    refused(held["Per"].post("/publish"), "No disclosure key", "NEWSTART_DISCLOSURE_KEY_FILE")
    from evaluation.portal.models import Outgoing

    assert not Outgoing.objects.exists() and kinds(held) == []
    stranger = client(person("Uma", "evaluator"))
    refused(stranger.post("/releases/ask", form), "Uma is nobody", "under people")


def test_a_bundle_that_is_stale_changed_or_not_audited_is_not_approved(
    released: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held, root = released, released["root"]
    name = asked(held)
    path = root / f"var/release/roots/{name}.json"
    pilot.agree(root, retention="one year")
    refused(
        say(held, "Cat", name, "approve"), "the agreements changed", "asks for the release anew"
    )
    assert "It is stale: the agreements" in words(held["Cat"].get(f"/releases/{name}"))
    # What is stale may still be refused: that takes nothing out.
    assert say(held, "Cat", name, "refuse", "stale").status_code == 303
    pilot.agree(root)
    whole = path.read_text("utf-8")
    path.write_text(whole.replace('"exceptions": [', '"exceptions": ["x", '), "utf-8")
    refused(held["Cat"].get(f"/releases/{name}"), "not as it was frozen", "changed or lost")
    refused(say(held, "Dot", name, "approve"), "not as it was frozen", "changed or lost")
    path.unlink()
    refused(held["Cat"].get(f"/releases/{name}"), "file is missing", "changed or lost")
    assert "the bundle's file is missing" in words(held["Cat"].get("/releases")).casefold()
    path.write_text(whole, "utf-8")
    monkeypatch.delenv(VARIABLE)
    refused(held["Cat"].get(f"/releases/{name}"), "No disclosure key", "begins the portal")
    assert held["Cat"].get("/releases/000000000000").status_code == 404


def _frozen(held: dict[str, Any], **changes: Any) -> str:
    """A bundle like that of the fixture but for something, frozen as another request."""
    workspace, programme = held["portal"].workspace, held["portal"].programme
    name = asked(held)
    content = {**bundles.read_bundle(workspace, pilot.NAME, name).content, **changes}
    return bundles.freeze(
        workspace, programme, {k: v for k, v in content.items() if v is not None}
    ).name


def test_four_eyes_and_the_audit(released: dict[str, Any]) -> None:
    held = released
    workspace, programme = held["portal"].workspace, held["portal"].programme
    own = _frozen(held, asked_by="Cat")
    refused(say(held, "Cat", own, "approve"), "Cat asked for this release", "Another checker")
    assert "nobody checks what they asked for" in words(held["Cat"].get(f"/releases/{own}"))
    # Who gives roles approves nothing, whatever else they are.
    person("Dot", "admin")
    answer = say(held, "Dot", own, "approve")
    assert answer.status_code == 404
    assert "who gives roles approves nothing" in words(held["Dot"].get(f"/releases/{own}"))
    for who, path in (
        ("Adi", "/publish"),
        ("Adi", "/releases"),
        ("Eve", f"/releases/{own}/counts.csv"),
    ):
        assert held[who].get(path).status_code == 404
    found = bundles.read_bundle(workspace, pilot.NAME, own).content
    failed = _frozen(held, audit=dict(found["audit"]) | {"ok": False, "fewest": 3})
    refused(say(held, "Cat", failed, "approve"), "fewer values left", "which printed figures bind")
    bare = _frozen(held, audit=None)
    refused(say(held, "Cat", bare, "approve"), "holds no audit", "asks for the release anew")
    assert "It holds no audit" in words(held["Cat"].get(f"/releases/{bare}"))
    missing = bundles.what_is_missing(workspace, programme)
    assert missing is not None and missing.why == "audit"


def test_who_publishes_is_not_the_only_checker(released: dict[str, Any]) -> None:
    root = released["root"]
    declared = root / "studies/roots/programme.yaml"
    text = declared.read_text("utf-8")
    both = text.replace("Cat, roles: [checker]", "Cat, roles: [checker, publisher]")
    assert both != text
    declared.write_text(both, "utf-8")
    workspace = released["portal"].workspace
    name = asked(released)
    programme = released["portal"].programme
    bundle = bundles.read_bundle(workspace, pilot.NAME, name)
    bundles.sign_off(workspace, programme, bundle, "approval", by="Cat", note="looked")
    with pytest.raises(DisclosureError, match="nobody but Cat") as alone:
        bundles.refuse_publisher(workspace, programme, "Cat")
    assert alone.value.why == "only checker"
    with pytest.raises(DisclosureError, match="Dot is no publisher"):
        bundles.refuse_publisher(workspace, programme, "Dot")
    bundles.refuse_publisher(workspace, programme, "Per")
    bundles.sign_off(workspace, programme, bundle, "approval", by="Dot", note="looked")
    bundles.refuse_publisher(workspace, programme, "Cat")
    code, _, err = told(root, "edition", "publish", "--no-pages", "--as", "Dot")
    assert code == 2 and "Dot is no publisher" in err


def test_a_checker_who_says_no_while_the_edition_is_made_is_heard(
    released: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.portal.models import Outgoing
    from evaluation.publish import publish

    held, real = released, publish.refresh_studies
    name = asked(held)
    for who in ("Cat", "Dot"):
        assert say(held, who, name, "approve").status_code == 303

    def meanwhile(*given: Any) -> Any:
        assert say(held, "Dot", name, "refuse", "it shows somebody").status_code == 303
        return real(*given)

    monkeypatch.setattr(publish, "refresh_studies", meanwhile)
    assert held["Per"].post("/publish").status_code == 303
    work(held["portal"])
    assert "was refused by Dot" in Outgoing.objects.get(kind="edition").said
    assert "publication" not in kinds(held)
    with Ledger.open(held["portal"].workspace.database, held["portal"].workspace.raw) as ledger:
        assert not ledger.register(pilot.NAME), "nothing of it is in the register"


@pytest.mark.parametrize("tried_out", [True, False])
def test_who_tries_invented_figures_out_walks_the_way_of_real_ones(
    released: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tried_out: bool
) -> None:
    """`make portal`: invented figures need no release, and there they are asked for one."""
    from django.conf import settings

    from evaluation.portal.models import Outgoing

    held = released
    # What the rule of publishing says of a programme whose figures are invented.
    monkeypatch.setattr("evaluation.publish.publish.refuse_publication", lambda *_, **__: None)
    monkeypatch.setattr(settings, "PORTAL", replace(held["portal"], demonstration=tried_out))

    def lacks(what: str) -> None:
        answer = held["Per"].post("/publish")
        shown = words(held["Per"].get("/publish")).casefold()
        assert (what.casefold() in shown) == tried_out
        if tried_out:
            refused(answer, what, "")
            assert not Outgoing.objects.filter(kind="edition").exists()
        else:
            assert answer.status_code == 303
            Outgoing.objects.filter(kind="edition").delete()

    lacks("No release was asked for")
    name = asked(held)
    lacks("approved by no checker")
    say(held, "Cat", name, "approve")
    lacks("approved by Cat alone")
    say(held, "Dot", name, "approve")
    assert held["Per"].post("/publish").status_code == 303
    assert Outgoing.objects.filter(kind="edition").count() == 1


def test_each_kind_of_lack_has_its_words() -> None:
    from typing import get_args

    from evaluation.portal.views.release import DO

    assert set(DO) == set(get_args(Lacks))
    assert all("newstart" not in text and "--" not in text for text in DO.values())


def test_the_portal_and_the_command_line_say_the_same(released: dict[str, Any]) -> None:
    root = released["root"]
    name = asked(released)
    newstart(root, "release", "approve", name, "--as", "Cat", "--note", "by the command line")
    assert "by the command line" in words(released["Dot"].get(f"/releases/{name}"))
    say(released, "Dot", name, "changes", "by the portal")
    shown = json.loads(newstart(root, "release", "show", name, "--json"))
    assert shown["approvals"] == ["Cat"] and shown["changes_asked"] == ["Dot"]
    assert not shown["complete"]
    assert "by the portal" in newstart(root, "release", "show", name)
    newstart(root, "release", "changes", name, "--as", "Cat", "--note", "after all")
    assert json.loads(newstart(root, "release", "show", name, "--json"))["changes_asked"] == [
        "Cat",
        "Dot",
    ]
