"""The type and column stages over 1.36 million rows, beside what bare pandera takes for the rules.

``python -m benchmarks.check`` prints the ratio of the two, in turn in one run, and the memory that
the stages take above the frame. Bare pandera gets the same frame of text and the same rules: what a
cell may look like as patterns, then the figures as numbers under the outcomes' own schemas.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa

from evaluation import tables
from evaluation.check.frames import check_frame
from evaluation.programme import Outcome, Programme
from evaluation.returns.form import form
from evaluation.simulate import Scenario, invent_programme
from evaluation.workspace import packaged_schemas

ROWS = 1_360_000
PAIRS = 3
RATIO, MEGABYTES = 1.3, 400.0
NUMBER = r"(?:[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|[+-]?\.[0-9]+)?"


def frame_of(programme: Programme, rows: int, seed: int = 0) -> pd.DataFrame:
    """Figures of many areas as text, some cells withheld, three of them faulty."""
    rng = np.random.default_rng(seed)
    # Counts over people: a survey's figures are other numbers.
    outcomes = [o.code for o in programme.outcomes if not o.sampled]
    per = rows // len(outcomes) // 40 + 1
    areas = np.array([f"E{n:08d}" for n in range(per)])
    denominator = rng.integers(2_000, 12_000, rows)
    share = rng.uniform(0.001, 0.008, rows)
    frame = pd.DataFrame(
        {
            "area_code": areas[np.arange(rows) % per],
            "quarter": np.array([f"{2016 + q // 4} Q{q % 4 + 1}" for q in range(40)])[
                np.arange(rows) // per % 40
            ],
            "outcome": np.array(outcomes)[np.arange(rows) // per // 40 % len(outcomes)],
            "numerator": (denominator * share).astype(int).astype(str),
            "denominator": denominator.astype(str),
            "status": "",
        }
    )
    frame.loc[[5, 1_000], "numerator"] = ["<5", "12%"]
    frame.loc[77, "quarter"] = "2026 Q5"
    return frame


def bare_schema() -> pa.DataFrameSchema:
    """What a cell may look like, as a person would write it with pandera alone."""
    symbols = ["", *form().figure_of]
    return pa.DataFrameSchema(
        {
            "area_code": pa.Column(str, pa.Check.str_length(min_value=1)),
            "quarter": pa.Column(str, pa.Check.str_matches(r"[0-9]{4}(?:\s?-?Q[1-4])?$")),
            "outcome": pa.Column(str, pa.Check.str_length(min_value=1)),
            "numerator": pa.Column(str, pa.Check.str_matches(NUMBER + "$")),
            "denominator": pa.Column(str, pa.Check.str_matches(NUMBER + "$")),
            "status": pa.Column(str, pa.Check.isin(symbols)),
        }
    )


def failures(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> int:
    """How many cells pandera names."""
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        return len(error.failure_cases)
    return 0


def bare(frame: pd.DataFrame, programme: Programme) -> int:
    """The same rules in pandera's own way."""
    found = failures(bare_schema(), frame)
    above = pd.to_numeric(frame["numerator"], errors="coerce").astype(float)
    below = pd.to_numeric(frame["denominator"], errors="coerce").astype(float)
    for code, rows in frame.groupby("outcome", sort=False).indices.items():
        outcome = programme.outcome_by_code[str(code)]
        numbers = _numbers(outcome, above.iloc[rows], below.iloc[rows])
        found += failures(tables.column_schema(outcome), numbers)
    return found


def _numbers(outcome: Outcome, above: pd.Series[float], below: pd.Series[float]) -> pd.DataFrame:
    share = above / below if outcome.form == "ratio" else above
    return pd.DataFrame(
        {
            "numerator": above,
            "denominator": below,
            "value": share * outcome.per,
            "numerator_share": share,
        }
    )


def seconds(run: Callable[[], object]) -> float:
    """What a call takes."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_above(run: Callable[[], object]) -> float:
    """Megabytes of memory above what was held before the call, at its highest (Linux)."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    run()
    return (_resident("VmHWM") - before) / 1024


def _resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))


def main(rows: int = ROWS) -> int:
    """Print the measures; 1 where one is beyond its bound."""
    schemas = packaged_schemas()
    scenario = Scenario.load(schemas)
    programme = invent_programme(scenario, scenario.presets["full"], schemas)
    frame = frame_of(programme, rows)
    few = frame.iloc[:1_000]
    check_frame(few, programme)
    bare(few, programme)
    # First of all, so that no memory is counted as free that an earlier run has left behind.
    memory = peak_above(lambda: check_frame(frame, programme))
    found = check_frame(frame, programme)
    pairs = [
        (seconds(lambda: check_frame(frame, programme)), seconds(lambda: bare(frame, programme)))
        for _ in range(PAIRS)
    ]
    ours, theirs = (statistics.median(one) for one in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"{rows:,} rows, {len(found)} faults found")
    print(f"types and columns {ours:.2f} s, bare pandera {theirs:.2f} s: {ratio:.2f} (<= {RATIO})")
    print(f"memory above the frame {memory:.0f} MB (<= {MEGABYTES:.0f})")
    return int(ratio > RATIO or memory > MEGABYTES)


if __name__ == "__main__":
    raise SystemExit(main())
