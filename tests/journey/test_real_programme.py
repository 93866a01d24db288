"""A real programme as its lead would try it, to the refusal at publication.

The small programme goes in the ordinary run; the whole one, which is marked slow, has the size of a
first pilot: see `tests.journey.pilot_programme`.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from evaluation.disclosure.key import VARIABLE
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.workspace import Workspace
from tests.journey import pilot_programme as pilot
from tests.journey.at_the_command_line import newstart, told
from tests.once import once


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = once(tmp_path_factory, "roots", lambda place: pilot.build(place, pilot.SMALL))
    return folder / "workspace"


def test_the_way_of_a_small_programme(small: Path, tmp_path: Path) -> None:
    goes_to_the_refusal(small, pilot.SMALL, tmp_path)


@pytest.mark.slow
def test_the_way_of_the_whole_programme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whole").mkdir()
    root = pilot.build(tmp_path / "whole", pilot.WHOLE)
    declared = Programme.load(Workspace(root=root), pilot.NAME)
    roles = [area.role for area in declared.areas]
    assert (roles.count("pilot"), roles.count("comparison")) == (18, 120)
    assert len({area.authority for area in declared.areas}) == 14
    assert len({a.authority for a in declared.areas if a.role == "pilot"}) == 2
    assert len(declared.sites) == 5 and len(declared.agencies) == 3
    assert len(declared.periods) == 23
    assert len(declared.outcome_by_code["evictions"].sources_for("comparison")) == 12
    goes_to_the_refusal(root, pilot.WHOLE, tmp_path)
    goes_to_the_edition(root, tmp_path, monkeypatch)


def goes_to_the_refusal(root: Path, size: pilot.Size, folder: Path) -> None:
    """Status, correction, exploratory lock, results; then each way out is refused."""
    programme = Programme.load(Workspace(root=root), pilot.NAME)
    told_now = json.loads(newstart(root, "status", "--json"))
    owed = len(programme.periods) * len(programme.submitters)
    assert told_now["returns"] == {"due": owed, "in": owed, "late": 0} | {
        "came_late": told_now["returns"]["came_late"]
    }
    assert told_now["returns"]["came_late"] >= 1
    assert told_now["declared"]["nobody_returns"] == {}
    pilot.correct(root, folder)
    log = json.loads(newstart(root, "ledger", "log", "--json"))
    assert log[-1]["by"] == pilot.SENDER and log[-1]["changes"]
    code, out, _ = told(root, "protocol", "check", pilot.STUDY)
    assert code == 1 and "14 are eligible" in out and "--exploratory" in out
    assert "14 are eligible" in newstart(root, "design", "power", pilot.STUDY)
    results = pilot.lock_and_run(root)
    data = {one["code"]: one["data"] for one in results["outcomes"]}
    assert data["evictions"]["suppressed"] > 1 and data["evictions"]["revised"] == 1
    assert results["label"] == "exploratory"
    said = " ".join(one["finding"]["sentence"] for one in results["outcomes"])
    assert "comparison areas" in said and "improved" not in said
    assert {site["code"] for site in results["sites"]} == {one.code for one in size.sites}
    for verb in (("book", "build"), ("edition", "publish"), ("edition", "publish", "--no-pages")):
        code, _, err = told(root, *verb)
        assert code in (1, 2) and "may not be published" in err, (verb, err)


def test_the_small_programme_reaches_its_published_edition(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(small, root)
    if not (root / "var/results/roots/first_look/results.json").is_file():
        pilot.lock_and_run(root)
    goes_to_the_edition(root, tmp_path, monkeypatch)


def goes_to_the_edition(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Returns with small counts, study, audit, two approvals, edition; what is missing stops it."""
    publish = ("edition", "publish", "--no-pages")

    def refused(said: str, *verb: str) -> None:
        code, _, err = told(root, *(verb or publish))
        assert code in (1, 2) and said in err, err
        assert not list((root / "var" / "editions").glob("2*"))

    monkeypatch.delenv(VARIABLE, raising=False)
    refused("No disclosure key is named")
    monkeypatch.setenv(VARIABLE, str(folder / "key"))
    newstart(root, "disclosure", "key", "create", str(folder / "key"))
    refused("No release was asked for")
    refused("it is not said who asks", "release", "request", pilot.STUDY)
    refused("Mallory is nobody", "release", "request", pilot.STUDY, "--as", "Mallory")
    pilot.agree(root, expires="2026-01-01")
    refused("ended on 2026-01-01", "release", "request", pilot.STUDY, "--as", "Eve")
    (root / "studies/roots/agreements.yaml").unlink()
    refused("no agreement covers evictions", "release", "request", pilot.STUDY, "--as", "Eve")
    pilot.agree(root)
    asked = json.loads(newstart(root, "release", "request", pilot.STUDY, "--as", "Eve", "--json"))
    assert {"bundle", "hash", "audit"} <= set(asked) and asked["audit"]["ok"]
    assert asked["audit"]["fewest"] >= asked["audit"]["k"] == 5
    bundle = asked["bundle"]
    tried = {one["insider"] for one in asked["audit"]["insiders"]}
    programme = Programme.load(Workspace(root=root), pilot.NAME)
    assert tried and tried <= {f"{site}/{agency}" for site, agency in programme.submitters}
    assert {one.split("/")[0] for one in tried} == {site.code for site in programme.sites}
    shown = newstart(root, "release", "show", bundle)
    assert f"Tried as each of {len(tried)} submitters" in shown
    assert all(f"{one}: " in shown for one in tried)
    refused("approved by no checker")
    for who, why in (("Eve", "no output checker"), ("Per", "no output checker")):
        refused(why, "release", "approve", bundle, "--as", who, "--note", "x")
    refused("says in a note", "release", "approve", bundle, "--as", "Cat")
    newstart(root, "release", "approve", bundle, "--as", "Cat", "--note", "the new rows")
    refused("approved by Cat alone")
    newstart(root, "release", "approve", bundle, "--as", "Cat", "--note", "once more")
    refused("approved by Cat alone")
    newstart(root, "release", "refuse", bundle, "--as", "Dot", "--note", "one picture")
    refused("refused by Dot")
    newstart(root, "release", "approve", bundle, "--as", "Dot", "--note", "it is mended")
    pilot.agree(root, retention="one year")
    refused("the agreements changed since it was asked for")
    pilot.agree(root)
    newstart(root, *publish)
    published_as_it_was_signed(root, bundle, asked["hash"])


