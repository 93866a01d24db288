"""What the page of changes says of restated figures, and what it does not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from evaluation.edition import words
from evaluation.edition.book import Pages
from evaluation.edition.edition import Edition
from evaluation.edition.pages import changes
from evaluation.edition.past import History
from tests.edition.ground import laid_out

KEY = "ae_attendances.percent"
REASON = "5 figures restated. Reason given: late records; double counts."
AREAS = (
    {"area": "P02", "name": "Harbour", "role": "pilot", "figures": 3, "amount": -0.31},
    {"area": "", "name": "costs of known quarters", "role": "costs", "figures": 0, "amount": 0.2},
    {
        "area": "",
        "name": "14 other comparison areas",
        "role": "comparison",
        "figures": 28,
        "amount": 0.05,
    },
    {"area": "P01", "name": "Moorside", "role": "pilot", "figures": 2, "amount": 0.0},
)


def page_of_changes(root: Path, areas: tuple[dict[str, Any], ...] | None) -> str:
    """The page as it is written where the coming edition differs by restated figures alone."""
    workspace = laid_out(root)
    edition = Edition.read(workspace, "new_start")
    headline = {
        f"{one.code}.percent": {
            "title": one.plain_title,
            "unit": "%",
            **one.finding.effect_percent.plain(),
        }
        for one in edition.headline.with_role("primary")
    }
    now = headline[KEY]["effect"]
    told = sum(one["amount"] for one in areas or ())
    figure = {
        "title": headline[KEY]["title"],
        "unit": "%",
        "before": now - told,
        "after": now,
        "change": told,
        "revised": {"pilot": told, "comparison": 0.0},
        "parts": [{"cause": "revised", "amount": told, "shapley": told, "low": told, "high": told}],
        **({} if areas is None else {"areas": list(areas)}),
    }
    change = {
        "before": "2025-Q1",
        "order": ["revised"],
        "titles": {"revised": "Restated figures"},
        "reasons": {"revised": REASON},
        "figures": {KEY: figure},
        "sentences": ["A&E attendances moved."],
    }
    coming = {
        "name": "now",
        "quarter": edition.quarter,
        "number": 2,
        "correction": 0,
        "reason": "",
        "published": "2026-11-20T09:00:00+00:00",
        "next_due": "2027-02-10",
        "headline": headline,
        "change": change,
    }
    pages = Pages(workspace, dataclasses.replace(edition, history=History(coming=coming)))
    # All pages take many seconds to draw, and this one needs none of the others.
    pages._page("changes", "changes.md.j2", **changes.view(pages.edition, pages.out))
    return (workspace.book / "_edition" / "changes.md").read_text(encoding="utf-8")


def test_no_area_stands_in_the_page_of_what_changed(tmp_path: Path) -> None:
    page = page_of_changes(tmp_path, AREAS)
    assert "What changed since edition 2025 Q1" in page
    assert not any(one in page for one in ("Harbour", "Moorside", "P02", "By area"))


def test_how_an_effect_moved_is_said_in_the_figures_of_both_editions(tmp_path: Path) -> None:
    edition = Edition.read(laid_out(tmp_path), "new_start")
    now = {
        f"{one.code}.percent": {"effect": one.finding.effect_percent.effect}
        for one in edition.headline.with_role("primary")
    }
    figure = {"before": -7.72, "after": now[KEY]["effect"]}
    change = {"before": "2025-Q1", "order": ["new"], "figures": {KEY: figure}}
    coming = {"quarter": edition.quarter, "headline": now, "change": change}
    told = dataclasses.replace(edition, history=History(editions=(), coming=coming))
    after = words.in_unit(now[KEY]["effect"], "%")
    assert changes.moved(told, "ae_attendances") == f"from {words.MINUS}7.7% to {after}"
    assert changes.moved(edition, "ae_attendances") == ""
