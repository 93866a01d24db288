"""Returns of a month in the portal: what is due, faults at their cells, the receipt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from evaluation.ledger.ledger import Ledger
from evaluation.portal.configure import Portal
from tests.learning.test_monthly import HEAD, declare
from tests.portal.conftest import client, person
from tests.portal.test_journeys import Way

JULY, AUGUST = "S01 council, 2026-07 (July 2026)", "S01 council, 2026-08 (August 2026)"
ROWS = ("E01,Alderbrook,{month},met_soon,{first},60,,", "E02,Aldergate,{month},met_soon,50,70,,")


@pytest.fixture
def monthly(portal: Portal) -> Any:
    """An officer of a council that sends one outcome by month and others by quarter."""
    declare(portal.workspace)
    return person("Mo Marsh", "officer", "S01", "council")


def file(month: str, first: str, *, name: str = "") -> SimpleUploadedFile:
    rows = [one.format(month=month, first=first) for one in ROWS]
    return SimpleUploadedFile(
        name or f"S01_council_{month}.csv", "\n".join([HEAD, *rows]).encode() + b"\n"
    )


def test_two_months_from_the_first_page_to_their_receipts(monthly: Any, portal: Portal) -> None:
    way = Way(monthly)
    assert way.offers(JULY) and way.offers(AUGUST) and way.offers("S01 council, 2026 Q3")
    assert way.follow(JULY)
    assert "returned by" not in way.page.text and way.offers("Excel workbook")
    assert way.follow("Upload the return")
    # More met than were referred, and a cell that is no number.
    assert way.send("Upload and check", file=file("2026-07", "70"))
    assert "There is 1 thing to mend." in way.page.text and "E2" in way.page.text
    assert "116.7 per cent" in way.page.text
    assert way.follow("upload it again")
    assert way.send("Upload and check", file=file("2026-07", "<5"))
    assert "A figure is a number" in way.page.text
    assert way.follow("upload it again")
    assert way.send("Upload and check", file=file("2026-07", "41"))
    assert way.follow("Go on to submit")
    assert "July 2026 (2026-07)" in way.page.text
    assert way.send("Submit", declared="yes")
    assert way.page.h1.text == "Accepted" and "2026-07" in way.page.text
    way.go("/")
    assert way.follow(AUGUST, "Upload the return")
    assert way.send("Upload and check", file=file("2026-08", "44"))
    assert way.follow("Go on to submit") and way.send("Submit", declared="yes")
    assert way.page.h1.text == "Accepted"
    with Ledger.open(portal.workspace.database, portal.workspace.raw) as ledger:
        held = [(one.quarter, one.by, one.rows) for one in ledger.receipts()]
        assert ledger.verify().ok
    assert held == [("2026-07", "Mo Marsh", 2), ("2026-08", "Mo Marsh", 2)]
    way.go("/")
    assert way.offers(JULY), "what came is listed under Sent"
    assert "2026-07" not in str(way.page.find("table")), "and not among what is to be sent"


def test_a_correction_of_a_month_is_another_version(monthly: Any, portal: Portal) -> None:
    way = Way(monthly)
    for first in ("41", "43"):
        way.go("/returns/S01/council/2026-07")
        assert way.follow("Upload a correction" if first == "43" else "Upload the return")
        assert way.send("Upload and check", file=file("2026-07", first))
        typed = {
            one["name"]: "counted anew"
            for one in way.page.select("input[name^=reason-], textarea[name^=reason-]")
        }
        if typed:
            assert way.send("Keep the reasons", **typed)
        assert way.follow("Go on to submit") and way.send("Submit", declared="yes")
        assert way.page.h1.text == "Accepted"
    assert "41" in way.page.text and "43" in way.page.text
    with Ledger.open(portal.workspace.database, portal.workspace.raw) as ledger:
        assert [one.quarter for one in ledger.receipts()] == ["2026-07", "2026-07"]


@pytest.mark.parametrize(
    ("to", "sent", "said"),
    [
        ("2026-08", ("2026-07", "41"), "2026-07"),
        ("2026-Q3", ("2026-07", "41"), "2026-07"),
        ("2026-07", ("2026 Q3", "41"), "names no month"),
    ],
)
def test_a_file_of_another_period_is_told(
    monthly: Any, to: str, sent: tuple[str, str], said: str
) -> None:
    way = Way(monthly)
    way.go(f"/returns/S01/council/{to}/upload")
    name = f"S01_council_{to}.csv" if "Q" in sent[0] else ""
    assert way.send("Upload and check", file=file(*sent, name=name))
    assert said in way.page.text and not way.offers("Go on to submit")


def test_a_month_that_is_not_over_says_so_in_its_own_word(monthly: Any) -> None:
    way = Way(monthly)
    way.go("/returns/S01/council/2026-11")
    assert "This month is not over yet" in way.page.text
    way.go("/returns/S01/council/2026-Q4")
    assert "This quarter is not over yet" in way.page.text


def test_months_that_are_no_ones_are_not_there(monthly: Any) -> None:
    browser = client(monthly)
    for slug in ("2026-13", "2026-7", "2026-Jul", "2019-01", "2026-W27"):
        assert browser.get(f"/returns/S01/council/{slug}").status_code == 404, slug
    stranger = client(person("Nia Noon", "officer", "S01", "nhs"))
    assert stranger.get("/returns/S01/council/2026-07").status_code == 404
    assert stranger.get("/returns/S01/nhs/2026-07").status_code == 404, "its own are of quarters"


def test_an_officer_is_reminded_of_a_month(
    monthly: Any, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.portal import outbox
    from evaluation.portal.models import Outgoing

    # A month is due thirty days after its last day: the week before the end of October.
    monkeypatch.setenv("NEWSTART_NOW", "2026-10-23T08:00:00Z")
    outbox.remind(portal)
    asked = [one.content["quarter"] for one in Outgoing.objects.filter(kind="reminder")]
    assert "2026-09" in asked
    mails: list[Any] = []
    outbox.work(portal, once=True, send=mails.append)
    assert any("September 2026" in str(one.get_payload(decode=False)) for one in mails)


def test_the_team_sees_which_months_are_late(
    monthly: Any, portal: Portal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # October's returns, due by 30 November, have not come; nor has any of August.
    monkeypatch.setenv("NEWSTART_NOW", "2026-12-02T08:00:00Z")
    way = Way(person("Eve Eames", "evaluator"))
    way.go("/programme")
    assert "S01 council, 2026-10 (October 2026): due 30 November 2026" in way.page.text
    shown = [one.text for one in way.page.select("summary")]
    for period in ("2026-10 (October 2026)", "2026 Q3", "2025 Q4"):
        assert any(one.startswith(period) for one in shown), "months push no quarter off the page"
