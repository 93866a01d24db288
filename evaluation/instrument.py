"""What people are asked in a survey: the words, the answers, the licence, and how they score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from evaluation import fingerprint
from evaluation.declared import Frozen

PROTECTED = (
    "wemwbs",
    "warwick-edinburgh",
    "icecap",
    "reqol",
    "recovering quality of life",
    "outcomes star",
    "eq-5d",
    "sf-12",
    "sf-36",
)
"""Instruments whose owners forbid that their items are printed, by what their names hold."""


class Answer(Frozen):
    """A possible answer: its code, and the words beside it in the questionnaire."""

    code: int
    label: str


class Instrument(Frozen):
    """What people are asked in a survey, and how their answers become one figure.

    An altered wording is another outcome: ``wording_sha256`` binds the words that were declared.
    ``columns`` name the respondents' columns that are scored together; by default the outcome's
    own. ``score`` is ``mean`` of the answers (of several columns: of their sum), or ``share``, the
    percentage whose every answer is ``counted``. An item that may not be printed has no
    ``wording`` here, and its licence says who may use it. ``modelled`` figures (shrunken toward a
    mean, or made from other areas') are shown and never compared.
    """

    name: str
    version: str
    order: int = Field(ge=1, description="place in the questionnaire")
    lowest: int
    highest: int
    answers: tuple[Answer, ...] = ()
    columns: tuple[str, ...] = ()
    score: Literal["mean", "share"] = "mean"
    counted: tuple[int, ...] = ()
    wording: tuple[str, ...] = ()
    wording_at: str
    wording_sha256: str | None = None
    licence: str
    printed: bool = True
    registered: bool = False
    modelled: bool = False
    person_sd: float = Field(gt=0, description="of one person's answer, in the outcome's unit")
    confirm: str = ""

    @model_validator(mode="after")
    def _holds(self) -> Instrument:
        if self.lowest >= self.highest:
            raise ValueError(f"lowest ({self.lowest}) must lie below highest ({self.highest})")
        protected = any(name in self.name.casefold() for name in PROTECTED)
        if self.wording and (protected or not self.printed):
            raise ValueError(
                f"the items of {self.name} may not be printed: say printed: false, take the "
                "wording out, and name in wording_at where those who may use it find it"
            )
        if bool(self.wording) != bool(self.wording_sha256):
            raise ValueError("wording and wording_sha256 stand together or not at all")
        if self.wording and self.wording_sha256 != wording_hash(self.wording):
            raise ValueError(
                f"the wording hashes to {wording_hash(self.wording)}: an altered wording is "
                "another outcome, with a file and a code of its own"
            )
        if (self.score == "share") != bool(self.counted):
            raise ValueError("a share names the answers that it counts (counted), a mean none")
        codes = [one.code for one in self.answers]
        if odd := [one for one in (*self.counted, *codes) if not self.holds(one)]:
            raise ValueError(f"{odd[0]} is no answer from {self.lowest} to {self.highest}")
        return self

    def holds(self, answer: float) -> bool:
        """Whether a number is one of the possible answers."""
        return float(answer).is_integer() and self.lowest <= answer <= self.highest

    def __str__(self) -> str:
        return f"{self.name} ({self.version})"


def wording_hash(wording: Sequence[str]) -> str:
    """SHA-256 of the words that are asked, whatever blanks and line breaks stand between them."""
    return fingerprint.of_data([" ".join(line.split()) for line in wording])
