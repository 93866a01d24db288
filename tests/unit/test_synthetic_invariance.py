"""What must not move a synthetic estimate: order, units, shared shocks, copies, threads.

Panels are drawn by hypothesis: small, invented, with more donors than periods or fewer.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation import (
    Panel,
    augmented_synthetic_control,
    pooled_synthetic_control,
    synthetic_control,
    synthetic_did,
)
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.synthetic import SyntheticSettings

ESTIMATORS = {
    "synthetic_control": synthetic_control,
    "demeaned": lambda held, outcome, **given: synthetic_control(
        held, outcome, settings=SyntheticSettings(variant="demeaned"), **given
    ),
    "penalised": lambda held, outcome, **given: synthetic_control(
        held, outcome, settings=SyntheticSettings(variant="penalised", penalty=0.1), **given
    ),
    "augmented": augmented_synthetic_control,
    "sdid": synthetic_did,
    "pooled": pooled_synthetic_control,
}
EXAMPLES = settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Areas with own levels; two sites that start in different years."""
    areas, periods = draw(st.integers(9, 16)), draw(st.integers(8, 14))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    y = rng.normal(size=(areas, periods)).cumsum(axis=1) + 3 * rng.normal(size=(areas, 1))
    start = np.zeros(areas, dtype=int)
    start[0], start[1] = 2000 + periods - 3, 2000 + periods - 2
    return pd.DataFrame(
        {
            "area": np.repeat([f"a{i:02d}" for i in range(areas)], periods),
            "year": np.tile(np.arange(2000, 2000 + periods), areas),
            "y": y.ravel(),
            "start": np.repeat(start, periods),
        }
    )


def held(table: pd.DataFrame) -> Panel:
    return Panel.from_long(
        table, area="area", period="year", outcomes="y", start="start", frequency="A"
    )


def effects(name: str, table: pd.DataFrame) -> np.ndarray:
    panel = held(table)
    few = Assignments.draw(panel, n=3, strata=())
    return ESTIMATORS[name](panel, "y", assignments=few).effects


def close(a: np.ndarray, b: np.ndarray) -> None:
    """To a hundred-thousandth of a standard deviation: least-norm ties are found to 1e-7."""
    np.testing.assert_allclose(a, b, atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ESTIMATORS)
@EXAMPLES
@given(table=tables(), seed=st.integers(0, 99))
def test_the_order_of_rows_and_areas(name: str, table: pd.DataFrame, seed: int) -> None:
    codes = np.array(sorted(table["area"].unique()))
    renamed = dict(zip(codes, np.random.default_rng(seed).permutation(codes), strict=True))
    other = table.assign(area=table["area"].map(renamed)).sample(frac=1, random_state=seed)
    close(effects(name, table), effects(name, other))


@pytest.mark.parametrize("name", ESTIMATORS)
@EXAMPLES
@given(table=tables(), unit=st.sampled_from([1e-6, 0.01, 1e5]))
def test_the_unit_of_measure(name: str, table: pd.DataFrame, unit: float) -> None:
    close(effects(name, table), effects(name, table.assign(y=unit * table["y"])) / unit)


@pytest.mark.parametrize("name", ESTIMATORS)
@EXAMPLES
@given(table=tables(), seed=st.integers(0, 99))
def test_a_constant_added_to_every_area_in_a_quarter(
    name: str, table: pd.DataFrame, seed: int
) -> None:
    shock = 5 * np.random.default_rng(seed).normal(size=table["year"].nunique())
    moved = table.assign(y=table["y"] + shock[table["year"] - 2000])
    if name == "sdid":
        # Its noise level is of changes over time, which a shared shock is part of; a level is not.
        moved = table.assign(y=table["y"] + shock[0])
    close(effects(name, table), effects(name, moved))


@pytest.mark.parametrize("name", ["synthetic_control", "demeaned", "penalised"])
@EXAMPLES
@given(table=tables())
def test_copies_of_every_donor(name: str, table: pd.DataFrame) -> None:
    """Ridge-type estimators spread over copies by design, so theirs may move; these may not."""
    copies = table[table["start"] == 0].assign(area=lambda t: t["area"] + "_copy")
    close(effects(name, table), effects(name, pd.concat([table, copies])))


PROGRAM = """
import json
from tests.unit.test_synthetic_invariance import ESTIMATORS
from tests.unit.panels import panel
from evaluation.estimate.assignments import Assignments
held = panel(n=30)
few = Assignments.draw(held, n=20, strata=())
print(json.dumps({name: [*estimate(held, "y", assignments=few).draws.raw.ravel()]
                  for name, estimate in ESTIMATORS.items()}))
"""


def test_the_number_of_threads_and_the_hash_seed() -> None:
    found = []
    for threads, seed in (("1", "0"), ("2", "4242")):
        env = {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": ".",
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, env=env
        )
        found.append(json.loads(done.stdout))
    for name, one in found[0].items():
        np.testing.assert_allclose(one, found[1][name], rtol=1e-9, atol=1e-9)
