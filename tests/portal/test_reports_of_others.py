"""What users of other portals reported, fourteen of them, and what ours does instead.

Each test names what was reported: of the federal audit clearinghouse (FAC), of welfare returns
(TANF), of social housing lettings (CORE).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from evaluation.ledger.ledger import Ledger
from evaluation.portal.configure import Portal
from evaluation.returns.form import corners
from tests.portal.conftest import Q3, clean, client, person, submit, the_draft, upload

R = "/returns/S01/nhs/2026-Q3"


def spoilt(folder: Path, *changes: tuple[int, str, str]) -> Path:
    """A clean return with the text in some of its lines exchanged."""
    path = clean(folder)
    lines = path.read_text("utf-8").splitlines()
    for line, old, new in changes:
        assert old in lines[line]
        lines[line] = lines[line].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def page_of(browser: Any, draft: Any) -> BeautifulSoup:
    return BeautifulSoup(browser.get(f"/drafts/{draft.number}").content, "html.parser")


def held(portal: Portal) -> int:
    if not portal.workspace.has_ledger:
        return 0
    with Ledger.open(portal.workspace.database, portal.workspace.raw) as ledger:
        return len(ledger.receipts())


def test_01_each_fault_names_a_cell_that_is_in_their_file_with_its_value(
    officer: Any, tmp_path: Path
) -> None:
    """FAC 2478: errors in fields that do not exist or hold nothing."""
    browser = client(officer)
    draft = the_draft(upload(browser, spoilt(tmp_path, (1, "210", "<5"), (3, "E01", "E99"))))
    lines = [line.split(",") for line in (tmp_path / "S01_nhs_2026-Q3.csv").read_text().split("\n")]
    rows = page_of(browser, draft).select("table")[0].select("tbody tr")
    assert rows
    for row in rows:
        place = corners(row.th.text.strip())
        if place is not None and (value := row.select_one(".portal-value").text.strip()):
            assert lines[place.first_row - 1][place.first_column] == value.strip('"')


def test_02_what_cannot_be_changed_says_since_when_and_by_whom_for_every_way_in(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    """FAC 1873: after certification an upload said something else; some files were not asked."""
    second = client(person("Ben Booth", "officer", "S01", "nhs"))
    browser = client(officer)
    submit(browser, the_draft(upload(browser, clean(tmp_path))))
    browser.post(f"{R}/withdraw", {"reason": "counted twice"})
    again = browser.post(f"{R}/withdraw", {"reason": "once more"})
    assert "Ada Ashworth has asked for this already" in again.content.decode()
    asked = second.get("/").content.decode().split("/withdrawals/")[1].split('"')[0]
    second.post(f"/withdrawals/{asked}", {"decision": "refuse"})
    assert "refused: the return stands" in browser.get(f"/withdrawals/{asked}").content.decode()
    for name in ("S01_nhs_2026-Q3.csv", "S01_nhs_2026-Q3.xlsx"):
        for way in ("upload", "withdraw"):
            other = client(person(f"Zoe {way} {name}", "evaluator"))
            assert other.post(f"{R}/{way}", {}).status_code == 404, "the same for every way in"


def test_03_no_file_chosen_leaves_the_file_and_says_which(officer: Any, tmp_path: Path) -> None:
    """FAC 2017: "no file selected", but the old file still counted."""
    browser = client(officer)
    the_draft(upload(browser, clean(tmp_path)))
    said = browser.post(f"{R}/upload", {}).content.decode()
    assert "Choose a file first." in said
    assert re.search(r"The file that stands here is S01_nhs_2026-Q3.csv \(4 rows, uploaded", said)


def test_04_a_file_that_failed_is_never_the_submission(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    """FAC 4645: a file that failed validation was stored as the submission."""
    browser = client(officer)
    good = the_draft(upload(browser, clean(tmp_path)))
    bad = the_draft(upload(browser, clean(tmp_path, attendances="<5")))
    for draft in (bad, good):
        assert submit(browser, draft).status_code in (410, 422)
    assert held(portal) == 0
    right = the_draft(upload(browser, clean(tmp_path, attendances="212")))
    kept = portal.uploaded / right.stored
    sealed, other = kept.read_bytes(), clean(tmp_path, attendances="999").read_bytes()
    assert b"212" not in sealed
    for content in (sealed[:-1] + bytes([sealed[-1] ^ 1]), other):
        kept.write_bytes(content)
        answer = submit(browser, right)
        assert answer.status_code in (410, 422)
        assert held(portal) == 0, "only the bytes that were looked at are ever sent"
    kept.write_bytes(sealed)
    assert submit(browser, right).status_code == 303 and held(portal) == 1


def test_05_each_mend_that_is_offered_passes(officer: Any, tmp_path: Path) -> None:
    """FAC 2534: leave blank, write N/A, N/A is refused."""
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path, attendances="<5")))
    said = page_of(browser, draft).select_one(".portal-mend").text
    assert said == "Leave the cell empty and put [c] in status."
    path = clean(tmp_path)
    lines = path.read_text("utf-8").splitlines()
    at = {name: n for n, name in enumerate(lines[0].split(","))}
    cells = lines[1].split(",")
    cells[at["numerator"]], cells[at["status"]] = "", "[c]"
    lines[1] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    mended = the_draft(upload(browser, path))
    assert page_of(browser, mended).title.text.startswith("Can be submitted")


@pytest.mark.parametrize("moment", ["upload", "submit", "receipt"])
def test_06_a_fault_of_ours_keeps_the_draft_and_has_a_number(
    officer: Any, portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """FAC 2940 and 1899: 500 for days at certification, and for an incomplete audit."""
    from evaluation.portal import drafts

    def fall(*_: Any, **__: Any) -> None:
        raise RuntimeError("a disk is full")

    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path)))
    with monkeypatch.context() as broken:
        name = {"upload": "_store", "submit": "accept", "receipt": "receipts"}[moment]
        broken.setattr(drafts, name, fall)
        if moment == "upload":
            answer = upload(browser, clean(tmp_path, attendances="211"))
        elif moment == "submit":
            answer = submit(browser, draft)
        else:
            answer = browser.get("/receipts/000000000000")
        assert answer.status_code == 500 and "tell this number" in answer.content.decode()
    assert submit(browser, draft).status_code == 303, "nothing was lost by it"
    assert held(portal) == 1


def test_07_who_may_nothing_yet_is_told_whom_to_ask(portal: Portal) -> None:
    """FAC 2312: the certifier did not see the submission after login."""
    from evaluation.portal.models import Grant
    from evaluation.quarters import now

    who = person("Ada Ashworth", "officer", "S01", "nhs")
    assert "2026 Q3" in client(who).get("/").content.decode(), "by the account, whatever its case"
    Grant.objects.update(ends=now())
    assert "You have access to nothing yet. Ask" in client(who).get("/").content.decode()


def test_08_a_refused_file_is_kept_and_shown_to_the_help_desk_by_its_number(
    officer: Any, tmp_path: Path
) -> None:
    """FAC 1960: counts reported wrong, which could not be looked into without the file."""
    browser, team = client(officer), client(person("Eve Evans", "evaluator"))
    draft = the_draft(upload(browser, clean(tmp_path, attendances="<5")))
    assert draft.number in page_of(browser, draft).text
    assert 29 <= (draft.ends - draft.made).days <= 30
    browser.post(f"/drafts/{draft.number}/share", {"shared": "yes"})
    assert team.get(f"/drafts/{draft.number}/marked.xlsx").status_code == 200


def test_09_a_file_for_another_quarter_overwrites_nothing(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    """TANF 3391: files for the wrong quarter overwrote last year's."""
    browser = client(officer)
    before = clean(tmp_path, period=Q3 + -4)
    submit(browser, the_draft(upload(browser, before, to="/returns/S01/nhs/2025-Q3")))
    wrong = the_draft(upload(browser, before))
    assert "the file says 2025 Q3" in page_of(browser, wrong).text
    assert submit(browser, wrong).status_code == 422
    assert held(portal) == 1


