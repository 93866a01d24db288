"""The officer's way: what is due, template, upload, mend, answer, submit, receipt, correction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from evaluation.ledger.ledger import Ledger
from evaluation.portal.configure import Portal
from tests.portal.conftest import clean, client, person, submit, the_draft, upload

HERE = "/returns/S01/nhs/2026-Q3"


def receipts(portal: Portal) -> list[Any]:
    if not portal.workspace.has_ledger:
        return []
    with Ledger.open(portal.workspace.database, portal.workspace.raw) as ledger:
        return ledger.receipts()


def check(browser: Any, path: Path) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return browser.post("/check", {"file": SimpleUploadedFile(path.name, path.read_bytes())})


def text(answer: Any) -> str:
    """The words of a page's main part, and its title before them."""
    page = BeautifulSoup(answer.content, "html.parser")
    return f"{page.title.text} | {' '.join(page.main.get_text(' ').split())}"


def test_the_first_page_says_what_is_due_and_until_when(officer: Any) -> None:
    shown = text(client(officer).get("/"))
    assert "S01 nhs, 2026 Q3 (July to September 2026)" in shown
    assert "days left" in shown
    assert "S01 council" not in shown and "S02" not in shown


def test_from_template_to_receipt(officer: Any, portal: Portal, tmp_path: Path) -> None:
    browser = client(officer)
    assert "July to September 2026" in text(browser.get(HERE))
    template = browser.get(f"{HERE}/template.xlsx")
    assert template.content.startswith(b"PK")
    assert 'filename="S01_nhs_2026-Q3.xlsx"' in template["Content-Disposition"]
    draft = the_draft(upload(browser, clean(tmp_path)))
    assert receipts(portal) == []  # upload is not submit
    page = text(browser.get(f"/drafts/{draft.number}"))
    assert "Can be submitted" in page and "First return of S01 nhs for 2026 Q3" in page
    once_more = text(browser.get(f"/drafts/{draft.number}/submit"))
    for said in ("Alder (S01)", "The NHS (nhs)", "July to September 2026 (2026 Q3)", "Figures"):
        assert said in once_more, said
    answer = submit(browser, draft)
    (receipt,) = receipts(portal)
    assert answer["Location"] == f"/receipts/{receipt.return_id}"
    assert receipt.by == "Ada Ashworth"
    assert receipt.return_id in text(browser.get(answer["Location"]))
    kept = json.loads(browser.get(f"/receipts/{receipt.return_id}.json").content)
    assert kept == receipt.as_dict()
    printed = browser.get(f"/receipts/{receipt.return_id}.html")
    assert printed.status_code == 200 and receipt.chain_hash in printed.content.decode()
    assert (portal.workspace.receipts / f"{receipt.return_id}.json").is_file()


def test_a_draft_is_submitted_once_however_often_it_is_asked(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path)))
    first, again = submit(browser, draft), submit(browser, draft)
    assert first["Location"] == again["Location"]
    assert len(receipts(portal)) == 1


def test_a_fault_is_named_at_its_cell_and_mended_by_another_upload(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path, attendances="<5")))
    page = text(browser.get(f"/drafts/{draft.number}"))
    assert "Error: What the check found" in page
    assert 'E2 "<5"' in page
    assert submit(browser, draft).status_code == 422
    assert receipts(portal) == []
    marked = browser.get(f"/drafts/{draft.number}/marked.xlsx")
    assert marked.content.startswith(b"PK")
    mended = the_draft(upload(browser, clean(tmp_path)))
    assert browser.get(f"/drafts/{draft.number}").status_code == 410
    assert submit(browser, mended).status_code == 303


def test_no_file_chosen_says_so_and_which_file_stands(officer: Any, tmp_path: Path) -> None:
    browser = client(officer)
    draft = the_draft(upload(browser, clean(tmp_path)))
    answer = browser.post(f"{HERE}/upload", {})
    page = text(answer)
    assert answer.status_code == 422 and "Choose a file first." in page
    assert "The file that stands here is S01_nhs_2026-Q3.csv (4 rows" in page
    draft.refresh_from_db()
    assert draft.state == "ready"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("S01_nhs_2026-Q2.csv", "the file says 2026 Q2"),
        ("S01_council_2026-Q3.csv", "the figures would be kept for nhs"),
        ("S02_council_2026-Q3.csv", "the figures would be kept for S01"),
    ],
)
def test_page_file_and_name_have_to_agree(
    officer: Any, portal: Portal, tmp_path: Path, name: str, said: str
) -> None:
    path = clean(tmp_path)
    if "Q2" in name:
        path.write_text(path.read_text("utf-8").replace("2026 Q3", "2026 Q2"), "utf-8")
    browser = client(officer)
    draft = the_draft(upload(browser, path, name=name))
    assert said in text(browser.get(f"/drafts/{draft.number}"))
    assert submit(browser, draft).status_code == 422
    assert receipts(portal) == []


