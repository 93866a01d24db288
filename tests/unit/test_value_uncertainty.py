"""Uncertainty is carried whole: joint draws, laws of the prices, and what hangs on what."""

import numpy as np
import pytest

from evaluation.value import Assumptions, Parameters, scenarios, sensitivity
from evaluation.value.parameters import Spread
from evaluation.value.pricing import lognormal_of_mean_one, price_factors, priced_lines, triangular
from evaluation.value.report import Incomes, by_fifth, four_es, what_would_change_it
from tests.unit.panels import panel
from tests.unit.values import AE, CERTAIN, CLAIMANTS, GP, HOUSED, LIFE, cost, net, valued

DRAWS = 20_000


def lines(*outcomes):  # type: ignore[no-untyped-def]
    params = Parameters.load()
    return [line for o in outcomes for line in priced_lines(o, params, 2024, set())]


def test_price_factors_have_mean_one_and_the_variation_of_their_grade() -> None:
    normal = np.random.default_rng(0).standard_normal(200_000)
    drawn = lognormal_of_mean_one(0.25, normal)
    assert drawn.mean() == pytest.approx(1, abs=0.003)
    assert drawn.std() == pytest.approx(0.25, abs=0.004)


def test_prices_of_one_grade_err_together_as_far_as_the_table_says() -> None:
    held = lines(CLAIMANTS, HOUSED, AE)
    params, rng = Parameters.load(), np.random.default_rng(1)
    together = price_factors(held, params, 1_000, rng)
    assert together["claimant/amber"] is together["temporary_accommodation/amber"]
    assert together["ae_attendance/green"] is not together["claimant/amber"]
    apart = params.tables["confidence"].assign(shared=0.3)
    loose = Parameters(
        name="x",
        tables={**params.tables, "confidence": apart},
        discount=params.discount,
        deflator=params.deflator,
    )
    drawn = price_factors(held, loose, 50_000, rng)
    logs = np.log([drawn["claimant/amber"][1:], drawn["temporary_accommodation/amber"][1:]])
    assert np.corrcoef(logs)[0, 1] == pytest.approx(0.3, abs=0.02)


def test_ranges_without_a_grade_are_triangular_around_their_centre() -> None:
    drawn = triangular(Spread(low=10, central=13, high=16), 50_000, np.random.default_rng(0))
    assert drawn[0] == 13
    assert drawn[1:].mean() == pytest.approx(13, abs=0.02)
    assert drawn[1:].min() >= 10 and drawn[1:].max() <= 16
    assert triangular(Spread(low=7, central=7, high=7), 3, np.random.default_rng(0)).tolist() == [
        7,
        7,
        7,
        7,
    ]


def test_the_simulated_variance_of_the_linear_part_is_the_analytic_one() -> None:
    """Level effects of three outcomes that share their noise; prices fixed, then drawn.

    Tolerance: four Monte Carlo errors of a variance over 20,000 draws, 4 sqrt(2 / 20,000) = 4 %.
    """
    common = net(AE, -6, noise=5, assignments=999, seed=1).deviations
    nets = []
    for place, one in enumerate((AE, HOUSED, CLAIMANTS)):
        held = net(one, -6, noise=3, assignments=999, seed=10 + place)
        object.__setattr__(held, "deviations", held.deviations + common)
        nets.append(held)
    value = valued(nets, assumptions=CERTAIN, draws=DRAWS)
    pounds = {
        o.outcome: sum(ln.pounds_for_one for ln in value.fiscal if ln.outcome.code == o.outcome)
        for o in nets
    }
    weights = np.concatenate([-held.exposure * pounds[held.outcome] for held in nets])
    joint = np.concatenate([held.deviations for held in nets], axis=1)
    variance = float(weights @ np.cov(joint.T, ddof=0) @ weights)
    simulated = value.total(value.fiscal)[1:]
    assert simulated.var() == pytest.approx(variance, rel=0.04)
    alone = valued(nets, assumptions=Assumptions(uncertain=(), jointly=False), draws=DRAWS)
    assert alone.total(alone.fiscal)[1:].var() < 0.75 * variance

    drawn = valued([nets[0]], assumptions=Assumptions(uncertain=("unit_costs",)), draws=DRAWS)
    effect = float((nets[0].deviations @ weights[:24]).var())
    mean = float(drawn.total(drawn.fiscal)[0])
    with_price = (1 + 0.10**2) * (mean**2 + effect) - mean**2
    assert drawn.total(drawn.fiscal)[1:].var() == pytest.approx(with_price, rel=0.04)


