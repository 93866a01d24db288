"""Open data into returns: figures read from where they are installed, never redistributed.

``studies/<programme>/sources.yaml`` says which package and file hold the figures and how columns
become areas, periods and outcomes; what comes out are return files, which then pass the same
checks as anyone's.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.errors import WorkspaceError
from evaluation.programme import OPEN_SITE, Frozen, Programme, read_yaml, validated
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.template import write_return

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.workspace import Workspace


class Recipe(Frozen):
    """How one installed data file becomes returns.

    ``period`` is a regular expression with groups ``year`` and, for quarters, ``quarter``;
    ``area_code`` a format of the area column; ``outcomes`` maps outcome codes to columns.
    """

    source: str
    package: str
    path: str
    extra: str
    area_column: str
    area_code: str = "{}"
    period_column: str
    period: str
    outcomes: dict[str, str]


class _Recipes(Frozen):
    recipes: tuple[Recipe, ...]


def read_recipes(folder: Path) -> tuple[Recipe, ...]:
    """The recipes of a programme; none if it declares no ``sources.yaml``.

    Raises
    ------
    WorkspaceError : the file has another shape.
    """
    path = folder / "sources.yaml"
    if not path.is_file():
        return ()
    return validated(_Recipes, read_yaml(path), path).recipes


def fetch_returns(workspace: Workspace, programme: Programme, day: str) -> list[Path]:
    """Write one return a source and period under ``var/incoming/<programme>/<day>/``.

    Raises
    ------
    WorkspaceError : the package that carries the data is not installed, or a column is missing.
    """
    folder = workspace.incoming(programme.name) / day
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for recipe in read_recipes(workspace.studies / programme.name):
        frame = _read(recipe)
        for period, rows in _by_period(frame, recipe, programme).items():
            path = folder / f"{OPEN_SITE}_{recipe.source}_{period.slug}.csv"
            guide = [form().template_version, programme.name, OPEN_SITE, recipe.source, str(period)]
            write_return(path, guide, rows)
            written.append(path)
    return sorted(written)


def _read(recipe: Recipe) -> pd.DataFrame:
    import pandas as pd

    found = find_spec(recipe.package)
    if found is None or found.origin is None:
        raise WorkspaceError(
            f"the package {recipe.package!r} that carries these data is not installed.",
            mend=f"install the extra {recipe.extra!r}: uv sync --extra {recipe.extra}",
        )
    frame = pd.read_csv(Path(found.origin).parent / recipe.path)
    wanted = [recipe.area_column, recipe.period_column, *recipe.outcomes.values()]
    if missing := [column for column in wanted if column not in frame]:
        raise WorkspaceError(
            f"{recipe.path} of {recipe.package} has no column {missing[0]!r}.",
            mend="the package has changed: compare its version with the lock file",
        )
    return frame


def _by_period(
    frame: pd.DataFrame, recipe: Recipe, programme: Programme
) -> dict[Period, list[list[str | float | None]]]:
    rows: dict[Period, list[list[str | float | None]]] = {}
    for record in frame.to_dict("records"):
        code = recipe.area_code.format(record[recipe.area_column])
        period = _period(str(record[recipe.period_column]), recipe)
        for outcome, column in recipe.outcomes.items():
            name = programme.area_by_code[code].name if code in programme.area_by_code else ""
            figure = float(record[column])
            rows.setdefault(period, []).append(
                [code, name, str(period), outcome, figure, None, None, None, None]
            )
    return rows


def _period(text: str, recipe: Recipe) -> Period:
    found = re.fullmatch(recipe.period, text)
    if not found:
        raise WorkspaceError(
            f"{text!r} does not read as a period.", where=recipe.path, expected=recipe.period
        )
    parts = found.groupdict()
    if parts.get("quarter"):
        return Period.quarter(int(parts["year"]), int(parts["quarter"]))
    return Period("A", int(parts["year"]))