def published_as_it_was_signed(root: Path, bundle: str, hashed: str) -> None:
    """The register, its chain, and that nothing else may follow on the same approvals."""
    printed = json.loads(newstart(root, "disclosure", "register", "--json"))
    assert {"edition", "address", "printed", "low", "high", "kind"} <= set(printed[0])
    assert {one["edition"] for one in printed} == {"2026-Q2"}
    counts = [one for one in printed if one["kind"] == "count"]
    assert counts and all(
        one["printed"] is None or (one["printed"] >= 15 and one["printed"] % 5 == 0)
        for one in counts
    ), "no count under 15 was printed, and each is a multiple of five"
    assert any(one["printed"] is None for one in counts), "small counts are hidden"
    assert newstart(root, "ledger", "verify") == ""
    with Ledger.open(root / "var/ledger.sqlite", root / "var/raw") as ledger:
        said = [one.signed for one in ledger.signatures("roots")]
    assert [one.kind for one in said][-1] == "publication" and said[-1].bundle == bundle
    assert {one.hash for one in said if one.kind == "approval"} == {hashed}
    # Nothing changed: the edition that stands is named, and no more is printed.
    newstart(root, "edition", "publish", "--no-pages")
    assert json.loads(newstart(root, "disclosure", "register", "--json")) == printed
    path = root / f"var/release/roots/{bundle}.json"
    path.write_text(path.read_text("utf-8").replace('"exceptions": []', '"exceptions": [1]'))
    code, _, err = told(root, "edition", "publish", "--no-pages", "--reason", "A slip.")
    assert code == 1 and "is not as it was frozen" in err


