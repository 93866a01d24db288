"""A theory of change tells what to hold fixed and what not to; graphs whose answer is known."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import ProtocolError
from evaluation.finding.refutation import available
from evaluation.finding.theory import Theory, area_table, test_implications
from evaluation.finding.undo import e_value, partial_r2, robustness_value, unobserved
from evaluation.finding.verdict import Range
from tests.unit.refuted import world

test_implications.__test__ = False  # a function of ours by that name, not a test
SEEDS = range(20)


def known(seed):
    """A graph with known parts, names shuffled: (theory, confounders, bad controls, controls)."""
    rng = np.random.default_rng(seed)
    names = [f"n{k:02d}" for k in rng.permutation(40)]
    take = iter(names)
    t, y, hidden_t, hidden_y, m_bias = (next(take) for _ in range(5))
    confounders = [next(take) for _ in range(rng.integers(1, 4))]
    mediators = [next(take) for _ in range(rng.integers(1, 3))]
    colliders = [next(take) for _ in range(rng.integers(1, 3))]
    negative = [next(take) for _ in range(rng.integers(1, 3))]
    arrows = [(t, y)]
    arrows += [(c, end) for c in confounders for end in (t, y)]
    chain = [t, *mediators, y]
    arrows += list(itertools.pairwise(chain))
    arrows += [(end, k) for k in colliders for end in (t, y)]
    arrows += [(c, n) for n in negative for c in confounders[:1]]
    arrows += [(hidden_t, t), (hidden_t, m_bias), (hidden_y, y), (hidden_y, m_bias)]
    causes = {
        name: {"measured": name not in (hidden_t, hidden_y)}
        for name in sorted({end for arrow in arrows for end in arrow})
    }
    theory = Theory.model_validate(
        {
            "treatment": t,
            "causes": causes,
            "arrows": arrows,
            "outcomes": [y],
            "negative_controls": negative,
        }
    )
    return theory, confounders, [*mediators, *colliders, m_bias], negative


@pytest.mark.parametrize("seed", SEEDS)
def test_the_adjustment_set_and_the_bad_controls_of_a_known_graph(seed):
    theory, confounders, bad, negative = known(seed)
    y = theory.outcomes[0]
    assert set(theory.adjustment_set(y)) == set(confounders)
    assert theory.closes(y, confounders)
    assert not theory.closes(y, confounders[1:]), "one confounder is missing"
    named = theory.bad_controls(y, [*confounders, *bad, *negative])
    assert set(named) == set(bad)
    for one in bad:
        assert not theory.closes(y, [*confounders, one])
        assert set(theory.bad_controls(y, [*confounders, one])) == {one}
    moved = theory.descendants(theory.treatment)
    assert not moved & set(negative)
    assert all(
        theory.without_effects().separated(theory.treatment, n, confounders) for n in negative
    )


def identified(theory, outcome):
    """The smallest adjustment set that dowhy finds for an outcome."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dowhy's libraries warn of their own future
        import networkx as nx
        from dowhy.causal_identifier import BackdoorAdjustment, EstimandType, identify_effect_auto

        graph = nx.DiGraph(list(theory.arrows))
        graph.add_nodes_from(theory.causes)
        seen = [name for name, cause in theory.causes.items() if cause.measured or cause.held_by]
        found = identify_effect_auto(
            graph,
            [theory.treatment],
            [outcome],
            seen,
            EstimandType.NONPARAMETRIC_ATE,
            backdoor_adjustment=BackdoorAdjustment.BACKDOOR_MIN,
        )
    return min(
        (sorted(map(str, one)) for one in found.backdoor_variables.values() if one),
        key=lambda one: (len(one), one),
    )


@pytest.mark.skipif(not available(), reason="the extra causal is not installed")
@pytest.mark.parametrize("seed", SEEDS)
def test_dowhy_finds_the_same_adjustment_set(seed):
    theory, confounders, _, _ = known(seed)
    assert set(identified(theory, theory.outcomes[0])) == set(confounders)


@pytest.mark.skipif(not available(), reason="the extra causal is not installed")
def test_separation_is_that_of_networkx():
    """An independent library, on 300 random questions about 30 random graphs."""
    import networkx as nx

    rng = np.random.default_rng(0)
    yes = 0
    for _ in range(30):
        order = [f"n{k}" for k in rng.permutation(8)]
        arrows = [(a, b) for a, b in itertools.combinations(order, 2) if rng.random() < 0.3]
        arrows.append((order[0], order[-1]))
        theory = Theory.model_validate(
            {
                "treatment": order[0],
                "outcomes": [order[-1]],
                "causes": {name: {} for name in order},
                "arrows": arrows,
            }
        )
        graph = nx.DiGraph(arrows)
        graph.add_nodes_from(order)
        for _ in range(10):
            one, other, *rest = rng.permutation(order).tolist()
            given = rest[: rng.integers(0, 4)]
            said = theory.separated(one, other, given)
            assert said == nx.is_d_separator(graph, {one}, {other}, set(given))
            yes += said
    assert 60 < yes < 240, "both answers are well represented"


