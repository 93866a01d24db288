"""Tables as HTML with a caption and scoped headers: what a reader of any kind can walk through."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

Cell = str | Markup


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, numeric: str = "",
    style: str = "",
) -> Markup:  # fmt: skip
    """A table whose first cell in each row is that row's header.

    ``numeric`` names the columns that hold figures, one letter a column: ``n`` for a figure,
    anything else for text; figures are set to the right in digits of one width. ``style`` may be
    ``dense``, for tables of many short cells.
    """
    kinds = [" class='n'" if kind == "n" else "" for kind in numeric.ljust(len(columns), "t")]
    head = "".join(
        f"<th scope='col'{kind}>{escape(name)}</th>"
        for name, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(f"<tr>{_row(row, kinds)}</tr>" for row in rows)
    # The box scrolls on a narrow screen, so the keyboard has to reach it.
    return Markup(
        f"<div class='table-box' role='region' tabindex='0' aria-label='{escape(caption)}'>"
        f"<table class='{style}'><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def link(href: str, text: str) -> Markup:
    """A link as a cell."""
    return Markup(f"<a href='{escape(href)}'>{escape(text)}</a>")


def _row(cells: Sequence[Cell], kinds: Sequence[str]) -> str:
    return "".join(
        f"<th scope='row'{kind}>{escape(cell)}</th>" if place == 0
        else f"<td{kind}>{escape(cell)}</td>"
        for place, (cell, kind) in enumerate(zip(cells, kinds, strict=True))
    )  # fmt: skip
