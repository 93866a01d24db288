"""Writing the generated part of the book: only what changed, and nothing that is left over.

Sphinx rebuilds what is newer than its last run, so a file whose content is the same keeps its
date; a page that this edition no longer has is removed.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from evaluation.edition import chart_data, words
from evaluation.edition.figures import (
    NARROW,
    WIDE,
    Size,
    canvas,
    charts,
    money,
    places,
    revisions,
    twins,
)

_PLATES = "plates.json"


class Generated:
    """The folder ``book/_edition`` while it is being written.

    ``pages`` lie at its top; what is linked as it is (charts, data) lies in ``files/``, which the
    book copies to its root.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: set[Path] = set()
        known = folder / _PLATES
        self._before: dict[str, str] = (
            json.loads(known.read_text(encoding="utf-8")) if known.is_file() else {}
        )
        self._plates: dict[str, str] = {}
        self.withheld: set[str] = set()
        """Studies whose sources forbid that their figures are handed on."""
        # Drawing is what costs time, so a chart is drawn again only if its numbers or the
        # drawing code changed.
        drawing = (canvas, charts, money, places, revisions, twins, words)
        self._code = "".join(inspect.getsource(module) for module in drawing)

    def text(self, name: str, content: str) -> None:
        """Write ``name`` below the folder if its content is new."""
        path = self.folder / name
        self._kept.add(path)
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def adopt(self, names: Iterable[str]) -> None:
        """Keep files below the folder that something else has written."""
        self._kept.update(self.folder / name for name in names)

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """The same rows as ``files/data/<name>.csv`` and ``.json``."""
        self.text(f"files/data/{name}.csv", _csv(rows))
        self.text(f"files/data/{name}.json", json.dumps(list(rows), indent=1) + "\n")

    def plate(
        self,
        name: str,
        root: str,
        alt: str,
        draw: Callable[..., str],
        *data: object,
        caption: str = "",
        sizes: tuple[Size, ...] = (WIDE, NARROW),
    ) -> Markup:
        """Draw a chart at each size and give the HTML that shows the one that fits.

        Parameters
        ----------
        name : where it lies below ``files/figures/``, without ending.
        root : the way from the page to the book's root, ``../../``.
        alt : the finding, in words, for whoever does not see the chart.
        draw : a function of ``figures``; ``data`` are its arguments before the size.
        """
        said = json.dumps([draw.__name__, data, [size.width for size in sizes]])
        key = hashlib.sha256((self._code + said).encode()).hexdigest()
        self._plates[name] = key
        names = [f"files/figures/{name}{'-narrow' if size is NARROW else ''}.svg" for size in sizes]
        for size, file in zip(sizes, names, strict=True):
            path = self.folder / file
            if self._before.get(name) == key and path.is_file():
                self._kept.add(path)
            else:
                self.text(file, draw(*data, size))
        links = [root + file.removeprefix("files/") for file in names]
        data_links = self._data(name, alt, draw, data)
        return _picture(links, alt, caption, sizes, [root + link for link in data_links])

    def _data(
        self, name: str, alt: str, draw: Callable[..., str], data: Sequence[object]
    ) -> list[str]:
        """The numbers of a chart beside it, as CSV and JSON; none that may not be handed on."""
        if name.partition("/")[0] in self.withheld and draw.__name__ in chart_data.SHOWS_SOURCES:
            return []
        table = chart_data.rows(draw, data)
        self.text(f"files/figures/{name}.csv", _csv(table))
        whole = {"chart": draw.__name__, "says": alt, "data": chart_data.named(draw, data)}
        self.text(f"files/figures/{name}.json", json.dumps(whole, indent=1) + "\n")
        return [f"figures/{name}.{ending}" for ending in ("csv", "json")]

    def finish(self) -> None:
        """Remember the charts and remove files of an earlier edition."""
        self.text(_PLATES, json.dumps(self._plates, indent=0, sort_keys=True))
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_file() and path not in self._kept:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows under every name that one of them has, in the order of first appearance."""
    stream = io.StringIO()
    if rows:
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return stream.getvalue()


def _picture(
    links: Sequence[str], alt: str, caption: str, sizes: Sequence[Size], data: Sequence[str]
) -> Markup:
    narrow = (
        f"<source media='(max-width: 600px)' srcset='{escape(links[1])}'>" if len(links) > 1 else ""
    )
    # A chart without words of its own, as on a card, stands for another that has them.
    below = f"<figcaption>{escape(caption)}{_offered(data)}</figcaption>" if caption else ""
    return Markup(
        f"<figure class='chart' style='--chart: {sizes[0].width}px'><picture>{narrow}"
        f"<img src='{escape(links[0])}' alt='{escape(alt)}'></picture>{below}"
        "</figure>"
    )


def _offered(data: Sequence[str]) -> Markup:
    links = (
        Markup("<a href='{}' download>{}</a>").format(link, link.rpartition(".")[2].upper())
        for link in data
    )
    said = Markup(" and ").join(links)
    return (
        Markup(" <span class='chart-data'>Its numbers: {}.</span>").format(said)
        if data
        else Markup("")
    )
