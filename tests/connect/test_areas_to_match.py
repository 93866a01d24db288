"""From lookups to matched comparison areas, before any study is locked: no table made by hand."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
import yaml

from tests.journey.at_the_command_line import newstart, told

CODES = tuple(f"E0200{n:04d}" for n in range(1, 101))
PILOTS = CODES[:2]
STUDY = "warm_rooms/first_look"


def lookups(root: Path) -> list[str]:
    """Pilots, MSOAs in 25 authorities, and their deprivation and people."""
    (root / "pilots.csv").write_text(
        "area_code,site\n" + "".join(f"{code},K1\n" for code in PILOTS), "utf-8"
    )
    (root / "lookup.csv").write_text(
        "MSOA21CD,MSOA21NM,LAD25CD,LAD25NM\n"
        + "".join(
            f"{code},Part {n},E080000{n // 4:02d},Borough {n // 4}\n"
            for n, code in enumerate(CODES)
        ),
        "utf-8",
    )
    (root / "deprivation.csv").write_text(
        "MSOA21CD,IMD decile,Total population\n"
        + "".join(f"{code},{1 + n % 2},{6000 + 17 * n}\n" for n, code in enumerate(CODES)),
        "utf-8",
    )
    return [
        "--pilots",
        str(root / "pilots.csv"),
        "--lookup",
        str(root / "lookup.csv"),
        "--lookup",
        str(root / "deprivation.csv"),
    ]


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A workspace whose areas were proposed, with three years of figures and an unlocked study."""
    newstart(tmp_path, "programme", "areas", *lookups(tmp_path), "-o", str(tmp_path / "areas.csv"))
    example = yaml.safe_load(newstart(tmp_path, "init", "--example"))
    outcome = example["outcomes"][0] | {"source": "register", "comparison_source": "register"}
    study = example["study"] | {"secondary": [], "negative_control": []}
    declared = example | {
        "name": "warm_rooms",
        "synthetic": False,
        "first": "2022 Q1",
        "last": "2025 Q4",
        "sites": [{"code": "K1", "name": "Kelby", "start": "2025 Q3", "agencies": ["housing"]}],
        "sources": [{"code": "register", "name": "Register", "agency": "housing"}],
        "outcomes": [outcome],
        "areas": "areas.csv",
        "study": study,
    }
    declared.pop("people")
    (tmp_path / "programme.yaml").write_text(yaml.safe_dump(declared), "utf-8")
    root = tmp_path / "here"
    newstart(
        tmp_path, "init", "warm_rooms", "--from", str(tmp_path / "programme.yaml"),
        "--folder", str(root),
    )  # fmt: skip
    draw = random.Random(11)
    with (tmp_path / "figures.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["area", "period", "calls", "people"])
        for n, code in enumerate(CODES):
            # Every eighth area is as the pilots are: a high level that rises.
            alike = n < len(PILOTS) or n % 8 == 0
            for step in range(12):
                level = (90 + 2 * step if alike else 50) + draw.gauss(0, 3)
                period = f"{2022 + step // 4} Q{step % 4 + 1}"
                writer.writerow([code, period, round(level), 6000 + 17 * n])
    (tmp_path / "mapping.yaml").write_text(
        "{area: area, period: period, outcome: damp_repairs, numerator: calls, "
        "denominator: people, site: OPEN, agency: register}\n",
        "utf-8",
    )
    newstart(
        root, "load", str(tmp_path / "figures.csv"), "--mapping", str(tmp_path / "mapping.yaml")
    )
    return root


def roles(path: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["role"], []).append(row)
    return found


def test_from_lookups_to_matched_areas(begun: Path) -> None:
    out = begun / "areas.csv"
    code, _, err = told(
        begun, "design", "match", STUDY, "--nearest", "6", "--caliper", "3", "--areas", str(out)
    )
    assert code == 0, err
    assert "confirm nothing" in err, "so few authorities are said at once"
    held = roles(out)
    kept = {row["code"] for row in held["comparison"]}
    assert [row["code"] for row in held["pilot"]] == list(PILOTS)
    assert kept and {CODES.index(one) % 8 for one in kept} == {0}, "those like the pilots"
    reasons = {row["reason"] for row in held["excluded"]}
    assert reasons == {"in a pilot's authority", "not among the areas nearest to a pilot"}
    # It is read as areas.csv is, and the study goes on with it.
    (begun / "studies" / "warm_rooms" / "areas.csv").write_bytes(out.read_bytes())
    again = newstart(begun, "design", "match", STUDY, "--nearest", "6", "--caliper", "3")
    assert f"of {len(kept)} nearest areas" in again
    assert newstart(begun, "protocol", "freeze", STUDY, "--exploratory").strip().endswith(".lock")


def test_areas_of_the_pilots_own_authority_may_serve_there_too(begun: Path) -> None:
    declared = begun / "studies" / "warm_rooms" / "areas.csv"
    newstart(
        begun, "programme", "areas", *lookups(begun.parent), "--same-authority", "-o",
        str(begun / "wide.csv"),
    )  # fmt: skip
    declared.write_bytes((begun / "wide.csv").read_bytes())
    _, _, without = told(begun, "design", "match", STUDY)
    assert "Left out: 2 areas, in the authority of a pilot." in without
    _, _, err = told(begun, "design", "match", STUDY, "--same-authority")
    assert "in the authority of a pilot" not in err


def test_before_any_figures_it_says_so(tmp_path: Path, begun: Path) -> None:
    folder = begun / "var"
    folder.rename(begun / "elsewhere")
    code, _, err = told(begun, "design", "match", STUDY, "--areas", str(tmp_path / "none.csv"))
    assert code == 2 and "submit the returns first" in err
    assert not (tmp_path / "none.csv").exists()
