"""What the page of an outcome says of its checks and of start dates given to other areas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluation.edition import words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated, OutcomePage
from evaluation.edition.pages import outcomes
from evaluation.study.record import Results
from evaluation.wording import Name, Sentence, p_value, sentences_as_data, signed


def seen(edition: Edition, folder: Path, assignments: dict[str, Any]) -> dict[str, Any]:
    """The first outcome's page of a yearly study with one check."""
    raw = edition.headline.plain()
    raw["assignments"] |= assignments
    figure = Sentence.of(
        "{size} {unit}, {p}", size=signed(-0.0017, 4), unit=Name("units"), p=p_value(0.0)
    )
    raw["sentences"] = sentences_as_data([figure])
    raw["outcomes"] = [
        raw["outcomes"][0]
        | {
            "diagnostics": [
                {
                    "code": "dip",
                    "title": "A check",
                    "result": "holds",
                    "sentence": "The last period before the start was like those before it",
                    "statistic": str(figure),
                    "p_value": 0.0,
                }
            ]
        }
    ]
    study = words.results_spelled(Results.model_validate(raw))
    page = OutcomePage(study=study, outcome=study.outcomes[0], out=Generated(folder), root="../")
    return outcomes.view(page, "")


def test_a_check_is_told_in_the_outcomes_own_unit(edition: Edition, tmp_path: Path) -> None:
    unit = edition.headline.outcomes[0].unit
    table = seen(edition, tmp_path, {})["diagnostics"].replace("\N{NO-BREAK SPACE}", " ")
    assert f"−0.0017 {unit}, p &lt; 0.001" in table
    assert "The last period before the start" in table


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        ({"enumerated": True, "drawn": 120}, "every other set of areas that could have started"),
        ({"enumerated": False, "drawn": 120}, "other sets of areas, drawn by lot"),
    ],
)
def test_start_dates_given_to_everyone_are_not_called_drawn_by_lot(
    edition: Edition, tmp_path: Path, assignments: dict[str, Any], said: str
) -> None:
    assert said in seen(edition, tmp_path, assignments)["gaps"]
