"""The page of a headline figure: what it is, and every step from it back to the returns."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.edition import words
from evaluation.edition.html_tables import Cell, link, table
from evaluation.edition.pages.claims import PAGES, Claim, Claims, file_name
from evaluation.edition.past import History
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import CHAIN_VERSION
from evaluation.protocol import Protocol
from evaluation.quarters import Period, parse_instant
from evaluation.study.code import code_fingerprint
from evaluation.study.record import Results
from evaluation.workspace import package

if TYPE_CHECKING:
    from markupsafe import Markup

    from evaluation.edition.edition import Edition
    from evaluation.edition.files import Generated
    from evaluation.study.written import Record
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
_EFFECT = ("finding.judge:judge", "study.interim_analyses:look_at")
_PEOPLE = ("estimate.units:in_units", "finding.judge:judge")
_MONEY = ("value.accounts:Value.totals", "value.worth:value_of", "value.tally:net_effects")
_RATIO = ("value.accounts:Value.ratios", "value.worth:value_of", "value.tally:net_effects")


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


def protocol_file(workspace: Workspace, study: Results) -> Path:
    """Where the study's protocol lies."""
    return workspace.studies / study.programme / study.study / "protocol.yaml"


def protocol_lines(workspace: Workspace, study: Results, claim: Claim) -> tuple[Line, ...]:
    """The lines of the protocol that fixed a figure, the decisive first; none without a file."""
    path = protocol_file(workspace, study)
    if not path.is_file():
        return ()
    text = path.read_text(encoding="utf-8").splitlines()
    if claim.account:
        wanted: tuple[str, ...] = ("value", "price_base", "primary", "secondary", "assignments")
    else:
        role = next((o.role for o in study.outcomes if o.code == claim.outcome), "")
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


def protocol_unchanged(workspace: Workspace, study: Results) -> bool:
    """Whether the protocol on file is the one that the results were computed by.

    Raises
    ------
    ProtocolError : the file is no protocol.
    """
    held = Protocol.load(protocol_file(workspace, study).parent)
    return held.fingerprint == study.protocol_fingerprint


def code_unchanged(study: Results) -> bool:
    """Whether the code that is shown is the code that computed the results."""
    return code_fingerprint() == study.code_fingerprint


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


def returns_by_outcome(workspace: Workspace, study: Results) -> dict[str, frozenset[str]]:
    """The returns that hold the figures of each outcome as known at the vintage, by their ids.

    Empty where the workspace has no ledger.
    """
    if not workspace.has_ledger:
        return {}
    codes = [outcome.code for outcome in study.outcomes]
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        known = ledger.observations(
            study.programme, as_of=parse_instant(study.vintage), outcomes=codes
        )
    grouped = known.groupby("outcome")["return_id"].unique()
    return {str(code): frozenset(map(str, ids)) for code, ids in grouped.items()}


def receipts(
    edition: Edition, study: Results, claim: Claim, fed: Mapping[str, frozenset[str]]
) -> list[Record]:
    """The receipts of the returns that fed a figure; of all known then, where no more is known.

    ``fed`` as `returns_by_outcome` gives it.
    """
    known = [r for r in edition.receipts if r["received"] <= study.vintage]
    if not fed:
        return known
    codes = {claim.outcome}
    if claim.account and study.value is not None:
        codes = {row.outcome for row in study.value.by_outcome}
    ids = frozenset().union(*(fed.get(code, frozenset()) for code in codes))
    return [receipt for receipt in known if receipt["return_id"] in ids]


ROOT = "../../"
ACCOUNTS = {
    "cost": "Cost of the programme, to date",
    "gross_fiscal": "Public spending released, to date",
    "gross_fiscal_AME": "Spending released on benefits and the like (AME), to date",
    "gross_fiscal_DEL": "Spending released in agencies' budgets (DEL), to date",
    "gross_economic": "Gains to people's incomes and to the economy, to date",
    "gross_social": "Gains to people's lives, in pounds, to date",
    "cashable": "Spending released that could leave a budget, to date",
    "net_fiscal": "Public spending released less cost, to date",
    "npsv": "Net present social value, to date",
    "bcr": "Back for each pound, to date",
    "fiscal_ratio": "Public spending released for each pound of cost, to date",
    "cashable_ratio": "What could leave a budget for each pound of cost, to date",
}


