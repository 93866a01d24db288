"""The demonstration gives the figures, claims, tables and pages that were recorded."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.golden import demonstration, kept, masks, plain
from tests.golden.comparing import Difference, differences, same
from tests.golden.workspace import page_lines, record_of


@pytest.mark.slow
@pytest.mark.parametrize("size", kept.SIZES)
def test_the_demonstration_is_as_recorded(size: str, tmp_path: Path) -> None:
    workspace = demonstration.run(tmp_path / "demo", size)
    found = differences(kept.read(size), record_of(workspace))
    assert not found, f"{len(found)} facts differ:\n" + "\n".join(map(str, found[:20]))


@pytest.mark.parametrize("size", kept.SIZES)
def test_a_record_reads_back_as_it_is_written(size: str, tmp_path: Path) -> None:
    record = kept.read(size)
    kept.write(size, record, tmp_path)
    assert all(
        (tmp_path / size / f"{part}.txt").read_bytes()
        == (kept.HERE / size / f"{part}.txt").read_bytes()
        for part in record
    )


def test_a_figure_a_billionth_off_is_found_and_noise_is_not() -> None:
    record = kept.read("tiny")
    name = "results/new_start/first_look/results/outcomes/ae_attendances/estimates/did"
    place, line = next(
        (k, line) for k, line in enumerate(record["results"][name]) if line.startswith("overall:")
    )
    effect = float(re.search(r"effect (\S+)", line)[1])
    for factor, known in ((1 + 1e-9, 1), (1 + 1e-13, 0)):
        changed = kept.read("tiny")
        changed["results"][name][place] = line.replace(
            plain.written(effect), f"{effect * factor:.17g}"
        )
        assert len(differences(record, changed)) == known


def test_a_sentence_that_changed_came_or_went_is_shown_alone() -> None:
    before = {"pages": {"a.html": ["One.", "Two of 5.", "Three."]}}
    for lines, found in (
        (["One.", "Two of 6.", "Three."], ("Two of 5.", "Two of 6.")),
        (["One.", "Three."], ("Two of 5.", None)),
        (["One.", "Two of 5.", "More.", "Three."], (None, "More.")),
    ):
        after = {"pages": {"a.html": lines}}
        shown = Difference(where="pages: a.html", before=found[0], after=found[1])
        assert differences(before, after) == [shown]


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [
        ("effect 0.1", "effect 0.1000000000000001", True),
        ("effect 0.1", "effect 0.10000000001", False),
        ("effect 1e-17", "effect -2e-17", True),
        ("effect 0.1", "effects 0.1", False),
        ("in 2026-Q3", "in 2026-Q4", False),
        ("a1b2", "a1b3", False),
    ],
)
def test_words_are_compared_to_the_letter_and_numbers_nearly(
    before: str, after: str, alike: bool
) -> None:
    assert same(before, after) is alike


def test_a_page_gives_its_text_without_code() -> None:
    page = """<nav>List</nav><article><h1>Title<a class="headerlink">#</a></h1>
    <p>About <b>810</b> fewer, by <code>evaluation/estimate/did.py:12</code>.</p>
    <table><tr><th>A</th><td>1</td></tr></table><img alt="It falls." src="x.svg">
    <div class="table-box"><pre><code>def did(): ...</code></pre></div></article>"""
    assert page_lines(page, {}) == [
        "Title", "About 810 fewer, by (module).", "A | 1", "[chart] It falls.",
    ]  # fmt: skip


def test_a_hash_of_code_is_masked_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "var" / "results" / "p" / "s" / "results.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"code_fingerprint": "0123456789abcdef" * 4}), encoding="utf-8")
    hashes = masks.hidden(tmp_path)
    assert masks.masked("Code 0123456789abcdef, panel 01234567", hashes) == (
        "Code (hash of code), panel 01234567"
    )


def test_long_tables_are_summed_so_that_a_change_or_another_order_shows() -> None:
    rows = [["code", "value"], *([f"A{k}", str(k / 7)] for k in range(2000))]
    told = plain.table(rows)
    assert len(told) == 3
    assert told != plain.table([rows[0], *rows[2:], rows[1]])
    rows[5][1] = str(float(rows[5][1]) + 1e-3)
    assert told != plain.table(rows)