def test_a_question_needs_a_reason_of_its_own_which_the_receipt_holds(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    browser = client(officer)
    from tests.portal.conftest import Q3

    before = the_draft(
        upload(browser, clean(tmp_path, period=Q3 + -1), to="/returns/S01/nhs/2026-Q2")
    )
    assert submit(browser, before).status_code == 303
    draft = the_draft(upload(browser, clean(tmp_path, attendances="1400")))
    page = text(browser.get(f"/drafts/{draft.number}"))
    assert "To answer" in page and "1 question still needs a reason" in page
    assert submit(browser, draft).status_code == 422
    browser.post(f"/drafts/{draft.number}/answers", {"reason-0": "a walk-in centre closed"})
    # The same question of a file that is uploaded again keeps its reason.
    again = the_draft(upload(browser, clean(tmp_path, attendances="1400")))
    assert "a walk-in centre closed" in text(browser.get(f"/drafts/{again.number}"))
    assert submit(browser, again).status_code == 303
    assert [one["reason"] for one in receipts(portal)[-1].confirmations] == [
        "a walk-in centre closed"
    ]


def test_a_correction_says_what_changes_and_overwrites_nothing(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    browser = client(officer)
    submit(browser, the_draft(upload(browser, clean(tmp_path))))
    assert "Upload a correction" in text(browser.get(HERE))
    draft = the_draft(upload(browser, clean(tmp_path, attendances="211")))
    assert "ae_attendances in E01: 210 of 5000 became 211 of 5000" in text(
        browser.get(f"/drafts/{draft.number}")
    ).replace("5,000", "5000")
    submit(browser, draft)
    assert len(receipts(portal)) == 2
    history = text(browser.get(f"{HERE}/history"))
    assert "A later version stands" in history and history.count("Stands") == 1


def test_a_withdrawal_needs_a_second_person(officer: Any, portal: Portal, tmp_path: Path) -> None:
    browser = client(officer)
    submit(browser, the_draft(upload(browser, clean(tmp_path))))
    assert browser.post(f"{HERE}/withdraw", {"reason": ""}).status_code == 422
    asked = browser.post(f"{HERE}/withdraw", {"reason": "counted twice"})["Location"]
    assert browser.post(asked, {"decision": "agree"}).status_code == 404  # not the same person
    second = client(person("Ben Booth", "officer", "S01", "nhs"))
    assert "Ada Ashworth asks to withdraw" in text(second.get("/"))
    assert second.post(asked, {"decision": "agree"}).status_code == 303
    with Ledger.open(portal.workspace.database, portal.workspace.raw) as ledger:
        (act,) = ledger.acts()
    assert (act.kind, act.by) == ("withdrawal", "Ada Ashworth")
    assert act.reason == "counted twice (agreed to by Ben Booth)"
    assert second.post(asked, {"decision": "refuse"}).status_code in (404, 422)
    assert "Withdrawn: counted twice" in text(browser.get(f"{HERE}/history"))


def test_a_file_of_respondents_is_refused_and_not_kept(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "S01_nhs_2026-Q3.csv"
    path.write_text("area_code,weight,age_band,sex,tenure,satisfied\nE01,1.2,35-44,f,rent,7\n")
    answer = upload(client(officer), path)
    assert answer.status_code == 422 and "answers of single people" in text(answer)
    assert [*portal.uploaded.iterdir()] == []
    checked = check(client(officer), path)
    assert checked.status_code == 422 and "answers of single people" in text(checked)


def test_checking_keeps_nothing_and_tells_a_stranger_nothing_of_what_was_accepted(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    from tests.portal.conftest import Q3

    browser = client(officer)
    path = clean(tmp_path, period=Q3 + -1)
    submit(browser, the_draft(upload(browser, path, to="/returns/S01/nhs/2026-Q2")))
    kept = sorted(portal.uploaded.iterdir())
    wild = clean(tmp_path, attendances="1400")
    own = text(check(browser, wild))
    stranger = text(check(client(), wild))
    assert "210" in own and "question" in own
    assert "nothing stands against it" in stranger and "last accepted" not in stranger
    assert sorted(portal.uploaded.iterdir()) == kept
    other = client(person("Cy Carr", "officer", "S02", "council"))
    assert "nothing stands against it" in text(check(other, wild))


def test_figures_that_are_held_already_are_said_to_be(
    officer: Any, portal: Portal, tmp_path: Path
) -> None:
    browser = client(officer)
    submit(browser, the_draft(upload(browser, clean(tmp_path))))
    answer = submit(browser, the_draft(upload(browser, clean(tmp_path))))
    assert "were held already: nothing was added" in text(browser.get(answer["Location"]))
    assert len(receipts(portal)) == 1


def test_the_letter_is_the_sites_own_and_says_why_there_is_none(officer: Any) -> None:
    browser = client(officer)
    assert "The newest letter to your site" in text(browser.get(HERE))
    mine, others = browser.get("/letters/S01/newest"), browser.get("/letters/S02/newest")
    assert (mine.status_code, others.status_code) == (404, 404)
    assert "This cannot be done" in text(mine) and "Nothing is here for you" in text(others)


def test_a_draft_is_shown_to_the_team_only_where_its_sender_allows_it(
    officer: Any, tmp_path: Path
) -> None:
    browser, team = client(officer), client(person("Eve Evans", "evaluator"))
    draft = the_draft(upload(browser, clean(tmp_path, attendances="<5")))
    address = f"/drafts/{draft.number}"
    assert team.get(address).status_code == 404
    browser.post(f"{address}/share", {"shared": "yes"})
    assert team.get(address).status_code == 200
    assert team.post(f"{address}/answers", {}).status_code == 404
    assert address in team.get(f"/programme?draft={draft.number.lower()}").content.decode()
    browser.post(f"{address}/share", {"shared": "no"})
    assert team.get(address).status_code == 404


def test_a_return_outside_the_programme_is_not_there(officer: Any) -> None:
    browser = client(officer)
    for slug in ("2027-Q1", "2024-Q4", "2026-Q5", "2026Q3", "2026", "0000-Q1", "latest"):
        assert browser.get(f"/returns/S01/nhs/{slug}").status_code == 404, slug
    assert browser.get("/returns/S01/dwp/2026-Q3").status_code == 404
