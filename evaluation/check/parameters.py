"""The declared thresholds of the questions, read once from ``data_schemas/checks.yaml``."""

from __future__ import annotations

from functools import lru_cache

from evaluation.programme import Frozen, read_yaml
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
    return Parameters.model_validate(read_yaml(packaged_schemas() / "checks.yaml"))
