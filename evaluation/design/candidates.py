"""Candidate sets of pilot areas compared: what a study of each could see, look by look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.design.power import Plan, power
from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from evaluation.panel import Panel

COLUMNS = ("set", "area")


def read_candidates(path: Path) -> dict[str, tuple[str, ...]]:
    """Candidate sets from a CSV file: name -> codes of areas, in the order of the file.

    Parameters
    ----------
    path : one row an area of a set, columns ``set`` and ``area``; others are not read.

    Raises
    ------
    EstimateError : the file cannot be read, lacks a column, names no set, has an empty cell, or
        has an area twice in one set.
    """
    expected = "columns set and area, one row an area of a set"
    if not path.is_file():
        raise EstimateError("there is no such file.", where=str(path), expected=expected)
    try:
        frame = pd.read_csv(path, dtype=str)
    except (ValueError, OSError) as error:
        raise EstimateError(f"it cannot be read as CSV: {error}.", where=path.name) from None
    if missing := [name for name in COLUMNS if name not in frame]:
        raise EstimateError(
            f"it has no column {missing[0]!r}.",
            where=path.name,
            expected=expected,
            mend=f"name its columns so; it has {', '.join(map(str, frame))}",
        )
    frame = frame[list(COLUMNS)].apply(lambda column: column.str.strip().replace("", pd.NA))
    wrong = {
        "a cell is empty": frame.isna().any(axis=1),
        "an area stands twice in one set": frame.duplicated() & frame.notna().all(axis=1),
    }
    for what, rows in wrong.items():
        if rows.any():
            line = int(np.flatnonzero(rows)[0]) + 2
            raise EstimateError(f"{what}.", where=f"{path.name}, line {line}", expected=expected)
    if frame.empty:
        raise EstimateError("it names no set.", where=path.name, expected=expected)
    grouped = frame.groupby("set", sort=False)["area"]
    return {str(name): tuple(codes) for name, codes in grouped}


def compare(
    panel: Panel, outcome: str, plan: Plan, candidates: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Candidate sets of pilot areas side by side, each as if its areas started together.

    Whatever is planned in the panel is set aside, and only periods before the first start in it are
    read. Every area is a site of its own; those that share an authority are re-drawn with it, as in
    a study.

    Parameters
    ----------
    candidates : name -> codes of areas.

    Returns
    -------
    One row a candidate and look: ``candidate, areas`` (how many) and what
    `evaluation.design.power.power` gives.

    Raises
    ------
    EstimateError : an area is not in the panel, or the panel cannot bear a candidate.
    """
    begun = panel.start_index[panel.started]
    past = panel.until(panel.periods[int(begun.min()) - 1]) if len(begun) else panel
    tables = []
    for name, codes in candidates.items():
        if lost := [code for code in codes if code not in panel.areas.index]:
            raise EstimateError(
                f"area {lost[0]!r} is not in the panel.",
                where=f"candidate set {name!r}",
                expected="the codes of pilot and comparison areas, which are not excluded",
            )
        try:
            table = power(_together(past, codes), outcome, plan)
        except EstimateError as error:
            raise EstimateError(
                error.what,
                where=f"candidate set {name!r}",
                expected=error.expected,
                mend=error.mend,
            ) from None
        table.insert(0, "candidate", name)
        table.insert(1, "areas", len(set(codes)))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _together(panel: Panel, codes: Sequence[str]) -> Panel:
    """The panel with these areas alone planned, all to start after its last period."""
    chosen = panel.areas.index.isin(list(codes))
    start, site = (np.full(len(chosen), None, dtype=object) for _ in range(2))
    start[chosen] = (panel.periods[-1] + 1).label
    site[chosen] = panel.areas.index[chosen].astype(str)
    excluded = (panel.areas["role"] == "excluded").to_numpy()
    role = np.where(chosen, "pilot", np.where(excluded, "excluded", "comparison"))
    return replace(panel, areas=panel.areas.assign(role=role, start=start, site=site))
