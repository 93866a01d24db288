"""Charts of a started area and its twin: their words say the finding, nothing is lost from them."""

import pytest

from evaluation import drawing as figures
from evaluation.edition.pages.donors import synthetic_unit_charts
from evaluation.errors import EstimateError
from evaluation.estimate.synthetic import AugmentedSettings, SdidSettings, SyntheticSettings
from tests.unit.panels import panel

SIMPLEX = SyntheticSettings()


@pytest.mark.parametrize("size", [figures.WIDE, figures.NARROW])
@pytest.mark.parametrize("settings", [SIMPLEX, SdidSettings(), AugmentedSettings()])
def test_every_estimators_twin_can_be_drawn_the_same_each_time(
    settings: SyntheticSettings | SdidSettings | AugmentedSettings, size: figures.Size
) -> None:
    once, again = (
        synthetic_unit_charts(panel(), "y", "a00", settings, unit="per 1,000", size=size)
        for _ in range(2)
    )
    for one, two in (
        (once.path, again.path),
        (once.gap, again.gap),
        (once.weights, again.weights),
        (once.fit, again.fit),
    ):
        assert one.svg == two.svg
        assert one.svg.startswith("<svg")
        assert one.alt == two.alt


def test_the_words_say_what_the_figures_say() -> None:
    charts = synthetic_unit_charts(panel(effect=50.0), "y", "a02", SIMPLEX, unit="per 1,000")
    gap = charts.gap.table
    after = gap[gap["period"].astype(int) >= 2007]
    assert "averages +50" in charts.gap.alt or "averages +49" in charts.gap.alt
    assert f"In {len(after)} of {len(after)} periods it lies outside" in charts.gap.alt
    heaviest = charts.weights.table.iloc[0]
    assert f"The heaviest is {heaviest['donor']}" in charts.weights.alt
    assert charts.weights.table["weight"].sum() == pytest.approx(1, abs=1e-3)
    assert "of 20 comparison areas" in charts.fit.alt
    assert "In 2009 a02 stands at" in charts.path.alt
    table = charts.path.table
    assert (table["observed"] - table["twin"]).to_numpy() == pytest.approx(gap["gap"].to_numpy())


def test_text_is_text_and_donors_beyond_a_dozen_share_a_row() -> None:
    rows = [figures.DonorWeight(f"Area {k}", (20 - k) / 210) for k in range(20)]
    drawn = figures.donor_weights(rows, figures.WIDE)
    assert ">Area 0</text>" in drawn and ">8 others together</text>" in drawn
    assert ">Area 12</text>" not in drawn


def test_a_notebook_shows_a_chart_with_its_words() -> None:
    chart = synthetic_unit_charts(panel(), "y", "a00", SIMPLEX, unit="per 1,000").gap
    shown = chart._repr_html_()
    assert "role='img'" in shown and "aria-label='Line chart" in shown


def test_an_area_that_has_not_started_has_no_twin() -> None:
    with pytest.raises(EstimateError, match="a09 has not started"):
        synthetic_unit_charts(panel(), "y", "a09", SIMPLEX, unit="per 1,000")
    with pytest.raises(EstimateError, match="has not started"):
        synthetic_unit_charts(panel(), "y", "nowhere", SIMPLEX, unit="per 1,000")
