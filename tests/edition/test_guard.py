"""Wrong figures, verdicts that are not borne and stale ids stop the build, with page and line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from evaluation.edition import guard as guarding
from evaluation.edition.build import build_book
from evaluation.edition.edition import Edition
from evaluation.edition.guard import Fault, Prose, Reader
from evaluation.edition.pages.claims import Claims
from evaluation.errors import BookError
from evaluation.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]

# In the invented results A&E attendances improved (they fell), crisis contacts worsened (they
# rose), homelessness has no effect larger than 6 %, claims are too early, and money is lost so far.
INJECTED = {
    "wrong number": ("A&E attendances changed by 17%.", "the number '17%' is typed"),
    "number beside its claim": ("{claim}`ae_attendances.point`, so 12 a day.", "'12'"),
    "pounds": ("It cost £8.1m so far.", "'£8.1m'"),
    "in a table": ("| outcome | effect |\n|---|---|\n| A&E | -8.1 |", "'-8.1'"),
    "in a list": ("- one\n- two sites, 14 areas", "'14'"),
    "verdict by title": ("Crisis contacts improved.", "does not bear"),
    "verdict by claim": ("It fell: {claim}`claimant_count.point`.", "does not bear"),
    "the other direction": ("A&E attendances rose.", "does not bear"),
    "none, where it is early": ("There was no effect on {claim}`claimant_count.title`.", "bear"),
    "denied": ("{claim}`claimant_count.title` did not rise, and has not fallen.", "not fallen"),
    "of the programme": ("New Start reduced crime.", "of no outcome"),
    "money": ("The programme saved money.", "the accounts do not bear it"),
    "paid": ("So far the programme has paid for itself.", "the accounts do not bear it"),
    "stale id": ("Now {claim}`ae_attendances.gone`.", "'ae_attendances.gone'"),
    "constant without source": ("At {constant}`5%`.", "without its source"),
    "recorded by nothing": ("It took {measured}`3 s <benchmarks.gone>`.", "is not there"),
    "stale command": ("It took 3 s (`python -m benchmarks.gone`).", "is not there"),
}

BORNE = {
    "claim": "A&E attendances fell by {claim}`ae_attendances.point`.",
    "verdict": "{claim}`ae_attendances.title` improved; crisis contacts worsened.",
    "none": "There was no effect on homelessness duties that is larger than the margin.",
    "denied": "Homelessness duties did not fall and have not risen.",
    "asked": "Whether New Start reduced crime, or would have, is not known.",
    "quoted": 'What "reduced crime" means here, and what *improved* means.',
    "time": "Since 2024 Q2, from 3 March 2025 on, in 2025/26 and 1988.",
    "names": "Jupyter Book 1, Python 3.11, 3.12 and 3.13, SHA-256, Apache 2.0.",
    "code": "`x = 17` and ``y = 18``\n\n```python\nz = 19\n```\n\n$a = 20$",
    "constant": "At {constant}`5% <the level of the test>`.",
    "recorded": "In 3 s (`python -m benchmarks.published`).\n\n| a | s |\n|---|---|\n| b | 2 |",
    "measured": "It took {measured}`3 s <benchmarks.published>`.",
    "link": "[the table](methods.md#table-17)",
    "other prose": "Records fell behind, and the wind rose.",
}


def faults(edition: Edition, claims: Claims, text: str, **more: Any) -> list[Fault]:
    page = Prose(name="book/page.md", text=text, **more)
    return list(Reader(edition.headline, claims, REPOSITORY).faults(page))


@pytest.mark.parametrize("name", INJECTED)
def test_what_no_result_bears_is_found_on_its_line(
    edition: Edition, claims: Claims, name: str
) -> None:
    text, said = INJECTED[name]
    found = faults(edition, claims, f"# Title\n\nSome prose.\n\n{text}\n")
    assert found and any(said in fault.what for fault in found), found
    last = 4 + text.count("\n") + 1
    assert all(fault.page == "book/page.md" and 5 <= fault.line <= last for fault in found)
    assert all(fault.expected and fault.mend for fault in found)


@pytest.mark.parametrize("name", BORNE)
def test_what_a_result_bears_is_let_through(edition: Edition, claims: Claims, name: str) -> None:
    assert faults(edition, claims, f"# Title\n\n{BORNE[name]}\n") == []


def test_a_stale_id_is_told_what_it_may_have_been(edition: Edition, claims: Claims) -> None:
    (found,) = faults(edition, claims, "{claim}`ae_attendances.efect`")
    assert "ae_attendances.effect" in found.expected


def test_a_page_held_by_a_test_is_taken_at_its_word(edition: Edition, claims: Claims) -> None:
    held = "% figures held by tests/unit/test_value_chain.py\n\nWorth £17.\n"
    assert faults(edition, claims, held) == []
    (found,) = faults(edition, claims, held.replace("test_value_chain", "test_gone"))
    assert found.line == 1 and "test_gone" in found.what


def test_a_template_may_print_results_and_type_none(edition: Edition, claims: Claims) -> None:
    prints = "{% if a > 3 %}{{ number(17) }} and {claim}`{{ key }}.effect` {# 4 #}{% endif %}"
    assert faults(edition, claims, prints, template=True) == []
    (found,) = faults(edition, claims, f"{prints}\n<p class='a1'>17 areas</p>", template=True)
    assert (found.line, "'17'" in found.what) == (2, True)


def test_a_case_is_read_against_its_own_findings(edition: Edition, claims: Claims) -> None:
    case = next(study for study in edition.others if study.study == "enterprise_zones")
    page = Prose(name="study.md", text="Unemployment claims fell.")
    assert [f.line for f in Reader(case, claims, REPOSITORY).faults(page)] == [1]


@pytest.mark.parametrize("name", ["wrong number", "verdict by title", "stale id"])
def test_the_build_stops_and_names_page_and_line(
    workspace: Workspace, tmp_path: Path, name: str
) -> None:
    root = tmp_path / "ws"
    shutil.copytree(workspace.root, root)
    (root / "book" / "_config.yml").write_text("title: Book\n", encoding="utf-8")
    text, said = INJECTED[name]
    (root / "book" / "objections.md").write_text(f"# Objections\n\n{text}\n", encoding="utf-8")
    with pytest.raises(BookError, match=rf"book/objections\.md:3: .*{re.escape(said)}"):
        build_book(Workspace(root=root), progress=lambda _: None)
    assert not (root / "book" / "_build").exists()


def test_the_project_s_own_prose_is_borne(edition: Edition, claims: Claims) -> None:
    here = Workspace(root=REPOSITORY)
    found = [
        str(fault)
        for page, study in guarding.pages(here, edition)
        for fault in Reader(study, claims, REPOSITORY).faults(page)
        # The invented results have no other study's claims, and another programme's verdicts.
        if "bears the claim" not in fault.what
    ]
    assert found == []
