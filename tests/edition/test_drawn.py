"""What a drawing gives away of the figures that it was made from."""

from __future__ import annotations

import re

import pytest

from evaluation import drawing


@pytest.mark.parametrize("size", [drawing.WIDE, drawing.NARROW])
def test_no_place_on_a_chart_is_finer_than_a_tenth_of_a_pixel(size: drawing.Size) -> None:
    drawn = drawing.forest(
        [
            drawing.ForestRow(
                "One", {"effect": -3.712345, "low": -5.912, "high": -1.21}, True, "said"
            )
        ],
        "%",
        size,
    )
    placed = re.findall(r'\b(?:d|x|y|cx|cy|points|transform)="([^"]*)"', drawn)
    assert placed
    assert [one for one in placed if re.search(r"\d\.\d\d", one)] == []
