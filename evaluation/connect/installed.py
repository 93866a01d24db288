"""Open data of installed packages into returns: read where they are installed, never handed on.

A recipe of kind ``file`` in ``studies/<programme>/sources.yaml`` says which package and file hold
the figures and how columns become areas, periods and outcomes; what comes out are return files,
which then pass the same checks as anyone's.
"""

from __future__ import annotations

import re
from collections.abc import Container
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evaluation import fingerprint
from evaluation.declared import Frozen
from evaluation.errors import WorkspaceError
from evaluation.programme import OPEN_SITE, Programme
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.template import write_return

if TYPE_CHECKING:
    import pandas as pd


class InstalledRecipe(Frozen):
    """How one installed data file becomes returns.

    ``period`` is a regular expression with groups ``year`` and, for quarters, ``quarter``;
    ``area_code`` a format of the area column; ``outcomes`` maps outcome codes to columns.
    """

    kind: Literal["file"] = "file"
    source: str
    package: str
    path: str
    extra: str
    area_column: str
    area_code: str = "{}"
    period_column: str
    period: str
    outcomes: dict[str, str]
    about: str = ""
    licence: str = ""
    vintage: str = ""

    @property
    def name(self) -> str:
        """What it is called by: its source, of which there is one a file."""
        return self.source

    @property
    def service(self) -> None:
        """No source answers it: the file is installed."""
        return None


def write_returns(
    recipe: InstalledRecipe, programme: Programme, folder: Path, periods: Container[Period] | None
) -> list[Path]:
    """Write one return a period; ``periods`` are those wanted, None for all that the file holds.

    Raises
    ------
    WorkspaceError : the package that carries the data is not installed, or a column is missing.
    """
    written = []
    for period, rows in _by_period(_read(recipe), recipe, programme).items():
        if periods is not None and period not in periods:
            continue
        path = folder / f"{OPEN_SITE}_{recipe.source}_{period.slug}.csv"
        guide = [form().template_version, programme.name, OPEN_SITE, recipe.source, str(period)]
        write_return(path, guide, rows)
        written.append(path)
    return written


def described(recipe: InstalledRecipe, rows: int) -> dict[str, Any]:
    """What the lineage of a return says of the installed file that it was made of.

    Parameters
    ----------
    rows : of the return.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        held = version(recipe.package)
    except PackageNotFoundError:
        # A package may be imported by another name than it is installed by.
        held = "of an unknown version"
    return {
        "source": "file",
        "recipe": recipe.name,
        "submitter": recipe.source,
        "url": f"package:{recipe.package}/{recipe.path}",
        "parameters": {
            "package": f"{recipe.package} {held}",
            "recipe": recipe.model_dump(mode="json", exclude_defaults=True),
        },
        "sha256": fingerprint.of_file(_path(recipe)),
        "rows_expected": rows,
        "rows_received": rows,
        "licence": recipe.licence,
        "vintage": recipe.vintage,
        "rounding": 1,
        "perturbed": False,
    }


def _path(recipe: InstalledRecipe) -> Path:
    """Where the file lies.

    Raises
    ------
    WorkspaceError : the package that carries it is not installed.
    """
    found = find_spec(recipe.package)
    if found is None or found.origin is None:
        raise WorkspaceError(
            f"the package {recipe.package!r} that carries these data is not installed.",
            mend=f"install the extra {recipe.extra!r}: uv sync --extra {recipe.extra}",
        )
    return Path(found.origin).parent / recipe.path


def _read(recipe: InstalledRecipe) -> pd.DataFrame:
    import pandas as pd

    frame = pd.read_csv(_path(recipe))
    wanted = [recipe.area_column, recipe.period_column, *recipe.outcomes.values()]
    if missing := [column for column in wanted if column not in frame]:
        raise WorkspaceError(
            f"{recipe.path} of {recipe.package} has no column {missing[0]!r}.",
            mend="the package has changed: compare its version with the lock file",
        )
    return frame


def _by_period(
    frame: pd.DataFrame, recipe: InstalledRecipe, programme: Programme
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


def _period(text: str, recipe: InstalledRecipe) -> Period:
    found = re.fullmatch(recipe.period, text)
    if not found:
        raise WorkspaceError(
            f"{text!r} does not read as a period.", where=recipe.path, expected=recipe.period
        )
    parts = found.groupdict()
    if parts.get("quarter"):
        return Period.quarter(int(parts["year"]), int(parts["quarter"]))
    return Period("A", int(parts["year"]))
