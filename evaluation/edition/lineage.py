"""Where a headline figure comes from: the lines that fixed it, the code, the returns that fed it.

Nothing of this is typed: lines are read from ``protocol.yaml``, functions from the package that
runs, returns from the ledger as it stood at the study's vintage.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.ledger.ledger import Ledger
from evaluation.protocol import Protocol
from evaluation.quarters import parse_instant
from evaluation.study.code import code_fingerprint
from evaluation.workspace import package

if TYPE_CHECKING:
    from evaluation.edition.claims import Claim
    from evaluation.edition.edition import Edition, StudyResults
    from evaluation.edition.records import Record
    from evaluation.workspace import Workspace

ESTIMATORS = {
    "did": "estimate.did:did",
    "imputation": "estimate.imputation:imputation",
    "synthetic_control": "estimate.synthetic:synthetic_control",
    "augmented_synthetic_control": "estimate.synthetic:augmented_synthetic_control",
    "synthetic_did": "estimate.synthetic:synthetic_did",
    "fixed_effects": "estimate.two_way:two_way_fixed_effects",
    "first_differences": "estimate.two_way:two_way_fixed_effects",
}
_EFFECT = ("finding.judge:judge", "study.looks:look_at")
_PEOPLE = ("estimate.units:in_units", "finding.judge:judge")
_MONEY = ("value.accounts:Value.totals", "value.worth:value_of", "value.effects:net_effects")
_RATIO = ("value.accounts:Value.ratios", "value.worth:value_of", "value.effects:net_effects")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a file, with its number."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class FunctionText:
    """A function of the package: its name, file below the package, first line and text."""

    name: str
    file: str
    line: int
    text: str


def protocol_file(workspace: Workspace, study: StudyResults) -> Path:
    """Where the study's protocol lies."""
    return workspace.studies / study.programme / study.study / "protocol.yaml"


def protocol_lines(workspace: Workspace, study: StudyResults, claim: Claim) -> tuple[Line, ...]:
    """The lines of the protocol that fixed a figure, the decisive one first; none without a file.

    Raises
    ------
    ProtocolError : the file is no protocol.
    """
    path = protocol_file(workspace, study)
    if not path.is_file():
        return ()
    text = path.read_text(encoding="utf-8").splitlines()
    if claim.account:
        wanted: tuple[str, ...] = ("value", "price_base", "primary", "secondary", "assignments")
    else:
        role = next((o["role"] for o in study.outcomes if o["code"] == claim.outcome), "")
        wanted = (
            role,
            "window",
            "estimators",
            "did",
            "synthetic_control",
            "scale",
            "assignments",
            "looks",
        )
    return tuple(
        Line(number=number, text=line)
        for key in wanted
        for number, line in _block(text, key)
        if key != "scale" or claim.outcome in line
    )


def _block(text: Sequence[str], key: str) -> list[tuple[int, str]]:
    """The lines of a top-level key of a YAML file."""
    first = next((k for k, line in enumerate(text) if line.startswith(f"{key}:")), None)
    if first is None:
        return []
    last = next((k for k in range(first + 1, len(text)) if re.match(r"\S", text[k])), len(text))
    return [(k + 1, text[k]) for k in range(first, last) if text[k].strip()]


def protocol_unchanged(workspace: Workspace, study: StudyResults) -> bool:
    """Whether the protocol on file is the one that the results were computed by.

    Raises
    ------
    ProtocolError : the file is no protocol.
    """
    held = Protocol.load(protocol_file(workspace, study).parent)
    return held.fingerprint == str(study.raw["protocol_fingerprint"])


def code_unchanged(study: StudyResults) -> bool:
    """Whether the code that is shown is the code that computed the results."""
    return code_fingerprint() == str(study.raw["code_fingerprint"])


def functions(claim: Claim) -> tuple[FunctionText, ...]:
    """The functions that computed a figure, the decisive one first."""
    if claim.account:
        names = list(_RATIO if claim.kind == "ratio" else _MONEY)
    else:
        own = ESTIMATORS[claim.estimator]
        names = [own, *_EFFECT] if claim.kind == "effect" else [*_PEOPLE, own]
    return tuple(_source(name) for name in names)


def _source(name: str) -> FunctionText:
    module, _, inner = name.partition(":")
    found: Any = importlib.import_module(f"evaluation.{module}")
    for part in inner.split("."):
        found = getattr(found, part)
    lines, first = inspect.getsourcelines(found)
    file = Path(inspect.getsourcefile(found) or "").relative_to(package()).as_posix()
    return FunctionText(name=inner, file=file, line=first, text="".join(lines))


def returns_by_outcome(workspace: Workspace, study: StudyResults) -> dict[str, frozenset[str]]:
    """The returns that hold the figures of each outcome as known at the vintage, by their ids.

    Empty where the workspace has no ledger.
    """
    if not workspace.has_ledger:
        return {}
    codes = [outcome["code"] for outcome in study.outcomes]
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        known = ledger.observations(
            study.programme, as_of=parse_instant(study.raw["vintage"]), outcomes=codes
        )
    grouped = known.groupby("outcome")["return_id"].unique()
    return {str(code): frozenset(map(str, ids)) for code, ids in grouped.items()}


def receipts(
    edition: Edition, study: StudyResults, claim: Claim, fed: Mapping[str, frozenset[str]]
) -> list[Record]:
    """The receipts of the returns that fed a figure; of all known then, where no more is known.

    ``fed`` as `returns_by_outcome` gives it.
    """
    known = [r for r in edition.receipts if r["received"] <= study.raw["vintage"]]
    if not fed:
        return known
    value = study.value or {}
    codes = (
        {row["outcome"] for row in value.get("by_outcome", [])}
        if claim.account
        else {claim.outcome}
    )
    ids = frozenset().union(*(fed.get(code, frozenset()) for code in codes))
    return [receipt for receipt in known if receipt["return_id"] in ids]
