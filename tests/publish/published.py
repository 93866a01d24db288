"""A small synthetic programme to publish: that of the lock tests, with money and planted causes.

Everything is invented. Each ``plant`` changes one thing that a headline figure rests on, as it
would come about: a return sent again, one withdrawn, a table of prices, a line of code, a field of
the protocol.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import openpyxl
import yaml

from evaluation.demo import submit_files
from evaluation.ledger.ledger import Ledger
from evaluation.publish.snapshot import Snapshot, take_snapshot
from evaluation.study import code
from evaluation.workspace import package, packaged_schemas
from tests.unit.locked import NAME, PROTOCOL, Ground, instant, lay_out

VALUED = {
    **PROTOCOL,
    "secondary": ["arrears"],
    "value": True,
    "assignments": {"n": 99, "strata": [], "seed": 7},
}
BEFORE, AFTER = "2025-10-31", "2026-01-31"
"""The vintages of the editions of 2025 Q3 and 2025 Q4."""
TWICE = "Counted twice before."
RESTATED = ("S01", "nhs", "2025 Q2")
WITHDRAWN = ("S02", "nhs", "2025 Q3")


def lay_out_valued(root: Path) -> Ground:
    ground = lay_out(root)
    ground.protocol.write_text(yaml.safe_dump(VALUED, sort_keys=False, default_flow_style=None))
    return ground


def restate(ground: Ground, day: str, factor: float = 0.8) -> None:
    """One site's A&E attendances of a known quarter, sent again smaller by a fifth."""
    site, agency, quarter = RESTATED
    _send_again(ground, f"{site}_{agency}_{quarter}", day, (lambda _: factor, TWICE))


def restate_comparisons(
    ground: Ground, day: str, factor: Callable[[str], float] = lambda _: 1.1
) -> None:
    """The comparison areas' A&E attendances of a known quarter, sent again larger by a tenth.

    ``factor`` is that of an area.
    """
    _send_again(ground, "OPEN_nhs_england_2025 Q3", day, (factor, "Late figures came in."))


def _send_again(
    ground: Ground, name: str, day: str, change: tuple[Callable[[str], float], str]
) -> None:
    (sent,) = [path for path in ground.files if path.stem == name.replace(" ", "-")]
    rows = _rows(sent)
    for row in rows:
        factor = change[0](row["area_code"])
        if row["outcome"] == "ae_attendances" and factor != 1:
            row["numerator"] = str(round(int(row["numerator"]) * factor))
            row |= {"note": change[1]}
    path = ground.workspace.incoming("new_start") / day / f"{sent.stem}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    submit_files(ground.workspace, [path], lambda _: None)


def _rows(sent: Path) -> list[dict[str, str]]:
    if sent.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(sent.read_text())))
    heads, *rows = openpyxl.load_workbook(sent)["Return"].iter_rows(values_only=True)
    names = [str(head) for head in heads]
    return [
        dict(zip(names, ("" if cell is None else str(cell) for cell in row), strict=True))
        for row in rows
    ]


def withdraw(ground: Ground, day: str) -> str:
    """One site's return of a known quarter, withdrawn; returns its id."""
    workspace = ground.workspace
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        (one,) = [
            r for r in ledger.receipts("new_start") if (r.site, r.agency, r.quarter) == WITHDRAWN
        ]
        ledger.withdraw(one.return_id, reason="Wrong extract.", received=instant(day))
    return one.return_id


def at(ground: Ground, vintage: str, folder: Path) -> Snapshot:
    """The ground of now at a vintage."""
    if folder.is_dir():
        shutil.rmtree(folder)
    return take_snapshot(ground.workspace, NAME, f"{vintage}T23:59:59.999999Z", folder)


def dearer(frozen: Snapshot) -> None:
    """An attendance costs twice as much."""
    other_parameter(frozen, "unit_costs", {"key": "ae_attendance"}, "value", 2.0)


def other_parameter(
    frozen: Snapshot, table: str, of: Mapping[str, str], column: str, factor: float
) -> None:
    """One column of a table of parameters, times a factor where its rows are ``of``."""
    path = frozen.folder / "parameters" / f"{table}.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    changed = [row for row in rows if all(row[name] == value for name, value in of.items())]
    assert changed
    for row in changed:
        row[column] = f"{factor * float(row[column]):.12g}"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def shorter_window(frozen: Snapshot) -> None:
    """A deviation: two quarters count, where four were fixed; it is written down."""
    path = frozen.study_folder / "protocol.yaml"
    path.write_text(path.read_text().replace("window: [0, 3]", "window: [0, 1]"))
    (frozen.study_folder / "deviations.yaml").write_text(
        "deviations:\n- {date: 2026-01-20, what: Two quarters count, reason: The third was odd}\n"
    )


def other_code(folder: Path, frozen: Snapshot) -> tuple[Snapshot, dict[str, Path]]:
    """The ground under a code in which a finding's effect in per cent is a tenth larger."""
    shutil.copytree(package(), folder / "evaluation", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(packaged_schemas(), folder / "data_schemas")
    path = folder / "evaluation" / "finding" / "judge.py"
    text, line = path.read_text(), "100 * np.expm1(ends)"
    assert line in text
    path.write_text(text.replace(line, "110 * np.expm1(ends)"))
    root = folder / "evaluation"
    changed = replace(
        frozen, figures_code=code.figures_fingerprint(root), package=code.package_fingerprint(root)
    )
    return changed, {changed.package: folder}
