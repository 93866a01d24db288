"""The card that stands for the book, and the page by which a reader answers back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from evaluation import drawing
from evaluation.edition.pages.questions import address

ROW = {
    "outcome": "Households owed help with homelessness in any of their areas, however many",
    "verdict": "fell: better; cannot tell whether worth having (10% or more)",
    "said": "−9.5% (−16% to −3.0%)",
    "better_down": True,
    "effect": -9.5,
    "low": -16.0,
    "high": -3.0,
}


@pytest.mark.parametrize("many", [0, 1, 3, 5])
def test_the_card_is_a_picture_of_the_size_that_is_shown(many: int) -> None:
    rows = [ROW, ROW | {"effect": None, "low": None, "high": None}, *[ROW] * 3][:many]
    card = drawing.social_card("A programme: is it working?", "Edition 2026 Q3", rows, "Invented.")
    assert card.startswith(b"\x89PNG")
    size = (int.from_bytes(card[16:20]), int.from_bytes(card[20:24]))
    assert size == (1200, 630)
    assert card == drawing.social_card(
        "A programme: is it working?", "Edition 2026 Q3", rows, "Invented."
    )


def test_a_message_is_filled_in_for_whoever_is_named() -> None:
    made = address("Jo Day, jo.day@example.org, 01632 960001", "New Start & more", "Which page?")
    assert made.startswith("mailto:jo.day@example.org?")
    asked = parse_qs(urlsplit(made).query)
    assert asked == {"subject": ["New Start & more"], "body": ["Which page?"]}
    page = address("https://example.org/tracker/new.", "T", "B")
    assert page == "https://example.org/tracker/new?title=T&body=B"


@pytest.mark.parametrize("contact", ["", "Nobody. The programme is invented.", "01632 960001"])
def test_nobody_is_written_to_who_named_no_address(contact: str) -> None:
    assert address(contact, "T", "B") == ""
