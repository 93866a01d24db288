"""Claims carry their figures, know their page, and can be walked back to line, code and return."""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path

import pytest

from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.pages import claim_page
from evaluation.edition.pages.claim_page import ClaimPages
from evaluation.edition.pages.claims import Claims
from evaluation.errors import BookError
from evaluation.estimate.did import did
from evaluation.workspace import Workspace


def test_a_claim_holds_its_figure_in_full_digits(edition: Edition, claims: Claims) -> None:
    finding = edition.headline.outcomes[0].finding
    claim = claims.claim("ae_attendances.effect")
    assert claim.figure == {
        "value": finding.effect_percent.effect,
        "low": finding.effect_percent.low,
        "high": finding.effect_percent.high,
    }
    assert (claim.outcome, claim.estimator, claim.kind) == ("ae_attendances", "did", "effect")
    npsv = claims.claim("money.npsv")
    assert npsv.value == edition.headline.value.totals.npsv.mean
    assert npsv.unit == "pounds of 2024"


def test_what_repeats_a_figure_links_to_the_page_of_that_figure(claims: Claims) -> None:
    pages = {claims.claim(f"ae_attendances.{key}").page for key in ("effect", "point", "verdict")}
    assert pages == {"ae_attendances.effect"}
    assert claims.claim("ae_attendances.interval").page == ""
    assert set(claims.headline()) >= {"ae_attendances.effect", "ae_attendances.people", "money.bcr"}
    said = claims.html("ae_attendances.point", "../")
    assert "<a href='../annex/claims/ae_attendances-effect.html'>" in said
    assert "<a" not in claims.html("ae_attendances.point")


def test_a_sentence_links_the_figures_in_it_and_only_those(claims: Claims) -> None:
    parts = claims.parts(claims.claim("answer.money"))
    assert "".join(text for text, _ in parts) == claims.claim("answer.money").text
    linked = {text: page for text, page in parts if page}
    assert linked["£8.1m"] == "money.cost"
    assert linked[claims.claim("money.bcr").text] == "money.bcr"


def test_figures_of_other_studies_have_no_page(claims: Claims) -> None:
    assert claims.claim("enterprise_zones.claims.effect").page == ""


def test_a_wrong_id_is_told_what_it_may_have_meant(claims: Claims) -> None:
    with pytest.raises(BookError) as caught:
        claims.claim("ae_attendances.efect")
    assert "ae_attendances.effect" in caught.value.expected


def test_lines_of_the_protocol_are_quoted_with_their_numbers(
    workspace: Workspace, edition: Edition, claims: Claims
) -> None:
    claim = claims.claim("ae_attendances.effect")
    lines = claim_page.protocol_lines(workspace, edition.headline, claim)
    held = claim_page.protocol_file(workspace, edition.headline).read_text("utf-8").splitlines()
    assert lines[0].text.startswith("primary: [ae_attendances")
    assert all(held[line.number - 1] == line.text for line in lines)


def test_the_code_of_a_figure_is_the_function_that_ran(claims: Claims) -> None:
    first = claim_page.functions(claims.claim("ae_attendances.effect"))[0]
    assert (first.file, first.line) == ("estimate/did.py", inspect.getsourcelines(did)[1])
    assert first.text == inspect.getsource(did)
    money = claim_page.functions(claims.claim("money.npsv"))[0]
    assert (money.name, money.file) == ("Value.totals", "value/accounts.py")


@pytest.mark.parametrize("name", sorted(claim_page.ESTIMATORS))
def test_every_estimator_of_a_protocol_has_its_function(claims: Claims, name: str) -> None:
    claim = dataclasses.replace(claims.claim("ae_attendances.effect"), estimator=name)
    assert claim_page.functions(claim)[0].text.startswith("def ")


def test_returns_are_those_that_fed_the_outcome(edition: Edition, claims: Claims) -> None:
    one = edition.receipts[0]["return_id"]
    fed = {"ae_attendances": frozenset({one})}
    claim = claims.claim("ae_attendances.effect")
    found = claim_page.receipts(edition, edition.headline, claim, fed)
    assert {receipt["return_id"] for receipt in found} == {one}
    assert len(claim_page.receipts(edition, edition.headline, claim, {})) == len(edition.receipts)


def test_a_page_offers_the_receipts_and_the_source(
    workspace: Workspace, edition: Edition, claims: Claims
) -> None:
    out = Generated(workspace.root / "made")
    seen = ClaimPages(workspace, edition, claims).view("ae_attendances.effect", out)
    rows = json.loads((out.folder / "files/data" / f"{seen['name']}.json").read_text("utf-8"))
    assert len(rows) == len(edition.receipts)
    assert rows[0]["keyed_hash"] == "k" * 64 and "content_hash" not in rows[0]
    source = (out.folder / "files/code/estimate/did.py.txt").read_text("utf-8")
    assert inspect.getsource(did) in source
    assert not seen["same_code"]


def test_earlier_editions_stand_beside_and_withdrawn_figures_are_named(
    workspace: Workspace, edition: Edition, claims: Claims, tmp_path: Path
) -> None:
    published = {
        "name": "2026-Q3",
        "quarter": "2026 Q3",
        "number": 1,
        "correction": 0,
        "reason": "",
        "published": "2026-11-20T09:00:00Z",
        "next_due": "",
        "pages": True,
        "manifest": "m",
    }
    was = {
        "money.npsv": {"text": "−£3.1m", "page": "money.npsv"},
        "arrears.effect": {"text": "−2.0%", "page": "arrears.effect"},
    }
    folder = tmp_path / "var" / "editions"
    (folder / "2026-Q3").mkdir(parents=True)
    (folder / "index.json").write_text(json.dumps({"editions": [published]}), "utf-8")
    (folder / "2026-Q3" / "claims.json").write_text(json.dumps(was), "utf-8")
    pages = ClaimPages(Workspace(root=tmp_path), edition, claims)
    withdrawn = str(pages.withdrawn())
    assert "arrears.effect" in withdrawn and "money.npsv" not in withdrawn
    assert "−£3.1m" in str(pages.view("money.npsv", Generated(tmp_path / "made"))["standing"])
    assert ClaimPages(workspace, edition, claims).withdrawn() is None