def test_what_no_set_can_close_is_said():
    theory = Theory.model_validate(
        {
            "treatment": "t",
            "outcomes": ["y"],
            "arrows": [("u", "t"), ("u", "y"), ("t", "y")],
            "causes": {"t": {}, "y": {}, "u": {"measured": False}},
        }
    )
    assert theory.adjustment_set("y") is None
    by_area = theory.causes["u"].model_copy(update={"held_by": "area"})
    held = theory.model_copy(update={"causes": {**theory.causes, "u": by_area}})
    assert held.adjustment_set("y") == ("u",)


def test_a_consequence_of_the_outcome_is_no_control():
    theory = Theory.model_validate(
        {
            "treatment": "t",
            "outcomes": ["y"],
            "arrows": [("t", "y"), ("y", "later")],
            "causes": {"t": {}, "y": {}, "later": {}},
        }
    )
    assert theory.bad_controls("y", ["later"]) == {"later": "it is a consequence of the outcome"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arrows": [("t", "y"), ("y", "t")]}, "back to itself"),
        ({"arrows": [("t", "z")]}, "'z' is not among the causes"),
        ({"treatment": "q"}, "'q' is not among the causes"),
    ],
)
def test_a_graph_that_is_none_is_refused(tmp_path, change, said):
    import yaml

    content = {
        "treatment": "t",
        "outcomes": ["y"],
        "causes": {"t": {}, "y": {}},
        "arrows": [("t", "y")],
    } | change
    content["arrows"] = [list(arrow) for arrow in content["arrows"]]
    (tmp_path / "theory.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ProtocolError, match=said):
        Theory.load(tmp_path)
    assert Theory.load(tmp_path / "elsewhere") is None


def chain(rng, n=400, broken=False):
    """a -> b -> c, and in the broken one a -> c too."""
    a = rng.standard_normal(n)
    b = a + rng.standard_normal(n)
    c = b + rng.standard_normal(n) + (0.8 * a if broken else 0)
    return pd.DataFrame({"a": a, "b": b, "c": c})


@pytest.mark.parametrize("broken", [False, True])
def test_implications_are_tested_on_data(broken):
    theory = Theory.model_validate(
        {
            "treatment": "a",
            "outcomes": ["c"],
            "causes": {"a": {}, "b": {}, "c": {}},
            "arrows": [("a", "b"), ("b", "c")],
        }
    )
    assert list(theory.implications()) == [("a", "c", ("b",))]
    failed = [
        test_implications(theory, chain(np.random.default_rng(seed), broken=broken))[0].fails
        for seed in range(40)
    ]
    assert sum(failed) == 40 if broken else sum(failed) <= 6  # 5 % of 40, and two errors more


def test_implications_on_a_panel():
    theory = Theory.model_validate(
        {
            "treatment": "new_start",
            "outcomes": ["y"],
            "negative_controls": ["control"],
            "causes": {"new_start": {}, "y": {}, "control": {}, "population": {}, "pull": {}},
            "arrows": [
                ("new_start", "y"),
                ("pull", "new_start"),
                ("pull", "y"),
                ("pull", "control"),
            ],
        }
    )
    panel = world(3, confounded=True)
    table = area_table(panel, theory)
    assert table.shape == (60, 5) and table["new_start"].sum() == 8
    found = {(one.one, one.other): one for one in test_implications(theory, table)}
    assert ("control", "new_start") in found and found["control", "new_start"].given == ("pull",)
    assert not found["control", "new_start"].fails
    assert "once pull is held fixed" in found["control", "new_start"].sentence
    without = theory.model_copy(update={"arrows": (("new_start", "y"),)})
    assert any(one.fails for one in test_implications(without, table))


def test_published_sensitivities():
    """VanderWeele and Ding (2017), p. 270: 3.9 gives 7.26, and the limit 1.8 gives 3.0.

    Cinelli and Hazlett (2020), section 2.3 and table 1: t = 4.18 with 783 degrees of freedom gives
    a partial R2 of 2.2 % and a robustness value of 13.9 %; at 5 % 7.6 %.
    """
    assert e_value(3.9) == pytest.approx(7.26, abs=5e-3)
    assert e_value(1.8) == pytest.approx(3.0, abs=5e-3)
    assert e_value(1 / 3.9) == pytest.approx(e_value(3.9))
    assert e_value(1.0) == 1.0
    assert partial_r2(4.18, 783) == pytest.approx(0.022, abs=5e-4)
    assert robustness_value(4.18, 783) == pytest.approx(0.139, abs=5e-4)
    assert robustness_value(4.18 - 1.963, 783) == pytest.approx(0.076, abs=5e-4)


def test_sensitivity_in_words():
    clear = unobserved(Range(effect=-8, low=-12, high=-4), t=-4.0, freedom=58)
    assert clear.e_value == pytest.approx(e_value(0.92))
    assert clear.e_value_limit == pytest.approx(e_value(0.96))
    assert "1.39 times as common among pilots" in clear.sentence
    assert "% of what is left of both" in clear.sentence
    nothing = unobserved(Range(effect=-3, low=-9, high=4), t=-0.9, freedom=58)
    assert nothing.e_value_limit == 1.0
    assert "the range includes no change already" in nothing.sentence
