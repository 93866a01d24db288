"""The page of a headline figure: what it is, and every step from it back to the returns."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evaluation.edition import lineage, words
from evaluation.edition.claims import PAGES, Claim, Claims, file_name
from evaluation.edition.past import History
from evaluation.edition.tables import Cell, link, table
from evaluation.quarters import Period
from evaluation.workspace import package

if TYPE_CHECKING:
    from markupsafe import Markup

    from evaluation.edition.edition import Edition
    from evaluation.edition.files import Generated
    from evaluation.edition.records import Record
    from evaluation.workspace import Workspace

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
        return lineage.returns_by_outcome(self.workspace, self.study)

    @functools.cached_property
    def _titles(self) -> dict[str, str]:
        return {o["code"]: o["plain_title"] for o in self.study.outcomes}

    def title(self, claim: Claim) -> str:
        """What a headline figure is called."""
        if claim.account:
            return ACCOUNTS.get(claim.account, claim.account)
        what = "effect" if claim.kind == "effect" else "in people"
        return f"{self._titles[claim.outcome]}: {what}"

    def view(self, key: str, out: Generated) -> dict[str, Any]:
        """Everything that the template of a claim's page asks for."""
        claim, study = self.claims.claim(key), self.study
        found = lineage.functions(claim)
        for source in found:
            out.text(_published(source), (package() / source.file).read_text(encoding="utf-8"))
        kept = lineage.receipts(self.edition, study, claim, self._fed)
        name = f"claims/{file_name(key)}-returns"
        out.table(name, [_receipt_row(receipt) for receipt in kept])
        lines = lineage.protocol_lines(self.workspace, study, claim)
        return {
            "key": key,
            "figure": claim,
            "title": self.title(claim),
            "study": study,
            "outcome": next((o for o in study.outcomes if o["code"] == claim.outcome), None),
            "figures": _figures(claim),
            "lines": lines,
            "same_protocol": bool(lines) and lineage.protocol_unchanged(self.workspace, study),
            "same_code": lineage.code_unchanged(study),
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


def _published(source: lineage.FunctionText) -> str:
    return f"files/code/{source.file}.txt"


def _figures(claim: Claim) -> Markup:
    named = (("Best figure", claim.value), ("Low end", claim.low), ("High end", claim.high))
    rows = [[name, "none can be given" if value is None else f"{value!r}"] for name, value in named]
    return table(f"Full digits, {claim.unit}", ["What", "Figure"], rows, numeric="tn")


def _receipt_row(receipt: Record) -> dict[str, Any]:
    named = (
        "return_id",
        "site",
        "agency",
        "quarter",
        "received",
        "rows",
        "content_hash",
        "chain_hash",
    )
    return {key: receipt[key] for key in named}


def _span(receipts: Sequence[Record]) -> str:
    """The first and last quarter that returns are about."""
    found = sorted({r["quarter"] for r in receipts}, key=Period.parse)
    return f"{found[0]} to {found[-1]}" if found else "no quarter"
