"""An estimate as text and as tables, the same in a terminal, a notebook, Markdown and LaTeX."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation.quarters import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.estimate.estimate import Estimate

WIDTH = 79
"""Letters of a line: what a terminal shows without breaking it."""
# Event times beyond which a summary names the first and the last ones only.
MOST_ROWS = 16


def p_text(p: float, smallest: float = 0.0) -> str:
    """A p-value as it is: ``0.03``, ``0.0004``; never rounded to zero.

    Parameters
    ----------
    smallest : that the assignments allow; a p that equals it says so where it is read.
    """
    if math.isnan(p):
        return ""
    digits = 3 if p >= 0.001 else -math.floor(math.log10(p)) if p > 0 else 3
    shown = f"{p:.{digits}f}" if p >= 1e-6 else f"{p:.0e}"
    return f"{shown} (smallest possible)" if smallest and p <= smallest * (1 + 1e-9) else shown


def number(value: float, digits: int) -> str:
    """A figure of a table; a side without a limit is named, what is not known left blank."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "no limit"
    # Without the minus that rounding leaves before zero.
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def digits_of(table: pd.DataFrame) -> int:
    """Digits behind the point that show three significant figures of the largest effect."""
    held = table[["effect", "se"]].abs().to_numpy(dtype=float)
    held = held[np.isfinite(held) & (held > 0)]
    size = float(held.max()) if len(held) else 1.0
    return int(min(max(2 - math.floor(math.log10(size)), 0), 8))


def to_frame(estimate: Estimate) -> pd.DataFrame:
    """The overall effect and, where there is one, each event time, as numbers.

    Returns
    -------
    DataFrame (index: ``term``) with ``effect, se, low, high, low_band, high_band, p_value,
    n_areas``; terms are ``overall`` and ``event time -1``, ``event time 0`` ...
    """
    parts = [estimate.overall()]
    if estimate.index["quarter"].notna().any():
        parts.append(estimate.by("event_time"))
    table = pd.concat(parts)
    times = [f"event time {int(time)}" for time in table.index[1:]]
    table.index = pd.Index(["overall", *times], name="term")
    return table


def shown(estimate: Estimate) -> pd.DataFrame:
    """The same as text, with effect, error, range, p and areas in the columns."""
    table = to_frame(estimate)
    digits, percent = digits_of(table), f"{100 * estimate.level:g}%"
    of = {name: [number(float(v), digits) for v in table[name]] for name in ("effect", "se")}
    ends = zip(table["low"], table["high"], strict=True)
    return pd.DataFrame(
        {
            "effect": of["effect"],
            "se": of["se"],
            f"{percent} range": [range_text(float(low), float(high), digits) for low, high in ends],
            "p": [p_text(float(p)) for p in table["p_value"]],
            "areas": [str(int(n)) for n in table["n_areas"]],
        },
        index=table.index,
    )


def range_text(low: float, high: float, digits: int) -> str:
    """Both ends of a range; empty where they are not known."""
    if math.isnan(low) or math.isnan(high):
        return ""
    if math.isinf(low) and math.isinf(high):
        return "no limit"
    return f"{number(low, digits)} to {number(high, digits)}"


def summary(estimate: Estimate) -> str:
    """What the estimate says, how sure that is, what it rests on and what to beware of."""
    table, lines = shown(estimate), [f"{estimate.estimator} of {estimate.outcome}"]
    if len(table) > MOST_ROWS + 1:
        half = MOST_ROWS // 2
        left = len(table) - 1 - MOST_ROWS
        gap = pd.DataFrame("", index=[f"... {left} more"], columns=table.columns)
        table = pd.concat([table.iloc[: half + 1], gap, table.iloc[-half:]])
    lines += _wrapped(f"{estimate.estimand}; {_unit(estimate)}")
    lines += ["", table.rename_axis(None).to_string(), ""]
    told = {
        "Inference": _inference(estimate),
        "Range": _no_limit(estimate),
        "Sample": _sample(estimate),
        "Fit": _fit(estimate),
    }
    for name, text in told.items():
        lines += _wrapped(text, name) if text else []
    for warning in estimate.warnings:
        lines += _wrapped(str(warning), "Beware")
    return "\n".join(lines)


def _wrapped(text: str, name: str = "") -> list[str]:
    first = f"{name + ':':<11}" if name else ""
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def _unit(estimate: Estimate) -> str:
    if estimate.scale == "log":
        return "effects in log points: an effect e is a change of exp(e) - 1"
    return "effects in the outcome's unit"


def smallest_p(estimate: Estimate) -> float | None:
    """The smallest p that the assignments allow; None without assignments."""
    if estimate.draws is None:
        return None
    return float(estimate.draws.is_identity.all(axis=1).mean())


def _inference(estimate: Estimate) -> str:
    level = f"level {estimate.level:g}"
    least = smallest_p(estimate)
    if least is None or estimate.draws is None:
        return f"{estimate.inference}, {level}"
    drawn = len(estimate.draws.raw) - 1
    block = estimate.diagnostics.get("block")
    moved = f", whole blocks ({block})" if block and block != "area" else ""
    return (
        f"re-assignment of the starts to other areas, {drawn:,} times{moved}; {level}; the "
        f"smallest possible p is {p_text(least)}"
    )


