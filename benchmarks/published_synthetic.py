"""Proposition 99 for the table of published figures (`benchmarks.published`).

Beside each printed figure stands the one on which independent programs agree, where they do, and
why the printed one differs: the published code stops its Frank-Wolfe steps early.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.published import Row, data_of
from evaluation import (
    Estimate,
    Panel,
    augmented_synthetic_control,
    did,
    synthetic_control,
    synthetic_did,
)
from evaluation.estimate.did import DidSettings
from evaluation.estimate.sensitivity import conformal_test
from evaluation.estimate.synthetic import AugmentedSettings, SdidSettings, SyntheticSettings

Y = "PacksPerCapita"
STEPS = (
    "the published code takes Frank-Wolfe steps and stops once a step gains little; the best "
    "weights give {best}, and the same steps give the published figure here too"
)


@cache
def states() -> Panel:
    """Cigarette sales in 39 states, 1970-2000; California's Proposition 99 starts in 1989."""
    frame = pd.read_csv(data_of("synthdid", "data/california_prop99.csv"), sep=";")
    frame["start"] = np.where(frame["State"] == "California", 1989, 0)
    return Panel.from_long(
        frame, area="State", period="Year", outcomes=Y, start="start", frequency="A"
    )


def proposition_99() -> Iterator[Row]:
    """Every row: what, whose figure, the figure, ours, what the printed digits allow, and why."""
    exact, steps = synthetic_control(states(), Y), SyntheticSettings(solver="published")
    sdid = synthetic_did(states(), Y)
    agree, r = "independent programs agree", "R package synthdid"
    rows = [
        (
            "difference-in-differences",
            agree,
            -27.349111,
            _effect(did(states(), Y, settings=DidSettings(base="mean"))),
            1e-6,
            "",
        ),
        ("synthetic control, best weights", agree, -19.513630, _effect(exact), 1e-5, ""),
        (
            "synthetic control, as printed",
            r,
            -19.6,
            _effect(exact),
            0.1,
            STEPS.format(best="-19.5136"),
        ),
        (
            "synthetic control, the published steps",
            r,
            -19.61966,
            _effect(synthetic_control(states(), Y, settings=steps)),
            1e-5,
            "",
        ),
        (
            "synthetic control, rank among 39 states",
            agree,
            3.0,
            39 * float(exact.overall()["p_value"].iloc[0]),
            1e-9,
            "",
        ),
        (
            "demeaned synthetic control",
            agree,
            -11.109042,
            _effect(synthetic_control(states(), Y, settings=SyntheticSettings(variant="demeaned"))),
            1e-5,
            "",
        ),
        (
            "ridge-augmented synthetic control",
            "StatsPAI 1.40.2",
            -15.952566572877,
            _effect(
                augmented_synthetic_control(
                    states(), Y, settings=AugmentedSettings(folds="published")
                )
            ),
            1e-8,
            "",
        ),
        ("SDID, best weights", agree, -15.605398, _effect(sdid), 1e-6, ""),
        ("SDID, as printed", r, -15.604, _effect(sdid), 2e-3, STEPS.format(best="-15.6054")),
        (
            "SDID, the published steps",
            r,
            -15.603828,
            _effect(synthetic_did(states(), Y, settings=SdidSettings(solver="published"))),
            1e-5,
            "",
        ),
        (
            "SDID, placebo error over all 38 states",
            agree,
            9.3684,
            _placebo_error(sdid),
            5e-5,
            "programs that draw placebos print 7.6 to 10.9: here all are enumerated",
        ),
        (
            "shifts in time, p times 31 (sensitivity)",
            "Chernozhukov, Wuthrich and Zhu 2021",
            3.0,
            31 * conformal_test(states(), Y, settings=SyntheticSettings()).p_value,
            1e-9,
            "",
        ),
    ]
    for what, source, published, ours, tolerance, why in rows:
        yield Row(
            case="Proposition 99",
            what=what,
            source=source,
            published=published,
            ours=ours,
            tolerance=tolerance,
            why=why,
        )


def _effect(estimate: Estimate) -> float:
    return float(estimate.overall()["effect"].iloc[0])


def _placebo_error(estimate: Estimate) -> float:
    assert estimate.draws is not None
    after = (estimate.index["event_time"] >= 0).to_numpy()
    return float(estimate.draws.raw[1:, after].mean(axis=1).std())