def test_10_faults_stand_in_the_order_of_cells_each_once_and_no_table_is_empty(
    officer: Any, tmp_path: Path
) -> None:
    """CORE 2381, 2338, 2627: row 10 before row 2, one error many times, an empty table."""
    browser = client(officer)
    path = spoilt(tmp_path, (1, ",210,", ",,"), (2, ",21,", ",x,"), (4, ",23,", ",y,"))
    page = page_of(browser, the_draft(upload(browser, path)))
    (table,) = [t for t in page.select("table") if "mended" in t.caption.text]
    rows = [row.th.text.strip() for row in table.select("tbody tr")]
    assert rows == sorted(rows, key=lambda cell: (int(re.sub(r"\D", "", cell)), cell))
    assert len(rows) == len(set(rows)) == 3
    assert all(table.select("tbody tr") for table in page.select("table"))
    assert "To note" not in page.text


def test_11_codes_are_texts_and_blank_rows_keep_the_numbers_of_the_others(
    officer: Any, tmp_path: Path
) -> None:
    """CORE 2024, 2638, 2481, 2135: leading zeros, empty rows, rows of spaces, empty fields."""
    browser = client(officer)
    path = clean(tmp_path)
    lines = path.read_text("utf-8").splitlines()
    lines[2] = lines[2].replace(",21,", ",<5,", 1)
    blank = "," * lines[0].count(",")
    spaces = "  ," * lines[0].count(",") + " "
    path.write_text("\n".join([*lines[:2], blank, spaces, *lines[2:], blank, ""]), encoding="utf-8")
    page = page_of(browser, the_draft(upload(browser, path)))
    cells = [row.th.text.strip() for row in page.select("table")[0].select("tbody tr")]
    assert cells == ["E5"]
    name = the_draft(upload(browser, spoilt(tmp_path, (1, "E01", "0E01")))).report
    assert '"0E01"' in name


