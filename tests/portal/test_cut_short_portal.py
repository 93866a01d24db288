"""What a worker or a restore that was cut short left: it goes on, and nothing is lost."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluation.portal import configure
from evaluation.portal.configure import Portal
from evaluation.quarters import now
from tests.portal.conftest import clean, client, person, submit, the_draft, upload
from tests.portal.test_retention import draft


def waiting(kind: str, **more: Any) -> Any:
    from evaluation.portal.models import Outgoing

    return Outgoing.objects.create(kind=kind, to="tiny/s", due=now(), **more)


@pytest.mark.parametrize("kind", ["invitation", "study"])
def test_what_a_killed_worker_had_taken_is_done_by_the_next(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from evaluation.portal import outbox
    from evaluation.portal.models import Outgoing

    asked = waiting(kind, content={"person": person("Ann", "officer", "S01", "nhs").pk, "by": "A"})
    taken = outbox._next()
    assert taken is not None and outbox._next() is None, "nobody takes it while it is done"
    Outgoing.objects.update(due=now() - timedelta(seconds=1))
    done = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(outbox.subprocess, "run", lambda *_, **__: done)
    sent: list[Any] = []
    assert outbox.work(portal, once=True, send=sent.append) == 1
    asked.refresh_from_db()
    assert asked.state == "sent" and len(sent) == (kind == "invitation")


def test_work_that_ends_its_worker_is_not_begun_for_ever(portal: Portal) -> None:
    from evaluation.portal import outbox

    asked = waiting("study", content={"by": "A"}, tries=2, state="running")
    outbox.work(portal, once=True)
    asked.refresh_from_db()
    assert asked.state == "failed" and "begun twice" in asked.said
    assert outbox.wants_study("tiny/s", by="A").pk != asked.pk, "it can be asked for anew"


def test_work_that_takes_too_long_is_told_and_ends_no_worker(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.portal import outbox

    def long(*_: Any, **given: Any) -> None:
        raise subprocess.TimeoutExpired("newstart", given["timeout"])

    monkeypatch.setattr(outbox.subprocess, "run", long)
    asked = waiting("study", content={"by": "A"})
    outbox.work(portal, once=True)
    asked.refresh_from_db()
    assert (asked.state, asked.said) == ("failed", "it was ended after 3 hours")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NEWSTART_PORTAL_SMTP", "mail.example.org", "not named"),
        ("NEWSTART_PORTAL_SMTP_PASSWORD_FILE", "/nowhere/password", "FileNotFoundError"),
    ],
)
def test_mail_whose_server_is_set_wrongly_waits(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    from evaluation.portal import outbox

    monkeypatch.setenv("NEWSTART_PORTAL_SMTP", "127.0.0.1:9")
    monkeypatch.setenv(name, value)
    who = person("Ann", "officer", "S01", "nhs")
    asked = waiting("invitation", content={"person": who.pk})
    outbox.work(portal, once=True)
    asked.refresh_from_db()
    assert asked.state == "waiting" and said in asked.said


def test_a_restore_that_is_cut_short_leaves_no_portal_and_goes_on(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portal that began on tables without their keys would empty every draft."""
    from evaluation.portal.models import Draft

    draft(portal, person("Ann", "officer", "S01", "nhs"), site="S01", agency="nhs")
    configure.back_up(portal, tmp_path / "backup" / "portal")
    for path in (*portal.folder.glob("portal.sqlite*"), *portal.uploaded.iterdir()):
        path.unlink()
    for keys in (portal.workspace.var / "keys").glob("d-/*"):
        keys.unlink()
    whole = configure.write_whole

    def cut(path: Path, content: str | bytes, **more: Any) -> None:
        if path.name == configure.TABLES:
            raise OSError(28, "No space left on device")
        whole(path, content, **more)

    monkeypatch.setattr(configure, "write_whole", cut)
    with pytest.raises(OSError, match="No space"):
        configure.restore(portal, tmp_path / "backup" / "portal")
    assert not (portal.folder / configure.TABLES).exists()
    assert [*(portal.workspace.var / "keys").glob("d-/*")], "keys come before what they open"
    monkeypatch.undo()
    assert configure.restore(portal, tmp_path / "backup" / "portal") == 1
    configure.begin(portal)
    assert Draft.objects.get().text


def test_half_a_back_up_of_a_portal_is_none(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft(portal, person("Ann", "officer", "S01", "nhs"), site="S01", agency="nhs")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(configure.shutil, "copy2", full)
    with pytest.raises(OSError, match="No space"):
        configure.back_up(portal, tmp_path / "portal")
    assert not (tmp_path / "portal" / configure.TABLES).exists()


def test_a_database_is_asked_as_its_address_says(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "postgresql://me:p%40ss@db.example/portal?sslmode=verify-full&sslrootcert=%2Fca.pem"
    monkeypatch.setenv("NEWSTART_PORTAL_DATABASE", address)
    made = configure.database(portal)
    assert made["OPTIONS"] == {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}
    assert (made["HOST"], made["PASSWORD"]) == ("db.example", "p@ss")


def test_a_draft_that_was_submitted_stays_known_as_sent_once_its_time_is_over(
    portal: Portal, tmp_path: Path
) -> None:
    from evaluation.portal import drafts
    from evaluation.portal.models import Draft

    browser = client(person("Ann", "officer", "S01", "nhs"))
    sent = the_draft(upload(browser, clean(tmp_path)))
    submit(browser, sent)
    Draft.objects.update(ends=now() - timedelta(days=1))
    assert drafts.expire() == 1 and drafts.expire() == 0
    held = Draft.objects.get()
    assert (held.state, held.report) == ("submitted", "")
    assert browser.get(f"/drafts/{held.number}")["Location"] == f"/receipts/{held.return_id}"


def test_a_receipt_says_what_became_of_the_return(portal: Portal, tmp_path: Path) -> None:
    from evaluation.ledger.submission import perform
    from evaluation.portal.models import Draft

    browser = client(person("Ann", "officer", "S01", "nhs"))
    submit(browser, the_draft(upload(browser, clean(tmp_path))))
    number = Draft.objects.get().return_id
    assert "From now on these figures stand" in browser.get(f"/receipts/{number}").content.decode()
    for kind in ("redaction", "withdrawal"):
        perform(portal.workspace, kind, number, reason=f"the {kind}'s reason", by="Ann")
    page = browser.get(f"/receipts/{number}").content.decode()
    assert "Withdrawn" in page and "these figures stand" not in page
    assert page.count("&#39;s reason") == 2, "both are told"
