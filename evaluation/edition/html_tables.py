"""Tables as HTML with a caption and scoped headers: what a reader of any kind can walk through."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

Cell = str | Markup

STACKED = range(3, 11)
"""How many columns a table has that a telephone shows as a list of rows."""
SHORT = 24
"""The longest text, in characters, that a narrow column bears without breaking into a tower."""
NAME = 60
"""The longest name of a row, in characters, that does the same."""
_HASH = re.compile("[0-9a-f]{40,}")


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    numeric: str = "",
    style: str = "",
) -> Markup:
    """A table whose first cell in each row is that row's header.

    ``numeric`` names the columns that hold figures, one letter a column: ``n`` for a figure,
    anything else for text; figures are set to the right in digits of one width. ``style`` may be
    ``dense``, for tables of many short cells, and ``named``, where the heading above says what the
    caption would. On a narrow screen a table that holds sentences is shown row by row, each cell
    behind its column's name; one of short cells scrolls, unless its style is ``stacked``, where
    the last column is what the table is for. In the style ``side`` columns stay side by side to be
    compared, and figures break before their range.
    """
    stacked = style == "stacked" or ("side" not in style and _stacked(columns, rows))
    roles = _ROLES if stacked else dict.fromkeys(_ROLES, "")
    kinds = [" class='n'" if kind == "n" else "" for kind in numeric.ljust(len(columns), "t")]
    head = "".join(
        f"<th scope='col'{roles['columnheader']}{kind}>{escape(name)}</th>"
        for name, kind in zip(columns, kinds, strict=True)
    )
    names = [f" data-label='{escape(name)}'" if stacked else "" for name in columns]
    body = "".join(f"<tr{roles['row']}>{_row(row, kinds, names, roles)}</tr>" for row in rows)
    style = f"{style} stacked".strip() if stacked and style != "stacked" else style
    # The box scrolls on a narrow screen, so the keyboard has to reach it.
    return Markup(
        f"<div class='table-box' role='region' tabindex='0' aria-label='{escape(caption)}'>"
        f"<table class='{style}'{roles['table']}><caption>{escape(caption)}</caption>"
        f"<thead{roles['rowgroup']}><tr{roles['row']}>{head}</tr></thead>"
        f"<tbody{roles['rowgroup']}>{body}</tbody></table></div>"
    )


# Cells that are laid out as blocks lose their meaning for a screen reader unless it is said.
_ROLES = {
    name: f" role='{name}'"
    for name in ("table", "rowgroup", "row", "columnheader", "rowheader", "cell")
}


def _stacked(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether a telephone's columns would be too narrow for what the cells hold."""
    return len(columns) in STACKED and any(
        len(_text(cell)) > (SHORT if place else NAME)
        for row in rows
        for place, cell in enumerate(row)
    )


def _text(cell: Cell) -> str:
    return cell.striptags() if isinstance(cell, Markup) else cell


def quantity(which: str, text: str, *, unit: str, period: str = "") -> Markup:
    """A figure that carries the id of what it tells, for whoever walks the book.

    Parameters
    ----------
    which : the id; the same wherever the same figure of the same edition is told. period : the
        edition or quarter, where the same quantity is told of several.
    """
    of = Markup(" data-period='{}'").format(period) if period else ""
    return Markup("<span data-quantity='{}' data-unit='{}'{}>{}</span>").format(
        which, unit, of, text
    )


def link(href: str, text: str) -> Markup:
    """A link as a cell."""
    return Markup(f"<a href='{escape(href)}'>{escape(text)}</a>")


def _row(
    cells: Sequence[Cell], kinds: Sequence[str], names: Sequence[str], roles: dict[str, str]
) -> str:
    first, *others = cells
    return f"<th scope='row'{roles['rowheader']}{kinds[0]}>{_shown(first)}</th>" + "".join(
        f"<td{roles['cell']}{kind}{name}>{_shown(cell)}</td>"
        for cell, kind, name in zip(others, kinds[1:], names[1:], strict=True)
    )


def _shown(cell: Cell) -> Markup:
    """Fingerprints may break anywhere: nothing in them is a word."""
    if _HASH.fullmatch(_text(cell)):
        return Markup("<code class='hash'>{}</code>").format(cell)
    return escape(cell)
