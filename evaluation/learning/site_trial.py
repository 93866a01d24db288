"""Small trials inside a site: a change of practice, drawn by hash, judged once and exactly.

For letters, order, reminders: outcomes of a process (answered, came, kept) and never of a life. The
plan is frozen like a protocol; the seed is fixed by its hash before the list of units is known and
opened with the result. Fisher's exact test, and Newcombe's interval for the difference (1998, Stat.
Med. 17: 873-890, method 10).
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from evaluation import fingerprint
from evaluation.declared import Frozen, TableRow, read_table, read_yaml, validated
from evaluation.errors import ProtocolError
from evaluation.wording import Sentence, number, signed
from evaluation.workspace import write_whole

Advice = Literal["keep", "drop", "again"]
_LOCKED = ("plan", "seed_sha256", "frozen", "assigned", "result")
OUTCOME_WORDS = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


class TrialPlan(Frozen):
    """A trial as it is planned; nothing of it may change once it is frozen.

    arms : the usual way first. unit : what is drawn (a household, a letter). outcome : what is
    counted as yes of each unit. n : units in all. stop : the day from which it may be judged, once.
    harms : what would end it before. left_out : who takes no part, and why nobody loses a right.
    """

    question: str = Field(min_length=1)
    site: str = ""
    arms: tuple[str, str]
    unit: str = Field(min_length=1)
    outcome: str = Field(min_length=1)
    n: int = Field(ge=4)
    stop: date
    harms: str = Field(min_length=1)
    left_out: str = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.arms[0] == self.arms[1]:
            raise ValueError("both arms are called alike")
        return self

    @classmethod
    def load(cls, path: Path) -> TrialPlan:
        """Read a plan.

        Raises
        ------
        ProtocolError : there is none, or it has another shape.
        """
        if not path.is_file():
            raise ProtocolError("there is no plan.", where=str(path))
        return validated(cls, read_yaml(path), path, ProtocolError)


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _seed_of(path: Path) -> Path:
    return path.with_suffix(".seed")


def freeze_trial(path: Path, *, now: str, seed: str = "") -> dict[str, Any]:
    """Freeze a plan: its hash, and that of a seed which stays closed until the result.

    Raises
    ------
    ProtocolError : the plan was frozen already, or cannot be read.
    """
    TrialPlan.load(path)
    lock = _lock_of(path)
    if lock.is_file():
        raise ProtocolError(
            "the plan was frozen already.",
            where=str(lock),
            mend="a trial is planned once; write a new plan under another name",
        )
    # A seed that lies there is taken: arms may have been drawn by it where the lock was lost.
    lies = _seed_of(path)
    held = lies.read_text("utf-8").strip() if lies.is_file() else seed or secrets.token_hex(32)
    content = {
        "plan": _hash(path),
        "seed_sha256": fingerprint.of_bytes(held.encode()),
        "frozen": now,
        "assigned": None,
        "result": None,
    }
    write_whole(_seed_of(path), held + "\n", private=True)
    write_whole(lock, json.dumps(content, indent=1) + "\n")
    return content


def _hash(path: Path) -> str:
    # How lines end, which a checkout may change, does not count.
    return fingerprint.of_bytes(path.read_bytes().replace(b"\r\n", b"\n"))


def _locked(path: Path) -> tuple[TrialPlan, dict[str, Any], str]:
    """The plan, its lock and its seed, all as they were fixed."""
    plan, lock = TrialPlan.load(path), _lock_of(path)
    if not lock.is_file() or not _seed_of(path).is_file():
        raise ProtocolError("the plan is not frozen.", where=str(path), mend="newstart trial new")
    content = _content(lock)
    if content["plan"] != _hash(path):
        raise ProtocolError(
            "the plan was changed after it was frozen.",
            where=str(path),
            mend="restore it, or plan a new trial",
        )
    seed = _seed_of(path).read_text(encoding="utf-8").strip()
    if fingerprint.of_bytes(seed.encode()) != content["seed_sha256"]:
        raise ProtocolError("the seed is not the one that was fixed.", where=str(_seed_of(path)))
    return plan, content, seed


def _content(lock: Path) -> dict[str, Any]:
    try:
        content = json.loads(lock.read_bytes())
    except ValueError:
        content = None
    if not isinstance(content, dict) or not content.keys() >= {*_LOCKED}:
        raise ProtocolError(
            "it is no lock of a trial any more.",
            where=str(lock),
            mend="take it from a back-up: what was fixed is held in it",
        )
    return content


def arms_of(plan: TrialPlan, units: Sequence[str], seed: str) -> dict[str, str]:
    """Unit -> arm: sorted by SHA-256 of seed and unit, the first half in the first arm.

    Raises
    ------
    ProtocolError : a unit stands twice, or there are more or fewer than planned.
    """
    if twice := [unit for unit, times in Counter(units).items() if times > 1]:
        raise ProtocolError(f"the unit {twice[0]!r} stands twice.")
    if len(units) != plan.n:
        raise ProtocolError(
            f"{len(units)} units are listed, and {plan.n} were planned.",
            mend="list as many as were planned: a trial that grows until it finds something finds "
            "it always",
        )
    keys = {unit: hashlib.sha256(f"{seed}|{unit}".encode()).hexdigest() for unit in units}
    ordered = sorted(units, key=lambda unit: keys[unit])
    half = len(ordered) // 2
    return {unit: plan.arms[place >= half] for place, unit in enumerate(ordered)}


def assign_trial(path: Path, units: Path, output: Path) -> dict[str, int]:
    """Write each unit's arm; returns how many are in each.

    Raises
    ------
    ProtocolError : the plan is not as it was frozen, the list is not as planned, or another list
        was drawn for already. WorkspaceError : the list cannot be read.
    """
    plan, content, seed = _locked(path)
    listed = [row["unit"] for row in _read(units, "unit")]
    arms = arms_of(plan, listed, seed)
    drawn = fingerprint.of_data(sorted(arms.items()))
    if content["assigned"] not in (None, drawn):
        raise ProtocolError(
            "arms were drawn for another list already; a list is drawn for once.",
            where=str(_lock_of(path)),
        )
    with output.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["unit", "arm"])
        writer.writerows((unit, arms[unit]) for unit in listed)
    write_whole(_lock_of(path), json.dumps(content | {"assigned": drawn}, indent=1) + "\n")
    return dict(Counter(arms.values()))


def _read(path: Path, *columns: str) -> list[TableRow]:
    """The rows of a list, each with its unit; of the other columns one at least has something."""
    rows = list(read_table(path))
    for name in columns:
        if not any(name in row for row in rows):
            raise ProtocolError(
                f"the list has nothing under {name}.", where=str(path), expected=", ".join(columns)
            )
    for row in rows:
        if "unit" not in row:
            raise ProtocolError("this row names no unit.", where=f"{path}, line {row.line}")
    return rows


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What came out: yes of n in each arm, the difference in points with its range, and p."""

    arms: tuple[str, str]
    yes: tuple[int, int]
    n: tuple[int, int]
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def advice(self) -> Advice:
        """By the exact test alone: keep what is better, drop what is worse, else try again."""
        if self.p_value >= 0.05:
            return "again"
        return "keep" if self.difference > 0 else "drop"

    @property
    def sentence(self) -> Sentence:
        return Sentence.of(
            "{new}: {difference} points against {usual} (range {low} to {high}; exact p = {p}); "
            "{advice}.",
            new=self.arms[1],
            usual=self.arms[0],
            difference=signed(100 * self.difference, 1),
            low=signed(100 * self.low, 1),
            high=signed(100 * self.high, 1),
            p=number(self.p_value, 3),
            advice=self.advice,
        )

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs; the difference and its range are shares."""
        return {
            "arms": list(self.arms),
            "yes": list(self.yes),
            "n": list(self.n),
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "p_value": self.p_value,
            "advice": self.advice,
            "said": str(self.sentence),
        }


def compare(
    arms: tuple[str, str], yes: tuple[int, int], n: tuple[int, int], *, level: float = 0.95
) -> TrialResult:
    """The second arm against the first: Fisher's exact test, Newcombe's interval."""
    from scipy import stats

    table = np.array([[yes[0], n[0] - yes[0]], [yes[1], n[1] - yes[1]]])
    p = float(stats.fisher_exact(table)[1])
    shares = [yes[k] / n[k] for k in (0, 1)]
    (low0, high0), (low1, high1) = (_wilson(yes[k], n[k], level) for k in (0, 1))
    gap = shares[1] - shares[0]
    return TrialResult(
        arms=arms,
        yes=yes,
        n=n,
        difference=gap,
        low=gap - math.sqrt((shares[1] - low1) ** 2 + (high0 - shares[0]) ** 2),
        high=gap + math.sqrt((high1 - shares[1]) ** 2 + (shares[0] - low0) ** 2),
        p_value=p,
    )


def _wilson(yes: int, n: int, level: float) -> tuple[float, float]:
    """Wilson's interval of a share (1927)."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = yes / n
    middle = share + z**2 / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    whole = 1 + z**2 / n
    return (middle - reach) / whole, (middle + reach) / whole


