"""An officer sends months in a browser without scripts: faults by cell, mended, the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from evaluation.ledger.ledger import Ledger
from evaluation.workspace import Workspace
from tests.browser.test_portal import NOW, Served, begin_account, follow, serving_there, upload
from tests.learning.test_monthly import HEAD, declare


@pytest.fixture
def served(tiny_workspace: Workspace) -> Iterator[Served]:
    declare(tiny_workspace)
    with serving_there(tiny_workspace.root, "--accounts", NEWSTART_NOW=NOW) as running:
        yield running


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    made = browser.new_context(java_script_enabled=False, base_url=served.address)
    made.set_default_timeout(30_000)
    yield made.new_page()
    made.close()


def file(folder: Path, month: str, first: str) -> Path:
    rows = (f"E01,Alderbrook,{month},met_soon,{first},60,,", f"E02,,{month},met_soon,50,70,,")
    path = folder / f"S01_council_{month}.csv"
    path.write_text("\n".join([HEAD, *rows]) + "\n", "utf-8")
    return path


def test_months_from_the_list_to_their_receipts(served: Served, page: Page, tmp_path: Path) -> None:
    """By what stands on the pages alone; a quarter of the same agency stays to be sent."""
    whose = ("--site", "S01", "--agency", "council")
    begin_account(page, served.invite("Mo Marsh", "officer", *whose))
    for month, words in (("2026-07", "July 2026"), ("2026-08", "August 2026")):
        follow(page.get_by_role("link", name=f"S01 council, {month} ({words})"))
        assert page.get_by_role("heading", name=f"{month} ({words})").is_visible()
        follow(page.get_by_role("button", name="Upload the return"))
        upload(page, file(tmp_path, month, "75"))
        assert page.title().startswith("Error: What the check found")
        row = page.get_by_role("row").filter(
            has=page.get_by_role("rowheader", name="E2", exact=True)
        )
        assert "125" in row.inner_text(), "more were met than referred, at its cell"
        follow(page.get_by_role("link", name="upload it again"))
        upload(page, file(tmp_path, month, "45"))
        follow(page.get_by_role("button", name="Go on to submit"))
        assert words in page.inner_text("main")
        page.get_by_label("These are the figures of S01 council").check()
        follow(page.get_by_role("button", name="Submit"))
        assert page.get_by_role("heading", name="Accepted").is_visible()
        assert month in page.inner_text("main")
        follow(page.get_by_role("link", name="Returns", exact=True).first)
    tables = page.get_by_role("table")
    assert "2026-07" not in tables.first.inner_text()
    assert "2026 Q3" in tables.first.inner_text()
    assert "2026-07" in tables.last.inner_text()
    with Ledger.open(served.workspace.database, served.workspace.raw) as ledger:
        assert [one.quarter for one in ledger.receipts()] == ["2026-07", "2026-08"]
        assert ledger.verify().ok