def _no_limit(estimate: Estimate) -> str:
    """Why the overall range has a side without a limit; empty where it has none."""
    overall = estimate.overall().iloc[0]
    least = smallest_p(estimate)
    if least is None or math.isfinite(overall["high"] - overall["low"]):
        return ""
    if math.isnan(overall["high"] - overall["low"]):
        return ""
    if least > 1 - estimate.level:
        return (
            "no limit: with so few ways to place the starts no effect, however large, has a p "
            f"below {p_text(least)}, so that none can be rejected at {1 - estimate.level:.2g}. "
            "More comparison areas (or authorities, where whole ones move) would give it limits"
        )
    return (
        "no limit: under too many assignments the pseudo-treated areas are largely treated ones, "
        "into which any effect carries as far as into the real ones. More comparison areas would "
        "give it limits"
    )


def _sample(estimate: Estimate) -> str:
    held = estimate.sample
    if not held:
        return ""
    labels = [str(one) for one in pd.unique(estimate.index["quarter"].dropna())]
    period = NAMES.get(held.get("frequency", "Q"), "period")
    span = f", {labels[0]} to {labels[-1]}" if labels else ""
    missing = held.get("missing_cells", 0)
    return (
        f"{held['started_areas']} treated and {held['comparison_areas']} comparison areas, "
        f"{held['periods']} {period}s{span}; {missing or 'no'} missing figures"
    )


def _fit(estimate: Estimate) -> str:
    said = []
    held = estimate.diagnostics
    if "pre_period_rmspe" in held:
        said.append(f"root mean squared gap before the start {held['pre_period_rmspe']:.3g}")
    if "effective_donors" in held:
        said.append(f"effective donors {held['effective_donors']:.3g}")
    if "v_effect_low" in held:
        said.append(
            "weights of predictors that fit as well give an average effect from "
            f"{held['v_effect_low']:.4g} to {held['v_effect_high']:.4g}"
        )
    before = (estimate.index["event_time"] < 0).to_numpy() & np.isfinite(estimate.effects)
    if not said and before.any():
        size = float(np.sqrt(np.mean(estimate.effects[before] ** 2)))
        said.append(f"root mean squared effect before the start {size:.3g} (should be near zero)")
    return "; ".join(said)


def plain(value: Any) -> Any:
    """Python's own numbers, lists and dictionaries; None for a number that is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(held) for held in value]
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.reset_index().to_dict("records")]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return None if value is None else str(value)


def to_dict(estimate: Estimate) -> dict[str, Any]:
    """What the estimate says as plain data, fit for JSON.

    A number that does not exist, and a side of a range without a limit, are None; which of the two
    it is, ``no_limit`` says by the names of the sides.
    """
    overall = estimate.overall().iloc[0]
    table = to_frame(estimate)
    return {
        "outcome": estimate.outcome,
        "estimator": estimate.estimator,
        "estimand": estimate.estimand,
        "scale": estimate.scale,
        "unit": estimate.unit,
        "inference": estimate.inference,
        "level": estimate.level,
        "overall": plain(overall.to_dict()),
        "no_limit": [side for side in ("low", "high") if math.isinf(overall[side])],
        "smallest_p": smallest_p(estimate),
        "table": plain(table),
        "sample": plain(dict(estimate.sample)),
        "diagnostics": plain(dict(estimate.diagnostics)),
        "settings": None if estimate.settings is None else plain(vars(estimate.settings)),
        "warnings": [
            {"code": getattr(one, "code", ""), "text": str(one)} for one in estimate.warnings
        ],
        "provenance": dict(estimate.provenance),
    }


def _titled(estimate: Estimate) -> pd.DataFrame:
    return shown(estimate).rename_axis(None).reset_index(names=estimate.outcome)


def to_markdown(estimate: Estimate) -> str:
    """The table as Markdown, with its notes below."""
    table = _titled(estimate)
    rows = [list(map(str, table.columns)), ["---"] + ["---:"] * (table.shape[1] - 1)]
    rows += table.astype(str).to_numpy().tolist()
    # A bar inside a cell would begin the next one.
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", *_notes(estimate)])


def to_latex(estimate: Estimate) -> str:
    """The table as LaTeX for the package booktabs, with its notes below."""
    body = _titled(estimate).to_latex(index=False, escape=True)
    notes = " ".join(_notes(estimate))
    for sign in "&%$#_{}":
        notes = notes.replace(sign, "\\" + sign)
    return f"{body}\n\\par\\footnotesize {notes}\n"


def _notes(estimate: Estimate) -> list[str]:
    said = [
        f"{estimate.estimator}: {estimate.estimand}.",
        _inference(estimate) + ".",
        _no_limit(estimate),
        _sample(estimate) + ".",
    ]
    return [f"{one[0].upper()}{one[1:]}" for one in said if len(one) > 1]


def side_by_side(estimates: Mapping[str, Estimate] | Sequence[Estimate]) -> pd.DataFrame:
    """The overall effect of several estimates, a row each, as numbers."""
    return pd.DataFrame(
        [one.overall().iloc[0] for one in named(estimates).values()],
        index=pd.Index(list(named(estimates)), name="estimate"),
    )


def named(estimates: Mapping[str, Estimate] | Sequence[Estimate]) -> dict[str, Estimate]:
    """Estimates by name: the given one, else the estimator, with the outcome where they differ."""
    if hasattr(estimates, "items"):
        return dict(estimates.items())
    held = list(estimates)
    several = len({one.outcome for one in held}) > 1
    names = [one.estimator + (f", {one.outcome}" if several else "") for one in held]
    twice = {name for name in names if names.count(name) > 1}
    found: dict[str, Estimate] = {}
    for k, (name, one) in enumerate(zip(names, held, strict=True), start=1):
        found[f"{name} ({k})" if name in twice else name] = one
    return found
