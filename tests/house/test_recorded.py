"""Figures that documents print are those of the last record of the command beside them."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _record(name: str) -> Any:
    """What a command of `benchmarks` wrote, by its file beside the others."""
    places = (ROOT / "benchmarks" / "results" / name, ROOT / "book" / name)
    return json.loads(next(p for p in places if p.is_file()).read_text("utf-8"))


def _pounds() -> Iterator[str]:
    said = _record("value_coverage.json")
    for how in ("fixed", "drawn", "independent"):
        yield f"{said['measured'][how]['coverage']:.1%}"
    fixed = said["measured"]["fixed"]
    yield f"over {fixed['seeds']} synthetic programmes"
    yield f"{-fixed['bias'] / fixed['mean_truth']:.0%} below the truth"
    yield f"{-fixed['bias'] / fixed['bias_mc_se']:.1f} Monte Carlo errors"


def _synthetic() -> Iterator[str]:
    for row in _record("synthetic.json")["synthetic_control_all_placebos"]:
        seconds = row["seconds"]
        shown = f"{seconds:.4f}" if seconds < 0.1 else f"{seconds:.2f}"
        yield f"| {row['areas']:,} × {row['periods_before']} | {shown} |"
        for peer in row["peers"].values():
            ratio = peer["ratio"]
            times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"
            yield f"| {'over ' if 'note' in peer else ''}{times}× |"


def _proposition_99() -> Iterator[str]:
    rows = {
        r["what"]: r for r in _record("published.json")["rows"] if r["case"] == "Proposition 99"
    }
    for what in (
        "synthetic control, best weights",
        "demeaned synthetic control",
        "ridge-augmented synthetic control",
        "SDID, best weights",
    ):
        yield f"| {rows[what]['published']:.6f} | {rows[what]['ours']:.6f} |".replace("-", "−")
    error = rows["SDID, placebo error over all 38 states"]
    yield f"| {error['published']} | {error['ours']:.4f} |"


def _donors_started() -> Iterator[str]:
    said = _record("donors_started.json")
    yield f"with {said['started']} of {said['areas']} areas started"
    for arm, shown in (("like_any_other", "comes out as"), ("like_each_other", "and as")):
        found = said[f"pilots_{arm}"]["synthetic_control"]["with_started_donors"]
        yield f"{shown} {found:.1f}"


def _looks() -> Iterator[str]:
    rows = {row["what"]: row for row in _record("bars.json")["rows"]}
    once = rows["any false finding, one primary tested at 5 % at every look"]
    yield f"{{measured}}`{100 * once['measured']:.0f} times in 100 <benchmarks.bars>`"


def _refuters() -> Iterator[str]:
    said = _record("refuters.json")
    rates = said["rates"]
    assert rates["confounded"]["any_validity"] == 1.0
    assert rates["true"]["any_validity"] == pytest.approx(1 / 20)
    yield f"On {said['seeds']} invented panels of each kind"


def _national() -> Iterator[str]:
    said = _record("connect_national.json")
    took = said["processor_seconds_a_quarter"]
    yield f"{said['quarters']} quarters of one series for each of {said['areas']:,} neighbourhoods"
    yield f"{took['connector']} s of processor time"
    yield f"check and ledger {took['check_and_ledger']} s"
    yield f"{said['peak_gib']} GiB"
    yield f"in {said['bare_pandas_processor_seconds_a_quarter']} s a quarter"
    whole = said["minutes_for_96_months_of_4_series_by_arithmetic"]
    yield f"{whole['processor']:.0f} minutes of processor time"
    yield f"{whole['as_it_ran']:.0f} minutes on the clock"
    for size in _record("outgrown.json")["sizes"]:
        cells = (f"{p['processor_seconds']} s, {p['gib']} GiB" for p in size["programs"].values())
        yield f"| {size['rows'] / 1e6:.1f} million | {' | '.join(cells)} |"


def _west_yorkshire() -> Iterator[str]:
    said = _record("west_yorkshire.json")
    found = said["study"]["estimates"]["did"]
    figures = (
        f"{said['areas']} areas",
        f"{said['authorities']} authorities",
        f"{said['incidents_per_area']} incidents",
        f"{said['sets']} times",
        f"{said['share_called_an_effect']:.1%}",
        f"{said['mean_effect_per_1000']:.2f} incidents",
        f"{said['sd_of_effects']:.2f}",
        f"{found['effect']:.2f}".replace("-", "−"),
        f"{found['low']:.1f}".replace("-", "−"),
        f"{found['high']:.2f}",
        f"{found['p_value']:.2f}",
        f"{said['study']['figures_that_are_sums']} figures",
        f"{said['smallest_p_by_whole_authorities']:.2f}",
        f"{said['traps']['taken_for_duplicates']:,}",
        f"{said['traps']['incidents']:,}",
        f"{said['traps']['percent_taken_for_duplicates']}%",
        f"{said['traps']['percent_without_area']['2016']:.1f}%",
        f"{said['traps']['percent_without_area']['2018']:.1f}%",
    )
    for figure in figures:
        yield f"{{measured}}`{figure} <benchmarks.west_yorkshire>`"


def _percent(logs: float) -> str:
    """Of an effect on logarithms."""
    return f"{100 * math.expm1(logs):.1f}%".replace("-", "−")


def _referendum() -> Iterator[str]:
    said = _record("referendum.json")
    own, did = (said["study"]["estimates"][name] for name in ("synthetic_control", "did"))
    figures = (
        f"{said['returns_accepted']} returns",
        *(_percent(own[end]) for end in ("effect", "low", "high")),
        _percent(did["effect"]),
        f"{said['study']['smallest_p']:.3f}",
        f"{own['p_value']:.2f}",
    )
    for figure in figures:
        yield f"{{measured}}`{figure} <benchmarks.referendum>`"


def _predictors() -> Iterator[str]:
    cases = {case["case"]: case for case in _record("predictor_cases.json")["cases"]}
    tobacco, prisons = cases["Proposition 99"], cases["Prisons of Texas"]
    assert tobacco["largest_difference_of_weights"] < 0.01
    published = prisons["effect_of_published_weights"]
    assert abs(prisons["effect"] - published) < 0.1 * published
    assert prisons["fit_before"] < prisons["fit_before_of_published_weights"]
    for state in ("Utah", "Nevada", "Montana", "Colorado", "Connecticut"):
        yield f"{state} .{1000 * tobacco['published_weights'][state]:.0f}".replace(".69", ".069")


def _changes() -> Iterator[str]:
    """What the change log says in words."""
    asked = _record("false_questions.json")
    name = "UC households by MSOA"
    assert 18.5 <= asked[f"{name}: before"]["per_thousand"] < 19.5
    assert all(2 <= asked[f"{name}{of}: after"]["per_thousand"] < 3 for of in ("", ", whole"))
    yield "of a thousand figures of a real official table two or three are asked about, where it"
    study = _record("national_study.json")
    now = study["now"]["submit of a national return"]
    for how, before in study["before"]["submit"].items():
        share = now[how]["processor_seconds"] / before["processor_seconds"]
        assert share == pytest.approx(0.75, abs=0.02)
    yield "Submitting a return of every neighbourhood takes three quarters of the time it took"
    rows = _record("many_donors.json")["rows"]
    took = {r["task"]: r for r in rows if r["state"] == "now"}
    assert took["3,000 x 4, 300 started"]["seconds"] < 10
    assert took["6,791 x 28, 6 started"]["megabytes"] < 600
    yield "synthetic controls of thousands of areas with hundreds started take seconds"


PRINTED = {
    "CHANGELOG.md": (_changes,),
    "book/decisions/pounds-from-the-same-draws.md": (_pounds,),
    "book/decisions/inference-looks-never-recomputed.md": (_looks,),
    "book/methods.md": (_synthetic, _proposition_99, _donors_started, _looks, _refuters),
    "book/west-yorkshire.md": (_west_yorkshire, _referendum),
    "docs/official-statistics.md": (_national,),
    "docs/notebook.md": (_predictors,),
}


@pytest.mark.parametrize("document", sorted(PRINTED))
def test_a_document_prints_what_was_recorded(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    assert [said for told in PRINTED[document] for said in told() if said not in text] == []


# What a reader takes for measured: shares, times, sizes, and how often something happens.
MEASURED = re.compile(
    r"(?<![\w{`])\d[\d,.]*"
    r"(?: s\b| seconds\b| GiB| GB\b| KB\b|%| per cent\b| times in 100| million\b|×)"
)
COMMAND = re.compile(
    r"`[^`]*(?:python3? -m |make [a-z]|newstart |du -|ls |wc -|pytest)[^`]*`"
    r"|tests/[\w/]+\.py|benchmarks\.\w+"
)
WITHOUT_A_COMMAND = {
    "README.md": "what the demonstration says, which a slow test of the journey holds",
    "book/money-by-hand.md": "worked by hand, and held by a test of its own",
    "docs/first-afternoon.md": "declared in the example that the page begins with",
    "docs/readings.md": "quotations from the book as it was read",
    "docs/sign-on.md": "how long the portal waits",
}


def _documents() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True)
    for name in listed.stdout.decode("utf-8").splitlines():
        if not name.startswith(("tests/golden/", "book/_static/")) and (ROOT / name).is_file():
            text = (ROOT / name).read_text("utf-8")
            if name == "CHANGELOG.md":  # what was new in earlier versions is as it was said then
                text = text.partition("\n## 0.1.0")[0].replace("\n- ", "\n\n- ")
            yield name, text


def _bare(text: str) -> list[str]:
    """Paragraphs with a figure that has no command in them, before or behind them."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    # What the book looks up by an id, or names the source of, is held where the book is built.
    parts = re.sub(r"\{(?:measured|constant|claim)\}`[^`]*`", "", text).split("\n\n")
    return [
        part[:200]
        for k, part in enumerate(parts)
        if MEASURED.search(part)
        and not any(COMMAND.search(near) for near in parts[max(k - 1, 0) : k + 2])
    ]


def test_no_figure_stands_without_its_command() -> None:
    found = {name: bare for name, text in _documents() if (bare := _bare(text))}
    assert {n: b for n, b in found.items() if n not in WITHOUT_A_COMMAND} == {}
    assert set(WITHOUT_A_COMMAND) - set(found) == set(), "strike it from the list"


def test_a_figure_without_a_command_is_found() -> None:
    assert _bare("It takes 3.2 GiB.") == ["It takes 3.2 GiB."]
    assert _bare("It takes 3.2 GiB (`python -m benchmarks.did`).") == []
    assert _bare("Up to {constant}`5% <the level>`, in `12 s`.") == []
