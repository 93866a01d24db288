"""The printable receipt: what its JSON says, in words of its own, and nothing from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from evaluation.ledger.receipt import Act, Receipt
from evaluation.ledger.receipt_page import as_page, as_text, words
from evaluation.ledger.submission import keep_receipt, page_of
from evaluation.workspace import Workspace

HOSTILE = '<script src="http://a.example/x.js"></script>&"\'><img src=x>{{ 7*7 }}'
RECEIPT = Receipt(
    return_id="a1b2c3d4e5f6",
    programme="tiny",
    site="S01",
    agency="nhs",
    quarter="2026 Q3",
    received="2026-10-20T09:00:00.000000Z",
    rows=1_204,
    content_hash="ab" * 32,
    previous_hash="cd" * 32,
    chain_hash="ef" * 32,
    chain_version=2,
    synthetic_clock=True,
    changes=("2 of 4 figures changed.", "arrears in E01: 214 of 2,400 became 241 of 2,400."),
    confirmations=({"rule": "R060", "cell": "E4", "value": "250.0", "reason": "a new ward"},),
)
ACT = Act(
    act_id="0123456789ab",
    kind="withdrawal",
    return_id="a1b2c3d4e5f6",
    reason="wrong file",
    received="2026-10-20T09:00:00.000000Z",
    previous_hash="ab" * 32,
    chain_hash="cd" * 32,
)


class Page(HTMLParser):
    """What a reader sees of a page, and which elements and attributes it is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag in {"td", "th", "li", "h1"}
        if self.inside:
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] != "style":
            self.text.append(data)
            if self.inside:
                self.cells[-1] += data

    def seen(self) -> list[str]:
        return [cell.strip() for cell in self.cells]


def test_the_page_says_what_the_json_says() -> None:
    seen = Page(as_page(RECEIPT)).seen()
    said = RECEIPT.as_dict()
    for name in (
        "return_id",
        "programme",
        "site",
        "agency",
        "quarter",
        "content_hash",
        "previous_hash",
        "chain_hash",
    ):
        assert said[name] in seen, name
    assert "1,204" in seen and any(said["received"] in one for one in seen)
    assert set(said["changes"]) <= set(seen)
    assert set(said["confirmations"][0].values()) <= set(seen)
    assert any("clock was set" in one for one in seen)
    act = Page(as_page(ACT)).seen()
    assert {ACT.act_id, ACT.return_id, ACT.reason, ACT.chain_hash, ACT.previous_hash} <= set(act)


@pytest.mark.parametrize("receipt", [RECEIPT, ACT, replace(RECEIPT, confirmations=(), rows=1)])
def test_page_and_terminal_use_the_same_words(receipt: Receipt | Act) -> None:
    page = Page(as_page(receipt))
    shown = re.sub(r"\s+", " ", " ".join(page.text))
    for line in as_text(receipt).splitlines():
        for piece in re.split(r" {2,}", line.strip()):
            assert piece in shown
    assert "What happens next" in as_text(receipt)


def test_a_page_stands_alone_and_a_screen_reader_finds_its_way() -> None:
    page = Page(as_page(RECEIPT))
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(tags)
    assert not any({"src", "href", "style", "onload"} & given.keys() for _, given in page.tags)
    assert "url(" not in as_page(RECEIPT) and "@import" not in as_page(RECEIPT)
    assert ("html", {"lang": "en-GB"}) in page.tags and "title" in tags and tags.count("h1") == 1
    headers = [given.get("scope") for tag, given in page.tags if tag == "th"]
    assert headers and set(headers) == {"row", "col"} and tags.count("caption") == 2
    assert "@media print" in as_page(RECEIPT)


def test_hostile_names_stay_text() -> None:
    hostile = replace(
        RECEIPT,
        site=HOSTILE,
        agency=HOSTILE,
        changes=(HOSTILE,),
        confirmations=({"rule": "R060", "cell": "E4", "value": HOSTILE, "reason": HOSTILE},),
    )
    page = Page(as_page(hostile))
    assert [tag for tag, _ in page.tags if tag in {"script", "img"}] == []
    assert page.seen().count(HOSTILE) == 5
    assert words(hostile).title in page.seen()


def test_the_page_lies_beside_the_json(tiny_workspace: Workspace) -> None:
    for receipt, name in ((RECEIPT, RECEIPT.return_id), (ACT, ACT.act_id)):
        page = keep_receipt(tiny_workspace, receipt)
        assert page == page_of(tiny_workspace, receipt) == tiny_workspace.receipts / f"{name}.html"
        assert page.read_text(encoding="utf-8") == as_page(receipt)
        assert page.with_suffix(".json").is_file()