def result_of(path: Path, results: Path, *, today: date) -> TrialResult:
    """Judge a trial, once, from its day on.

    Raises
    ------
    ProtocolError : the day has not come, the units are not those that were drawn for, one has no
        outcome, or it was judged on other figures. WorkspaceError : the list cannot be read.
    """
    plan, content, seed = _locked(path)
    if today < plan.stop:
        raise ProtocolError(f"it may be judged from {plan.stop} on, and once; today is {today}.")
    if content["assigned"] is None:
        raise ProtocolError("no arms were drawn yet.", mend="newstart trial assign")
    rows = _read(results, "unit", "outcome")
    arms = arms_of(plan, [row["unit"] for row in rows], seed)
    if fingerprint.of_data(sorted(arms.items())) != content["assigned"]:
        raise ProtocolError("the units are not those that arms were drawn for.", where=str(results))
    told = {row["unit"]: OUTCOME_WORDS.get(row.get("outcome", "").lower()) for row in rows}
    if unknown := [unit for unit, yes in told.items() if yes is None]:
        raise ProtocolError(
            f"the unit {unknown[0]!r} has no outcome.",
            where=str(results),
            expected="1 or 0 for every unit: one that is lost counts as no",
        )
    n = tuple(sum(arm == one for arm in arms.values()) for one in plan.arms)
    yes = tuple(sum(bool(told[u]) and arms[u] == one for u in arms) for one in plan.arms)
    found = compare(plan.arms, (yes[0], yes[1]), (n[0], n[1]))
    held = content["result"]
    if held is not None and held != found.as_dict():
        raise ProtocolError(
            "it was judged already, on other figures; a trial is judged once.",
            where=str(_lock_of(path)),
        )
    opened = content | {"result": found.as_dict(), "seed": seed}
    write_whole(_lock_of(path), json.dumps(opened, indent=1) + "\n")
    return found
