"""Units change nothing: covariates in pounds, weights of any size."""

import numpy as np
import pytest

from evaluation import Panel, did
from evaluation.errors import EstimateError
from evaluation.estimate.did import DidSettings
from tests.unit.panels import long_table


def held(unit: float = 1.0, weight: float = 1.0, **other: float) -> Panel:
    table = long_table(n=40, effect=1.0)
    rng = np.random.default_rng(3)
    table["pounds"] = table["area"].map(
        dict(zip(table["area"].unique(), unit * rng.normal(10, 2, 40), strict=True))
    )
    table["people"] = weight * table["population"]
    for name, value in other.items():
        table.loc[table["area"] == "a05", name] = value
    return Panel.from_long(
        table,
        area="area",
        period="year",
        outcomes="y",
        start="start",
        covariates=["pounds", "people"],
        frequency="A",
    )


@pytest.mark.parametrize("method", ["reg", "ipw", "dr"])
@pytest.mark.parametrize("unit", [1e9, 1e-9])
def test_a_covariate_adjusts_alike_in_any_unit(method: str, unit: float) -> None:
    settings = DidSettings(covariates=("pounds",), method=method)  # type: ignore[arg-type]
    one, other = (
        did(panel, "y", settings=settings).overall()["effect"].item()
        for panel in (held(), held(unit))
    )
    assert other == pytest.approx(one, rel=1e-9)


@pytest.mark.parametrize("weight", [1e300, 1e-300])
def test_weights_count_alike_in_any_unit(weight: float) -> None:
    settings = DidSettings(weights="people")
    one, other = (
        did(panel, "y", settings=settings).overall()["effect"].item()
        for panel in (held(), held(weight=weight))
    )
    assert other == pytest.approx(one, rel=1e-9)


def test_weights_too_far_apart_are_refused() -> None:
    with pytest.raises(EstimateError, match="lie so far apart"):
        did(held(people=1e-12), "y", settings=DidSettings(weights="people"))


def test_an_infinite_covariate_is_not_called_missing() -> None:
    with pytest.raises(EstimateError, match="infinite in area a05"):
        did(held(pounds=np.inf), "y", settings=DidSettings(covariates=("pounds",)))
