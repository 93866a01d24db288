"""Published appraisals, given back by the money chain's own arithmetic (tolerances stated)."""

import numpy as np
import pytest

from evaluation.value.cashable import distributional_weight, mvpf
from evaluation.value.parameters import Parameters
from evaluation.value.pricing import discount_factor, factor_to_price_base


@pytest.fixture(scope="module")
def params() -> Parameters:
    return Parameters.load()


@pytest.mark.parametrize(
    ("years", "factor"), [(1, 0.9662), (5, 0.8420), (10, 0.7089), (30, 0.3563), (31, 0.3459)]
)
def test_t1_discount_factors_of_the_green_book(
    params: Parameters, years: int, factor: float
) -> None:
    """Four decimals; year 31 is year 30 over 1.03."""
    assert round(discount_factor(params, years), 4) == factor
    if years == 31:
        by_hand = discount_factor(params, 30) / 1.03
        assert discount_factor(params, 31) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize(
    ("code", "value", "year", "published"),
    [
        ("CR1.0", 500, "2002/03", 673.2312183155595),
        ("SS1.0", 51_080, "2013/14", 52_675.637),
        ("E&E1.0", 9_800, "2012/13", 10_320.685590852001),
        ("HO1.0", 6_680, "2010/11", 7_276.417281107909),
    ],
)
def test_t2_uprating_to_2015_16_as_the_unit_cost_database_does(
    params: Parameters, code: str, value: float, year: str, published: float
) -> None:
    """Relative 1e-6, by the database's own cumulative index; our table holds the same values."""
    gmca = params.using(deflator="GMCA v1.4")
    uprated = value * factor_to_price_base(gmca, year, "2015/16")
    assert uprated == pytest.approx(published, rel=1e-6)
    held = params.tables["unit_costs"]
    rows = held[(held["code"] == code) & (held["kind"] == "fiscal")]
    assert rows["value"].sum() == value
    assert set(rows["price_year"]) == {year}


def test_t3_a_worked_appraisal(params: Parameters) -> None:
    """Three decimals; the first year is t = 0 and not discounted."""
    factors = np.array([discount_factor(params, year) for year in range(10)])
    costs = np.array([100, 50, 50, *[0] * 7])
    benefits = np.array([0, 0, 0, *[30] * 7])
    assert round((benefits - costs) @ factors, 3) == -23.745
    assert round((benefits @ factors) / (costs @ factors), 3) == 0.878


def test_t4_sure_start() -> None:
    """Costs of 2.7, public gains of 2.4 and people's of 3.1, as printed: an MVPF of 10.3."""
    found = mvpf(3.1, 2.7 - 2.4)
    assert found is not None
    assert round(found, 1) == 10.3


def test_t5_the_textbook_case_of_public_funds() -> None:
    """100 who would have gone anyway and 20 more, $1,000 each; earnings +$300,000 taxed at 20 %."""
    upfront = (100 + 20) * 1_000
    back = 0.20 * 300_000
    assert upfront == 120_000
    assert back == 60_000
    net_cost = upfront - back
    assert net_cost == 60_000
    # Those who would have gone anyway value the grant in full; the others between none and all.
    assert mvpf(100 * 1_000, net_cost) == pytest.approx(5 / 3)
    assert mvpf(120 * 1_000, net_cost) == pytest.approx(2)


@pytest.mark.parametrize(("income", "weight"), [(15_000, 3.01), (25_000, 1.55), (50_000, 0.63)])
def test_t6_distributional_weights(params: Parameters, income: float, weight: float) -> None:
    """Two decimals, at the central elasticity of the parameters."""
    eta = params.spread("eta").central
    assert eta == 1.3
    assert round(distributional_weight(income, 35_000, eta), 2) == weight