class ClaimPages:
    """Makes what the pages of one edition's headline figures show."""

    def __init__(self, workspace: Workspace, edition: Edition, claims: Claims) -> None:
        self.workspace, self.edition, self.claims = workspace, edition, claims
        self.study = edition.headline
        self.history = History.read(workspace)

    @functools.cached_property
    def _fed(self) -> Mapping[str, frozenset[str]]:
        return returns_by_outcome(self.workspace, self.study)

    @functools.cached_property
    def _titles(self) -> dict[str, str]:
        return {o.code: o.plain_title for o in self.study.outcomes}

    def title(self, claim: Claim) -> str:
        """What a headline figure is called."""
        if claim.account:
            return ACCOUNTS.get(claim.account, claim.account)
        what = "effect" if claim.kind == "effect" else "in people"
        return f"{self._titles[claim.outcome]}: {what}"

    def view(self, key: str, out: Generated) -> dict[str, Any]:
        """Everything that the template of a claim's page asks for."""
        claim, study = self.claims.claim(key), self.study
        found = functions(claim)
        for source in found:
            out.text(_published(source), (package() / source.file).read_text(encoding="utf-8"))
        kept = receipts(self.edition, study, claim, self._fed)
        name = f"claims/{file_name(key)}-returns"
        out.table(name, [_receipt_row(receipt) for receipt in kept])
        lines = protocol_lines(self.workspace, study, claim)
        return {
            "key": key,
            "figure": claim,
            "title": self.title(claim),
            "study": study,
            "outcome": next((o for o in study.outcomes if o.code == claim.outcome), None),
            "figures": _figures(claim),
            "lines": lines,
            "same_protocol": bool(lines) and protocol_unchanged(self.workspace, study),
            "same_code": code_unchanged(study),
            "functions": found,
            "published": {source.name: _published(source) for source in found},
            "receipts": kept,
            "span": _span(kept),
            "by_return": bool(self._fed),
            "name": name,
            "root": ROOT,
            "standing": self._standing(key),
        }

    def _standing(self, key: str) -> Markup | None:
        """What earlier editions said under the same id; None where none was published."""
        rows: list[list[Cell]] = [
            [one.name, str(one.claims[key]["text"]), words.day(one.published)]
            for one in self.history.editions
            if key in one.claims
        ]
        heads = ["Edition", "Figure then", "Published"]
        return table("The same figure in editions before this one", heads, rows) if rows else None

    def withdrawn(self) -> Markup | None:
        """Headline figures of earlier editions that this one no longer holds."""
        gone = {
            key: (one.name, str(was["text"]))
            for one in self.history.editions
            for key, was in one.claims.items()
            if was.get("page") == key and key not in self.claims
        }
        rows: list[list[Cell]] = [[key, name, text] for key, (name, text) in sorted(gone.items())]
        heads = ["Id", "Last in edition", "Figure then"]
        return table("Withdrawn: in no result of this edition", heads, rows) if rows else None

    def index(self) -> Markup:
        """Every headline figure with its id and a link to its page."""
        rows: list[list[Cell]] = [
            [link(f"{file_name(key)}.html", self.title(claim)), claim.text, key]
            for key, claim in self.claims.headline().items()
        ]
        return table("Headline figures of this edition", ["What", "Figure (range)", "Id"], rows)


def page_of(key: str) -> str:
    """The document of a claim's page, from the book's root."""
    return f"{PAGES}/{file_name(key)}"


def _published(source: FunctionText) -> str:
    return f"files/code/{source.file}.txt"


def _figures(claim: Claim) -> Markup:
    named = (("Best figure", claim.value), ("Low end", claim.low), ("High end", claim.high))
    rows = [[name, "none can be given" if value is None else f"{value!r}"] for name, value in named]
    return table(f"As released, {claim.unit}", ["What", "Figure"], rows, numeric="tn")


def _receipt_row(receipt: Record) -> dict[str, Any]:
    named = ("return_id", "site", "agency", "quarter", "received", "rows")
    # Never the hash of the figures, nor one that binds it bare, as the chain of before did.
    keyed = {"keyed_hash": receipt.get("keyed_hash", "")}
    chained = receipt.get("chain_version", 1) >= CHAIN_VERSION
    chain = receipt["chain_hash"] if chained else ""
    return {key: receipt[key] for key in named} | keyed | {"chain_hash": chain}


def _span(receipts: Sequence[Record]) -> str:
    """The first and last quarter, or month, that returns are about."""
    found = sorted({r["quarter"] for r in receipts}, key=lambda q: Period.parse(q).last_day)
    return f"{found[0]} to {found[-1]}" if found else "no quarter"
