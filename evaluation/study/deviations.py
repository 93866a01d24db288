"""Deviations from a protocol: what was done otherwise, when, and why; printed beside the result.

``deviations.yaml`` lies beside ``protocol.yaml``: a list under ``deviations``, each with ``date``,
``what`` and ``reason``. It is not part of the protocol: noting a deviation unlocks nothing, and
changes no figure.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field

from evaluation.errors import ProtocolError
from evaluation.programme import Frozen, read_yaml, validated

FILE = "deviations.yaml"


class Deviation(Frozen):
    """One departure from the protocol."""

    date: date
    what: str = Field(min_length=1)
    reason: str = Field(min_length=1)

    @property
    def sentence(self) -> str:
        return f"{self.date.isoformat()}: {self.what.rstrip('.')}. Reason: {self.reason}"


class _Deviations(Frozen):
    deviations: tuple[Deviation, ...] = ()


def read_deviations(folder: Path) -> tuple[Deviation, ...]:
    """The deviations of a study, in order of date; none where there is no file.

    Raises
    ------
    ProtocolError : one has no date, text or reason, or the file has another shape.
    """
    path = folder / FILE
    if not path.is_file():
        return ()
    held = validated(
        _Deviations,
        read_yaml(path),
        path,
        ProtocolError,
        expected="deviations: a list, each with date, what and reason",
    )
    return tuple(sorted(held.deviations, key=lambda one: one.date))
