"""The assignments of a study as they were first drawn, kept by area codes beside its looks.

A look is judged against the assignments of the looks before it, on whatever panel is known by then.
So they are kept by the codes of areas and the labels of starts, and put on a panel when it is read.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.estimate.assignments import Assignments, TreatedAreas
from evaluation.quarters import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from evaluation.panel import Panel
    from evaluation.programme import Programme
    from evaluation.protocol import AssignmentPlan, Protocol


FILE = "assignments.npz"
# Names inside the file, as every lock vouches for them: its hash covers names and contents.
PSEUDO_TREATED, COHORT_OF = "fillers", "slot_of"
META = ("distinct", "enumerated", "block", "reason", "seed", "asked")


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """Assignments as they lie in their file.

    Attributes
    ----------
    path : the file. packed : SHA-256 of its bytes, which a look names. arrays : what it holds, by
        name: areas as positions among the codes in ``meta``.
    """

    path: Path
    packed: str
    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def read(cls, path: Path) -> Kept:
        """The kept assignments of a file.

        Raises
        ------
        LedgerError : it cannot be read.
        """
        try:
            content = path.read_bytes()
            # Read once: what is hashed and what is loaded must be the same bytes.
            with np.load(io.BytesIO(content)) as stored:
                arrays = {name: stored[name] for name in stored.files}
        # numpy reports a damaged archive as whatever met the damage first.
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            raise LedgerError(
                "the kept assignments cannot be read.",
                where=str(path),
                mend="take the file away: the study draws them again as they were locked",
            ) from None
        return cls(path=path, packed=fingerprint.of_bytes(content), arrays=arrays)

    @cached_property
    def _meta(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.arrays["meta"].tobytes())
        return found

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what is kept, by codes and labels, however the file was packed."""
        return fingerprint.of_data(
            {
                name: [
                    # Type and shape too: the same bytes read in another shape are other
                    # assignments.
                    str(a.dtype),
                    list(a.shape),
                    # tobytes follows memory only in contiguous arrays; compressed or not, the hash
                    # is that of the figures.
                    fingerprint.of_bytes(np.ascontiguousarray(a).tobytes()),
                ]
                for name, a in sorted(self.arrays.items())
            }
        )

    def changed_rows(self, expected: Assignments, panel: Panel) -> list[int]:
        """Numbers of the assignments (0 is the real one) that are not the expected ones.

        Parameters
        ----------
        expected : drawn anew on ``panel``, by the same plan.
        """
        codes = np.array(self._meta["codes"], dtype=object)
        found = codes[self.arrays[PSEUDO_TREATED]]
        wanted = panel.areas.index.astype(str).to_numpy(dtype=object)[expected.pseudo_treated]
        # Another number of rows or sites: all of them differ, and no row can be matched.
        if found.shape != wanted.shape:
            return list(range(len(wanted)))
        return [int(row) for row in np.flatnonzero((found != wanted).any(axis=1))]

    def on(self, panel: Panel) -> Assignments:
        """The assignments on the areas and periods of a panel.

        Parameters
        ----------
        panel : it holds every area of the assignments, and the start of every site.

        Raises
        ------
        LedgerError : an area of the assignments is not in the panel.
        """
        meta, arrays = self._meta, self.arrays
        # By code and not by position: a panel known later may hold more areas, in another order.
        position = pd.Index(panel.areas.index.astype(str)).get_indexer(pd.Index(meta["codes"]))
        if (position < 0).any():
            lost = meta["codes"][int(np.flatnonzero(position < 0)[0])]
            raise LedgerError(
                f"area {lost} was part of the study's assignments and is not in the panel.",
                where=str(self.path),
                mend="submit its returns, or start a study of its own without it",
            )
        # Areas that joined after the drawing belong to no stratum: they are never drawn.
        strata = np.full(len(panel.areas), -1, dtype=np.int64)
        strata[position] = arrays["strata"]
        treated = TreatedAreas(
            units=position[arrays["places"]],
            cohort_of=arrays[COHORT_OF],
            # Periods since the panel's first, which may begin elsewhere than the panel of the
            # drawing did.
            starts=np.array([Period.parse(s) - panel.periods[0] for s in meta["starts"]]),
            names=tuple(meta["names"]),
        )
        return Assignments(
            pseudo_treated=position[arrays[PSEUDO_TREATED]],
            treated=treated,
            strata=strata,
            banded_by=tuple(meta["banded_by"]),
            **{name: meta[name] for name in META},
        )


@dataclass(kw_only=True, eq=False)
class Store:
    """The folder where one study keeps its assignments; whoever asks, they are read once."""

    folder: Path
    _read: Kept | None = field(default=None, repr=False)

    @property
    def path(self) -> Path:
        return self.folder / FILE

    @property
    def kept(self) -> Kept | None:
        """What is kept; None where nothing is.

        Raises
        ------
        LedgerError : the file cannot be read.
        """
        if self._read is None and self.path.is_file():
            self._read = Kept.read(self.path)
        return self._read

    def keep(self, assignments: Assignments, panel: Panel) -> Kept:
        """Write assignments down by the codes of their areas and the labels of their starts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        treated = assignments.treated
        meta = {name: getattr(assignments, name) for name in META}
        meta |= {
            "banded_by": list(assignments.banded_by),
            "names": list(treated.names),
            "starts": [panel.labels[g] for g in treated.starts.tolist()],
            "codes": [str(code) for code in panel.areas.index],
        }
        arrays: dict[str, NDArray[Any]] = {
            "meta": np.frombuffer(fingerprint.canonical(meta), dtype=np.uint8),
            # Half the file, and no panel holds two thousand million areas.
            PSEUDO_TREATED: assignments.pseudo_treated.astype(np.int32),
            "places": treated.units,
            COHORT_OF: treated.cohort_of,
            "strata": assignments.strata,
        }
        unfinished = self.folder / "assignments.part"
        with unfinished.open("wb") as handle:
            np.savez_compressed(handle, allow_pickle=False, **arrays)
            handle.flush()
            os.fsync(handle.fileno())
        # Moved into place whole: half a file would be taken for other assignments.
        unfinished.replace(self.path)
        # Read back: what later looks read is what this one is judged by.
        self._read = Kept.read(self.path)
        return self._read

    def kept_or_drawn(self, programme: Programme, protocol: Protocol, panel: Panel) -> Kept:
        """What is kept; drawn for this panel and kept where nothing is."""
        return self.kept or self.keep(*drawn(programme, protocol, panel))


def by_plan(panel: Panel, plan: AssignmentPlan, *, most: int | None = None) -> Assignments:
    """The assignments that a protocol plans, drawn on a panel; ``most`` of them at most."""
    n = plan.n if most is None else min(plan.n, most)
    return Assignments.draw(panel, n=n, block=plan.block, strata=plan.strata, seed=plan.seed)


def drawn(programme: Programme, protocol: Protocol, panel: Panel) -> tuple[Assignments, Panel]:
    """The assignments of the plan, with the panel run on until every declared site has started."""
    # Sites yet to start are drawn as well, so that their joining changes no assignment that a look
    # has used.
    starts = [s.start for s in programme.sites if s.start > panel.periods[-1]]
    whole = panel.ahead(max(starts)) if starts else panel
    return by_plan(whole, protocol.assignments), whole
