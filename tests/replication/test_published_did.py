"""Published difference-in-differences, each figure to what its printed digits allow.

The rows are those of the book's table (`benchmarks.published`). With covariates, every method and
average equals csdid 0.4.3 (run once, outside this project, on the same data) to 1e-9; two further
ports agree with it on the doubly robust rows.
"""

import json

import pytest

from benchmarks import published
from evaluation.estimate.did import DidSettings, Method, did
from evaluation.estimate.estimate import Weights

PORTS: dict[tuple[Method, Weights], tuple[float, float]] = {
    ("dr", "simple"): (-0.04175177205861635, 0.011502838151545012),
    ("dr", "event_time"): (-0.08035394974402409, 0.018957557244824716),
    ("dr", "cohort"): (-0.032819597161302304, 0.011898178727630803),
    ("dr", "quarter"): (-0.044177357756553653, 0.015038175096396975),
    ("reg", "simple"): (-0.041968612421543205, 0.011444829768215006),
    ("reg", "event_time"): (-0.08078174533376131, 0.018745854711475305),
    ("reg", "cohort"): (-0.03292924022900429, 0.011860308766261653),
    ("reg", "quarter"): (-0.0445323313531743, 0.014885027813048126),
    ("ipw", "simple"): (-0.041777082199131656, 0.011499719363982877),
    ("ipw", "event_time"): (-0.08037688664584274, 0.01895425038188919),
    ("ipw", "cohort"): (-0.032875368664174516, 0.011893200167712448),
    ("ipw", "quarter"): (-0.04417010104981153, 0.01503522358445637),
}
ROWS = {f"{row.case}, {row.what}": row for row in published.rows()}


@pytest.mark.parametrize("name", ROWS)
def test_a_published_figure_is_met(name: str) -> None:
    row = ROWS[name]
    assert row.ours == pytest.approx(row.published, abs=row.tolerance, rel=0)


def test_the_books_table_is_what_is_computed() -> None:
    printed = json.loads(published.PRINTED.read_text(encoding="utf-8"))["rows"]
    assert [f"{row['case']}, {row['what']}" for row in printed] == list(ROWS)
    for row in printed:
        ours = ROWS[f"{row['case']}, {row['what']}"].ours
        assert row["ours"] == pytest.approx(ours, abs=1e-9)


@pytest.mark.parametrize(("method", "weights"), PORTS)
def test_mpdta_with_a_covariate_as_the_ports(method: Method, weights: Weights) -> None:
    settings = DidSettings(base="varying", method=method, covariates=("lpop",))
    estimate = did(published.counties(), "lemp", inference="analytic", settings=settings)
    row = estimate.overall(weights).iloc[0]
    effect, error = PORTS[method, weights]
    assert row["effect"] == pytest.approx(effect, abs=1e-9, rel=0)
    assert row["se"] == pytest.approx(error, abs=1e-9, rel=0)
