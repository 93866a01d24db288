"""Effects on one scale: which way is better, and what is worse, is seen as well as read."""

from __future__ import annotations

import re
from typing import Any

import pytest

from evaluation import drawing
from evaluation.drawing.canvas import PILOT, WORSE

ROSE = {"effect": 4.0, "low": 1.0, "high": 7.0}
FELL = {"effect": -4.0, "low": -7.0, "high": -1.0}
OPEN = {"effect": 0.5, "low": -1.0, "high": 2.0}


def drawn(figure: dict[str, Any], *, better_down: bool, size: Any = drawing.WIDE) -> str:
    rows = [drawing.ForestRow("Site", figure, False, "said")]
    return drawing.forest_rightwards(rows, "%", better_down, size)


@pytest.mark.parametrize(
    ("figure", "better_down", "worse"),
    [(ROSE, True, True), (ROSE, False, False), (FELL, True, False), (FELL, False, True)],
)
def test_a_range_wholly_on_the_worse_side_has_its_colour(
    figure: dict[str, Any], better_down: bool, worse: bool
) -> None:
    made = drawn(figure, better_down=better_down)
    assert (WORSE in made) == worse
    assert (PILOT in made) or worse


@pytest.mark.parametrize("better_down", [True, False])
def test_a_range_that_includes_zero_is_never_worse(better_down: bool) -> None:
    assert WORSE not in drawn(OPEN, better_down=better_down)


@pytest.mark.parametrize("size", [drawing.WIDE, drawing.NARROW])
def test_the_better_way_lies_to_the_right_whichever_way_that_is(size: Any) -> None:
    """The dot of a fall and the dot of a rise lie at one place, each the better way."""
    fell = re.findall(r'<use [^>]*x="([\d.]+)"', drawn(FELL, better_down=True, size=size))
    rose = re.findall(r'<use [^>]*x="([\d.]+)"', drawn(ROSE, better_down=False, size=size))
    assert fell and max(map(float, fell)) == pytest.approx(max(map(float, rose)), abs=1.0)


def test_a_chart_that_is_not_told_says_no_direction() -> None:
    rows = [drawing.ForestRow("Site", FELL, False, "said")]
    assert "better" not in drawing.forest(rows, "%", drawing.WIDE)
    assert "better" in drawing.forest_rightwards(rows, "%", True, drawing.WIDE)
