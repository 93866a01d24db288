"""Return and Observation: what a file said once every cell of it was understood."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from evaluation import fingerprint
from evaluation.quarters import Period

Figures = dict[tuple[str, str], tuple[float | None, float | None]]
"""(area code, outcome code) -> (numerator, denominator): the last accepted figures."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One figure of one area, outcome and period.

    ``numerator`` is None where the figure is missing, and ``status`` then says why; ``denominator``
    is None where the outcome has none.
    """

    area_code: str
    quarter: Period
    outcome: str
    numerator: float | None
    denominator: float | None
    status: str
    note: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Area, period and outcome: what identifies the figure within a programme."""
        return self.area_code, self.quarter.label, self.outcome


@dataclass(frozen=True, kw_only=True)
class Return:
    """One submitter's figures for one period, free of errors.

    ``sha256`` is the hash of the file that they were read from; ``site`` and ``agency`` name the
    submitter (``OPEN`` and a source's code for open data).
    """

    programme: str
    site: str
    agency: str
    period: Period
    rows: tuple[Observation, ...]
    sha256: str

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the figures alone: the same for xlsx and CSV, in any order of rows."""
        rows = sorted(
            [*row.key, row.numerator, row.denominator, row.status, row.note] for row in self.rows
        )
        return fingerprint.of_data(rows)