def test_what_is_not_asked_for_is_not_drawn() -> None:
    lives = [net(LIFE, 0.1, exposure=50.0)]
    for nets in ([net(AE, -1)], lives):
        value = valued(nets, assumptions=CERTAIN)
        assert all((factor == 1).all() for factor in value.factors.values())
    assert np.ptp(valued([net(AE, -1)], assumptions=CERTAIN).rules.share["nhs", "DEL"]) == 0
    full = valued([net(AE, -1)], assumptions=Assumptions())
    assert np.ptp(full.rules.share["nhs", "DEL"]) > 0
    assert np.ptp(valued(lives, assumptions=Assumptions()).factors["wellby/amber"]) > 0


# What the answer hangs on.


def uncertain():  # type: ignore[no-untyped-def]
    nets = [net(AE, -12.5, noise=20, seed=1), net(HOUSED, -1, noise=1, seed=2)]
    return valued(nets, [cost("nhs", "2024 Q1", 700_000)], assumptions=Assumptions(), draws=4_000)


def test_the_tornado_moves_one_input_at_a_time_and_sorts_by_width() -> None:
    value = uncertain()
    rows = sensitivity.tornado(value)
    widths = [row["high"] - row["low"] for row in rows]
    assert widths == sorted(widths, reverse=True)
    best = float(value.net_present_social_value()[0])
    assert all(row["low"] <= best <= row["high"] for row in rows)
    titles = [row["title"] for row in rows]
    assert any("Freeman and Groom" in title for title in titles)
    price = next(row for row in rows if "HE4.0" in row["title"])
    part = float(value.total([ln for ln in value.lines if ln.outcome is AE], discounted=True)[0])
    factor = np.quantile(value.factors["ae_attendance/green"][1:], 0.975)
    assert price["high"] == pytest.approx(best + part * (factor - 1))


def test_knowing_everything_is_worth_at_least_as_much_as_knowing_one_thing() -> None:
    found = sensitivity.value_of_information(uncertain())
    assert found["perfect"] > 0
    assert all(0 <= row["worth"] <= found["perfect"] * 1.02 for row in found["of_one"])


def test_knowing_is_worth_nothing_where_the_answer_is_sure() -> None:
    sure = valued(
        [net(AE, -12.5, noise=1)], [cost("nhs", "2024 Q1", 9e6)], assumptions=Assumptions()
    )
    assert sensitivity.value_of_information(sure)["perfect"] == 0


def test_the_value_of_information_agrees_with_the_normal_formula() -> None:
    """One normal input of mean m and spread s: s phi(m/s) - |m| Phi(-|m|/s); within 3 %."""
    from scipy.stats import norm

    value = valued(
        [net(AE, -12.5, noise=60, assignments=9_999)],
        [cost("nhs", "2024 Q1", 170_000)],
        draws=DRAWS,
    )
    drawn = value.net_present_social_value()[1:]
    mean, spread = float(drawn.mean()), float(drawn.std())
    expected = spread * norm.pdf(mean / spread) - abs(mean) * norm.cdf(-abs(mean) / spread)
    found = sensitivity.value_of_information(value)
    assert found["perfect"] == pytest.approx(expected, rel=0.03)
    assert found["of_one"][0]["worth"] == pytest.approx(expected, rel=0.03)


def test_a_switching_value_brings_the_net_value_to_nought() -> None:
    value = uncertain()
    row = next(r for r in sensitivity.switching(value) if r["title"] == "ae_attendances")
    best = float(value.net_present_social_value()[0])
    assert best + (row["times"] - 1) * row["gain"] == pytest.approx(0, abs=1e-6)


