"""What had been accepted when a return came, and the declared thresholds of the questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.workspace import packaged_schemas


class HistoryParameters(Frozen):
    """How much of what was accepted is looked at, and what stands in where it is too little."""

    quarters: int
    level: int
    least_changes: int
    spread: float
    common_spread: float
    least_areas: int


class QuestionParameters(Frozen):
    """How far is too far; the meaning of each stands beside its value in the file."""

    jump: float
    jump_ratio: float
    fits: float
    slip: float
    column: float
    column_ratio: float
    column_areas: int
    exchange: float
    shift: float
    shift_row: float
    shift_rows: int
    copy_chance: float
    copy_share: float
    copy_figures: int
    same_chance: float
    same_rows: int
    usual_repeats: float
    fixed_share: float
    denominator_ratio: float
    revision_ratio: float
    revision_count: float
    gone_level: float
    never_zero: int
    far: float
    far_ratio: float
    elsewhere_ratio: float
    replaced_share: float
    replaced_figures: int
    round_share: float
    round_chance: float
    round_figures: int


class NoteParameters(Frozen):
    """Words by which a person's name is recognised, in lower case."""

    titles: tuple[str, ...]
    first_names: tuple[str, ...]


class Parameters(Frozen):
    """Everything that ``checks.yaml`` declares."""

    history: HistoryParameters
    questions: QuestionParameters
    notes: NoteParameters


@lru_cache(maxsize=1)
def parameters() -> Parameters:
    """The declared thresholds.

    Raises
    ------
    WorkspaceError : if the declaration is missing or broken.
    """
    # The package's own thresholds and no workspace's: what is asked must be the same everywhere.
    path = packaged_schemas() / "checks.yaml"
    return validated(Parameters, read_yaml(path), path)


Key = tuple[str, str]
"""(area code, outcome code)."""


class Held(NamedTuple):
    """An accepted figure; ``period`` is the ordinal of the period that it is about."""

    period: int
    numerator: float | None
    denominator: float | None
    status: str = ""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How an outcome's figures usually move from quarter to quarter, over all areas.

    ``cell`` is the standard deviation of one area's change beyond what chance gives a count, and
    ``common`` that of the change of all areas together, both robust and in log points. ``repeats``
    is the share of figures, and ``fixed`` that of denominators, that stay as they were. ``changes``
    counts the changes that it rests on.
    """

    cell: float
    common: float
    repeats: float = 0.0
    fixed: float = 0.0
    changes: int = 0


@dataclass(frozen=True, kw_only=True)
class Others:
    """The same outcome in other submitters' areas.

    ``level`` and ``spread`` are median and robust standard deviation of their log values, newest
    figure of each. ``change`` is how far those already known for the return's own period lie from
    their usual level, in log points; None where too few are known.
    """

    areas: int
    level: float
    spread: float
    change: float | None = None


Line = Literal["site", "agency", "quarter"]
"""What several places of a return say: whose figures it holds, and of which quarter."""


class Witness(NamedTuple):
    """What was accepted before speaks for a value of a line; ``why`` in words.

    ``inner`` says only that the rows agree with themselves, as rows of another site pasted in do
    too: it decides where else nothing would.
    """

    line: Line
    value: str
    why: str
    inner: bool = False


@dataclass(frozen=True, kw_only=True)
class Before:
    """What was known before a return was checked.

    Parameters
    ----------
    earlier : the submitter's accepted figures of earlier periods, oldest first.
    accepted : the submitter's accepted figures of the return's own period.
    elsewhere : figures of the return's own period that somebody else has given for its areas.
    spreads, others : by outcome.
    witnesses : for whom and which quarter it speaks, where places of the return disagree.
    today : the day of the check; None where no clock counts.
    ask : how far is too far; as declared, unless what it does is being measured.
    """

    earlier: Mapping[Key, tuple[Held, ...]] = field(default_factory=dict)
    accepted: Mapping[Key, Held] = field(default_factory=dict)
    elsewhere: Mapping[Key, Held] = field(default_factory=dict)
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    others: Mapping[str, Others] = field(default_factory=dict)
    witnesses: tuple[Witness, ...] = ()
    today: date | None = None
    ask: QuestionParameters = field(default_factory=lambda: parameters().questions)
