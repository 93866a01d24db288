"""The declared form of a return file, read once from ``data_schemas/return.yaml``.

Template, reader and checks take column names and symbols from here, so that they cannot drift
apart. The packaged declaration is used: the form of a file is the framework's, not a workspace's.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Literal

from evaluation.programme import Frozen, read_yaml
from evaluation.workspace import packaged_schemas


class Column(Frozen):
    """A column of the return sheet; one that is not required may be absent."""

    name: str
    required: bool
    width: int
    about: str


class Symbol(Frozen):
    """A status symbol and whether the figure beside it is empty, given, or either."""

    symbol: str
    figure: Literal["empty", "given", "either"]
    about: str


class Form(Frozen):
    """Sheets, columns and symbols of a return."""

    template_version: str
    return_sheet: str
    guide_sheet: str
    notes_sheet: str
    problems_sheet: str
    guide: tuple[str, ...]
    columns: tuple[Column, ...]
    ignored: tuple[str, ...]
    symbols: tuple[Symbol, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names in the template's order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def figure_of(self) -> dict[str, str]:
        """Symbol -> what it says about the figure: empty, given or either."""
        return {symbol.symbol: symbol.figure for symbol in self.symbols}


@lru_cache(maxsize=1)
def form() -> Form:
    """The declared form.

    Raises
    ------
    WorkspaceError : if the declaration is missing or broken.
    """
    return Form.model_validate(read_yaml(packaged_schemas() / "return.yaml"))