# After the last quarter.


def test_nothing_lasts_unless_a_scenario_says_so() -> None:
    value = uncertain()
    rows = {row["scenario"]: row for row in scenarios.scenarios(value)}
    best = float(value.net_present_social_value()[0])
    displaced = rows["a quarter displaced"]["npsv"]["mean"]
    today = float(value.total(value.public, discounted=True)[0])
    assert displaced == pytest.approx(best - today / 4)
    assert rows["fades fast"]["npsv"]["mean"] > best
    assert rows["fades slowly"]["npsv"]["mean"] > rows["fades fast"]["npsv"]["mean"]


def test_an_effect_that_never_fades_is_worth_its_last_year_each_year() -> None:
    value = valued([net(AE, -12.5)])
    a_year = 4 * 2 * 50 * 109 * 100 / 70.834
    later = scenarios.LastYear.of(value, 2).later(np.zeros(value.draws + 1))[0]
    elapsed = 11 / 4
    expected = a_year * (1.035 ** -(elapsed + 0.5) + 1.035 ** -(elapsed + 1.5))
    assert later == pytest.approx(expected)


def test_at_the_break_even_half_life_gains_equal_costs() -> None:
    value = uncertain()
    found = scenarios.break_even_persistence(value)
    fading = np.full(value.draws + 1, np.log(2) / found["half_life"])
    npsv = value.net_present_social_value() + scenarios.LastYear.of(value, 10).later(fading)
    assert npsv[0] == pytest.approx(0, abs=1)
    rich = scenarios.break_even_persistence(valued([net(AE, -12.5)], [cost("nhs", "2024 Q1", 1.0)]))
    assert rich["already"] and rich["half_life"] is None
    poor = scenarios.break_even_persistence(valued([net(AE, -0.1)], [cost("nhs", "2024 Q1", 9e9)]))
    assert poor["never"] and poor["p_never"] == 1


# Equity and judgement.


def test_no_fifth_is_valued_without_pilot_and_comparison_areas_in_it() -> None:
    """Pilots are areas 0 to 3 of 24: fifths 1 and 2 hold both kinds, 3 none, 4 pilots alone."""
    held = panel()
    codes = [str(code) for code in held.areas.index]
    fifth_of = dict.fromkeys(codes, 5) | dict.fromkeys([codes[0], *codes[4:10]], 1)
    fifth_of |= dict.fromkeys([codes[1], *codes[10:16]], 2)
    fifth_of |= {codes[2]: 4, codes[3]: 4}
    incomes = Incomes(
        of_fifth={1: 15_000, 2: 25_000, 3: 30_000, 4: 40_000, 5: 50_000},
        reference=35_000,
        source="test",
    )
    seen = []

    def value_in(part):  # type: ignore[no-untyped-def]
        seen.append(len(part.areas))
        return valued([net(LIFE, 0.2, exposure=100.0)])

    rows = by_fifth(held, fifth_of, value_in, incomes)
    assert [row["valued"] for row in rows] == [True, True, False, False, False]
    assert seen == [7, 7]
    assert rows[2]["reason"] == rows[4]["reason"] == "no pilot area lies in this fifth"
    assert rows[3]["reason"] == "no comparison area lies in this fifth"
    first = rows[0]
    assert first["people_weighted"]["mean"] == pytest.approx(
        first["people"]["mean"] * 3.0085, rel=1e-3
    )
    assert first["weight"]["low"] < first["weight"]["central"] < first["weight"]["high"]
    said = four_es(valued([net(AE, -1)]), {}, rows)[3]["said"]
    assert "counted alike" in said and "weighted" in said


def test_a_judgement_says_all_four_es_and_what_would_change_it() -> None:
    value = uncertain()
    assert [row["e"] for row in four_es(value, {})] == [
        "Economy",
        "Efficiency",
        "Effectiveness",
        "Equity",
    ]
    assert "would equal costs" in what_would_change_it(value)[0]
    rising = valued([net(GP, 5)], [cost("nhs", "2024 Q1", 10)])
    assert what_would_change_it(rising)[0].startswith("No single outcome")