def test_12_an_address_has_no_capitals_and_a_new_password_opens_the_account(officer: Any) -> None:
    """CORE 2017, 2898: addresses told apart by capitals, locked out after a reset."""
    from evaluation.portal import accounts

    for _ in range(accounts.MOST_WRONG):
        client().post("/sign-in", {"email": officer.email, "password": "wrong"})
    link = accounts.make_link(officer, "reset", by="test")
    new = "quite another pass phrase"
    client().post(link.path, {"password": new, "again": new})
    sent = {"email": officer.email.upper(), "password": new}
    assert client().post("/sign-in", sent).status_code == 303


def test_13_reasons_outlive_an_upload_and_questions_stand_apart_from_faults(
    officer: Any, tmp_path: Path
) -> None:
    """CORE 2142, 2545, 2577: answers cleared in silence, soft and hard faults mixed."""
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path, attendances="2100")))
    browser.post(f"/drafts/{draft.number}/answers", {"reason-0": "a walk-in centre closed"})
    both = spoilt(tmp_path, (1, "210", "2100"), (2, ",21,", ",x,"))
    page = page_of(browser, the_draft(upload(browser, both)))
    heads = [one.text for one in page.select("main h2")]
    assert heads.index("To mend") < heads.index("To answer")
    assert page.select_one("#reason-0").text.strip() == "a walk-in centre closed"


def test_14_every_upload_check_download_and_refusal_is_an_event(
    officer: Any, tmp_path: Path
) -> None:
    """CORE 3245, 2667, 3313, 2839: failed uploads and downloads left no trace; years unchecked."""
    from evaluation.portal.models import Event

    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path, attendances="<5")))
    submit(browser, draft)
    people = tmp_path / "people.csv"
    people.write_text("area_code,weight,sex\nE01,1,f\n")
    upload(browser, people)
    browser.get(f"/drafts/{draft.number}/marked.xlsx")
    browser.get(f"{R}/template.csv")
    assert browser.get("/returns/S01/nhs/2062-Q3").status_code == 404
    kinds = [one.what for one in Event.objects.filter(who=officer.name).order_by("id")]
    assert kinds == ["uploaded", "checked", "not submitted", "refused", "downloaded", "downloaded"]
