"""A figure of the book computed anew: from the ledger, at its vintage, by the study's own steps.

The study is run in a shadow of the workspace: declarations, ledger and raw files are the real ones,
the record of looks is a copy, so that checking a figure never writes anything.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluation.edition import words
from evaluation.edition.edition import Edition
from evaluation.edition.pages.claim_page import code_unchanged
from evaluation.edition.pages.claims import Claim, Claims, near, of_study
from evaluation.errors import BookError
from evaluation.programme import Programme
from evaluation.progress import Progress
from evaluation.quarters import parse_instant
from evaluation.release import release, terms_of
from evaluation.study.record import Results
from evaluation.study.results import whole
from evaluation.study.run import run_study
from evaluation.study.study import Study
from evaluation.workspace import Workspace

TOLERANCE = 1e-10
"""Relative. Two runs on one machine agree to the last digit; another machine's linear algebra may
differ by some 1e-13 of a figure."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A figure as published and as computed anew.

    Parameters
    ----------
    published, computed : ``value, low, high``; None where there is none.
    same : whether each agrees within the tolerance. others, others_same : the study's other
        figures that have a page of their own, and how many of them agree.
    label, differences : how the new run stands to the lock. same_code : whether the code that ran
        is the code that computed the published figure.
    """

    key: str
    text: str
    unit: str
    study: str
    vintage: str
    published: Mapping[str, float | None]
    computed: Mapping[str, float | None]
    same: bool
    others: int
    others_same: int
    label: str
    differences: tuple[str, ...]
    same_code: bool


def verify(
    workspace: Workspace, programme: str, key: str, *, progress: Progress = lambda _: None
) -> Verified:
    """Compute the claim of an id anew and compare it.

    Raises
    ------
    BookError : there is no such claim, or it is no figure of a study; PanelError, ProtocolError,
        EstimateError : the study cannot be run any more.
    """
    edition = Edition.read(workspace, programme)
    claims = Claims(edition)
    if key not in claims:
        raise _unknown(key, claims)
    claim = claims.claim(key)
    study = next((s for s in edition.studies if f"{s.programme}/{s.study}" == claim.source), None)
    if study is None or claim.value is None:
        raise BookError(
            f"{key} is no figure that a study computes: it says {claim.text!r}.",
            mend=f"name a figure, say {next(iter(claims.headline()), 'OUTCOME.effect')}",
        )
    if not workspace.has_ledger:
        raise BookError("there is no ledger to compute it from.", where=str(workspace.var))
    progress(f"Running {claim.source} on what was known at {study.vintage}")
    anew = _run(workspace, study, progress)
    before, after = of_study(study), of_study(anew)
    own = key if study is edition.headline else key.removeprefix(f"{study.study}.")
    others = [k for k, c in before.items() if c.page == k and k != own]
    computed = after[own].figure if own in after else dict.fromkeys(claim.figure)
    return Verified(
        key=key,
        text=claim.text,
        unit=claim.unit,
        study=claim.source,
        vintage=study.vintage,
        published=claim.figure,
        computed=computed,
        same=alike(claim.figure, computed),
        others=len(others),
        others_same=sum(_as_before(before[k], after.get(k)) for k in others),
        label=anew.label,
        differences=anew.differences,
        same_code=code_unchanged(study),
    )


SHOWN_IDS = 6


def _unknown(key: str, claims: Claims) -> BookError:
    """What to say to whoever asks for a figure by an id that there is not."""
    figures = claims.headline()
    some = words.listed(list(figures)[:SHOWN_IDS])
    return BookError(
        f"no figure of this edition has the id {key!r}.",
        expected=near(key, figures)
        or (f"one of {words.counted(len(figures), 'id')}, such as {some}" if figures else ""),
        mend="take an id from the page “Where each figure comes from”, or from the column id of "
        "headline.csv",
    )


def alike(a: Mapping[str, float | None], b: Mapping[str, float | None]) -> bool:
    """Whether every part of two figures agrees within the tolerance, or is missing in both."""
    return a.keys() == b.keys() and all(_close(a[part], b[part]) for part in a)


def _close(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=0.0)


def _as_before(before: Claim, after: Claim | None) -> bool:
    return after is not None and alike(before.figure, after.figure)


def _run(workspace: Workspace, study: Results, progress: Progress) -> Results:
    as_of, name = parse_instant(study.vintage), f"{study.programme}/{study.study}"
    with shadow(workspace) as apart:
        run = run_study(Study.load(apart, name, as_of=as_of), progress=progress)
        terms = terms_of(workspace, Programme.load(workspace, study.programme, collecting=False))
        return release(whole(apart, run), terms).results


@contextlib.contextmanager
def shadow(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace of links to the real one, in which nothing that a run writes is kept."""
    with tempfile.TemporaryDirectory(prefix="newstart-verify-") as folder:
        root = Path(folder)
        for name in ("studies", "data_schemas", "SYNTHETIC"):
            if (workspace.root / name).exists():
                (root / name).symlink_to((workspace.root / name).resolve())
        (root / "var").mkdir()
        for name in ("ledger.sqlite", "raw", "keys"):
            if (workspace.var / name).exists():
                (root / "var" / name).symlink_to((workspace.var / name).resolve())
        if (workspace.var / "looks").is_dir():
            shutil.copytree(workspace.var / "looks", root / "var" / "looks")
        yield Workspace(root=root)
