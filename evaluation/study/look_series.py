"""The look ledger of a study: one row a look, appended and never written again.

``looks.jsonl`` holds the rows, each with the hash of the one before; ``<number>.npz`` holds the
statistics that the look saw, so that repeated intervals rest on what was known then. A verdict once
written stands, whatever later data say. Another set of assignments is another series, in a folder
of its own: alpha that one has spent cannot be spent again in the other without its showing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.estimate.looks import Look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROWS = "looks.jsonl"
START = "0" * 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One look, as written.

    known : what the look rested on: quarter, vintage, and the fingerprints of panel, protocol,
    assignments and code. time : looks elapsed over the horizon. looks : name of a test -> its look.
    """

    number: int
    known: Mapping[str, str]
    time: float
    looks: Mapping[str, Look]
    statistics: str
    previous: str

    @property
    def content(self) -> dict[str, Any]:
        """The row as plain data; alive and lost assignments as bits in base64."""
        return {
            "number": self.number,
            "known": dict(self.known),
            "time": self.time,
            "statistics": self.statistics,
            "previous": self.previous,
            "looks": {name: _content(look) for name, look in sorted(self.looks.items())},
        }

    @property
    def hash(self) -> str:
        return fingerprint.of_data(self.content)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Row:
        """A row from plain data."""
        looks = {}
        for name, held in content["looks"].items():
            many = held["assignments"]
            lost = _flags(held["lost"], many) if "lost" in held else np.zeros(many, dtype=bool)
            threshold = np.inf if held["threshold"] is None else held["threshold"]
            looks[name] = Look(
                time=content["time"],
                spent=held["spent"],
                threshold=threshold,
                alive=_flags(held["alive"], many),
                lost=lost,
            )
        return cls(
            number=content["number"],
            known=content["known"],
            time=content["time"],
            looks=looks,
            statistics=content["statistics"],
            previous=content["previous"],
        )


@dataclass(frozen=True, kw_only=True)
class LookSeries:
    """The looks of one study under one set of assignments."""

    folder: Path

    def rows(self) -> list[Row]:
        """Every look so far, checked.

        Raises
        ------
        LedgerError : a row or its statistics were changed, or a row is missing.
        """
        path = self.folder / ROWS
        if not path.is_file():
            return []
        rows, previous = [], START
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                row = Row.of(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise _broken(path, number, "it cannot be read") from None
            if row.previous != previous or row.number != number:
                raise _broken(path, number, "it does not follow from the look before it")
            held = self._statistics_path(number)
            if not held.is_file() or fingerprint.of_bytes(held.read_bytes()) != row.statistics:
                raise _broken(path, number, f"its statistics ({held.name}) are not what it saw")
            rows.append(row)
            previous = row.hash
        return rows

    @property
    def head(self) -> str:
        """Hash of the last row; zeros before the first."""
        rows = self.rows()
        return rows[-1].hash if rows else START

    def statistics(self, number: int) -> dict[str, tuple[Floats, Floats]]:
        """Outcome -> (raw, shift) under every assignment, as look ``number`` saw them."""
        with np.load(self._statistics_path(number)) as held:
            codes = [name.removeprefix("raw_") for name in held.files if name.startswith("raw_")]
            return {code: (held[f"raw_{code}"], held[f"shift_{code}"]) for code in codes}

    def append(
        self,
        known: Mapping[str, str],
        time: float,
        looks: Mapping[str, Look],
        statistics: Mapping[str, tuple[Floats, Floats]],
    ) -> Row:
        """Write one more row; its statistics first, so that no row is without them."""
        rows = self.rows()
        number = len(rows) + 1
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._statistics_path(number)
        arrays: dict[str, Floats] = {}
        for code, (raw, shift) in statistics.items():
            arrays |= {f"raw_{code}": raw, f"shift_{code}": shift}
        with path.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **arrays)
        row = Row(
            number=number,
            known=dict(known),
            time=time,
            looks=dict(looks),
            statistics=fingerprint.of_bytes(path.read_bytes()),
            previous=rows[-1].hash if rows else START,
        )
        with (self.folder / ROWS).open("ab") as handle:
            handle.write(fingerprint.canonical(row.content) + b"\n")
        return row

    def _statistics_path(self, number: int) -> Path:
        return self.folder / f"{number:03d}.npz"


def _content(look: Look) -> dict[str, Any]:
    """A look as plain data; that none is lost goes without saying."""
    content = {
        "spent": look.spent,
        "crossed": look.crossed,
        "threshold": look.threshold if np.isfinite(look.threshold) else None,
        "assignments": len(look.alive),
        "alive": _bits(look.alive),
    }
    return content | ({"lost": _bits(look.lost)} if look.lost.any() else {})


def _bits(flags: NDArray[np.bool_]) -> str:
    return base64.b64encode(np.packbits(flags).tobytes()).decode()


def _flags(bits: str, count: int) -> NDArray[np.bool_]:
    held = np.frombuffer(base64.b64decode(bits), dtype=np.uint8)
    return np.unpackbits(held)[:count].astype(bool)


def _broken(path: Path, number: int, why: str) -> LedgerError:
    return LedgerError(
        f"look {number} of the look ledger does not hold: {why}.",
        where=str(path),
        mend="restore the folder from a back-up; a look is never mended by hand",
    )