def run_and_keyed(small: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small programme with results, agreements and a key."""
    root = folder / "workspace"
    shutil.copytree(small, root)
    shutil.copytree(small.parent / "in", folder / "in")
    if not (root / "var/results/roots/first_look/results.json").is_file():
        pilot.lock_and_run(root)
    pilot.agree(root)
    monkeypatch.setenv(VARIABLE, str(folder / "key"))
    newstart(root, "disclosure", "key", "create", str(folder / "key"))
    return root


def approved(root: Path, *checkers: str) -> str:
    """The name of a bundle that Eve asked for and that these approved."""
    asked = json.loads(newstart(root, "release", "request", pilot.STUDY, "--as", "Eve", "--json"))
    for who in checkers:
        newstart(root, "release", "approve", asked["bundle"], "--as", who, "--note", "looked at")
    return str(asked["bundle"])


def test_what_is_no_longer_as_it_was_approved_stays_inside(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own request, one checker, another key, none, an ended agreement, returns that came since."""
    root = run_and_keyed(small, tmp_path, monkeypatch)

    def stopped(said: str, *verb: str) -> None:
        code, _, err = told(root, *(verb or ("edition", "publish", "--no-pages")))
        assert code in (1, 2) and said in err, err
        assert not list((root / "var" / "editions").glob("2*"))

    own = json.loads(newstart(root, "release", "request", pilot.STUDY, "--as", "Cat", "--json"))
    stopped(
        "nobody checks what they asked for",
        *("release", "approve", own["bundle"], "--as", "Cat", "--note", "mine"),
    )
    newstart(root, "release", "approve", own["bundle"], "--as", "Dot", "--note", "seen")
    stopped("approved by Dot alone")
    approved(root, "Cat", "Dot")
    newstart(root, "disclosure", "key", "create", str(tmp_path / "other"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other"))
    stopped("the disclosure key changed since it was asked for")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    stopped(str(tmp_path / "gone"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "key"))
    pilot.agree(root, expires="2026-01-01")
    stopped("ended on 2026-01-01")
    pilot.agree(root)
    pilot.correct(root, tmp_path)
    # That one may be in already, from another test; one more is not.
    shutil.copy(tmp_path / pilot.CORRECTED, tmp_path / "in" / pilot.CORRECTED)
    pilot.correct(root, tmp_path)
    stopped("the returns changed since it was asked for")


@pytest.mark.slow
def test_the_small_programme_is_published_with_its_pages(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real returns with small counts, all the way to pages, in which no true count stands."""
    root = run_and_keyed(small, tmp_path, monkeypatch)
    code, _, err = told(root, "edition", "publish")
    assert code in (1, 2) and "No release was asked for" in err
    bundle = approved(root, "Cat", "Dot")
    newstart(root, "edition", "publish")
    pages = root / "var/editions/2026-Q2/pages"
    assert (pages / "index.html").is_file() and (pages / "downloads/results.xlsx").is_file()
    scanned = json.loads(newstart(root, "book", "scan", str(pages), "--json"))
    assert scanned["ok"] and scanned["numbers"] > 1_000
    said = re.sub(r"<[^>]+>", "", (pages / "annex/protected.html").read_text("utf-8"))
    assert "are hidden" in said and "fewer than 15" in said
    content = json.loads((root / f"var/release/roots/{bundle}.json").read_text("utf-8"))
    counts = {one["count"] for one in content["underlying_counts"] if one["count"]}
    small_ones = {one for one in counts if one < 15}
    assert small_ones, "the programme has small counts"
    held = json.loads(newstart(root, "disclosure", "register", "--json"))
    printed = {one["printed"] for one in held if one["kind"] == "count"}
    assert not small_ones & printed
    # A leak that is put in after the fact is found by whoever scans what is published.
    page = pages / "index.html"
    page.write_text(page.read_text("utf-8").replace("</h1>", "</h1><!-- 7 people -->", 1), "utf-8")
    code, out, _ = told(root, "book", "scan", str(pages))
    assert code == 1 and "a comment holds no number" in out
