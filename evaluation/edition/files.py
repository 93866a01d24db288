"""Writing the generated part of the book: only what changed, charts with their numbers beside."""

from __future__ import annotations

import csv
import hashlib
import inspect
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from evaluation.disclosure.released import each_number, readable
from evaluation.drawing import NARROW, WIDE, Size, canvas, charts, maps, pounds, spelling, together
from evaluation.edition import words
from evaluation.study.record import EstimateResult, OutcomeResult, Results, SiteResult

Row = dict[str, Any]
# The functions themselves and not their names: a chart that is renamed must not hand on in silence
# what a licence forbids.
SHOWS_SOURCES = (charts.paths, charts.synthetic_path)
"""Charts that show the figures of a source, and not only what was estimated from them."""
# The kinds in downloads of 0.1.0, which whoever reads them by program goes by.
PUBLISHED_KIND = {charts.synthetic_path: "twin_path", charts.forest_rightwards: "forest"}
"""What a chart is called in its JSON where that is not its function's name."""


def named(draw: Callable[..., str], data: Sequence[object]) -> dict[str, Any]:
    """The chart's numbers by the names that its drawing function gives them."""
    names = [name for name in inspect.signature(draw).parameters if name != "size"]
    return dict(zip(names, data, strict=False))


def rows(draw: Callable[..., str], data: Sequence[object]) -> list[Row]:
    """The same as a table: the argument that holds rows, or else the columns side by side."""
    held = {name: value for name, value in named(draw, data).items() if _is_list(value)}
    for value in held.values():
        if value and isinstance(value[0], (Mapping, tuple, list)) and not _is_numbers(value[0]):
            return [_row(item) for item in value]
    return _columns(held)


def _row(item: object) -> Row:
    """One row: a mapping as it is, flat; a tuple by what its parts are."""
    if isinstance(item, Mapping):
        return _flat(item)
    assert isinstance(item, (tuple, list))
    found: Row = {}
    texts, values = iter(("label", "as_shown")), (f"value_{k}" if k else "value" for k in count())
    for part in item:
        if isinstance(part, Mapping):
            found |= _flat(part)
        elif isinstance(part, bool):
            found["filled"] = part
        else:
            found[next(texts, "note") if isinstance(part, str) else next(values)] = part
    return found


def _flat(item: Mapping[str, Any]) -> Row:
    found: Row = {}
    for key, value in item.items():
        if isinstance(value, Mapping):
            found |= {f"{key}_{part}": figure for part, figure in value.items()}
        else:
            found[key] = value
    return found


def _columns(held: Mapping[str, Any]) -> list[Row]:
    """Lists of one length as columns, a list of lists as numbered ones; pairs as points."""
    points = next((v for v in held.values() if v and _is_list(v[0]) and len(v[0]) == 2), None)
    if points is not None:
        return [dict(zip(("x", "y"), pair, strict=True)) for pair in points]
    columns: dict[str, Sequence[Any]] = {}
    for name, value in held.items():
        if value and _is_list(value[0]):
            columns |= {f"{name}_{k}": column for k, column in enumerate(value, start=1)}
        else:
            columns[name] = value
    length = len(next(iter(columns.values()), ()))
    alike = {name: column for name, column in columns.items() if len(column) == length}
    return [dict(zip(alike, row, strict=True)) for row in zip(*alike.values(), strict=True)]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_numbers(value: object) -> bool:
    """Whether it is a list of nothing but numbers: a column, or a point."""
    return isinstance(value, Sequence) and all(
        part is None or (isinstance(part, (int, float)) and not isinstance(part, bool))
        for part in value
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
        self.below: dict[str, tuple[str, ...]] = {}
        """Folder of charts -> what stands in each, under it: that it is invented, its source."""
        # Drawing is what costs time, so a chart is drawn again only if its numbers or the
        # drawing code changed.
        drawing = (canvas, charts, maps, pounds, spelling, together, words)
        self._code = "".join(inspect.getsource(module) for module in drawing)

    def text(self, name: str, content: str) -> None:
        """Write ``name`` below the folder if its content is new."""
        path = self.folder / name
        self._kept.add(path)
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def binary(self, name: str, content: bytes) -> None:
        """Write a file that is no text below the folder if its content is new."""
        path = self.folder / name
        self._kept.add(path)
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def copy(self, name: str, source: Path) -> None:
        """Hold a file below the folder as it is elsewhere."""
        path, content = self.folder / name, source.read_bytes()
        self._kept.add(path)
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def adopt(self, names: Iterable[str]) -> None:
        """Keep files below the folder that something else has written."""
        self._kept.update(self.folder / name for name in names)

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """The same rows as ``files/data/<name>.csv`` and ``.json``."""
        shown = each_number(rows, readable)
        self.text(f"files/data/{name}.csv", _csv(shown))
        self.text(f"files/data/{name}.json", json.dumps(shown, indent=1) + "\n")

    def plate(
        self,
        name: str,
        root: str,
        alt: str,
        draw: Callable[..., str],
        *data: object,
        caption: str = "",
        title: str = "",
        sizes: tuple[Size, ...] = (WIDE, NARROW),
    ) -> Markup:
        """Draw a chart at each size and give the HTML that shows the one that fits.

        Parameters
        ----------
        name : where it lies below ``files/figures/``, without ending.
        root : the way from the page to the book's root, ``../../``.
        alt : the finding, in words, for whoever does not see the chart.
        draw : a function of ``figures``; ``data`` are its arguments before the size.
        title : what is found, over the chart; ``caption``, under it, is how it is read.
        """
        below = self.below.get(name.partition("/")[0], ())
        said = json.dumps([draw.__name__, data, [size.width for size in sizes], below])
        key = hashlib.sha256((self._code + said).encode()).hexdigest()
        # Drawn for the edition before, or for another page of this one.
        drawn = key in (self._before.get(name), self._plates.get(name))
        self._plates[name] = key
        names = [f"files/figures/{name}{'-narrow' if size is NARROW else ''}.svg" for size in sizes]
        for size, file in zip(sizes, names, strict=True):
            path = self.folder / file
            if drawn and path.is_file():
                self._kept.add(path)
            else:
                self.text(file, canvas.footed(draw(*data, size), below, size))
        links = [root + file.removeprefix("files/") for file in names]
        data_links = self._data(name, alt, draw, data)
        offered = _offered([root + link for link in data_links])
        return _picture(links, alt, sizes, *_around(title, caption, offered))

    def chart(
        self,
        name: str,
        root: str,
        kind: str,
        said: str,
        draw: Callable[..., str],
        *data: object,
        heads: bool = False,
    ) -> Markup:
        """A plate whose words, beside it and for whoever does not see it, are the finding.

        ``kind`` says beforehand what is drawn, as in ``Bar chart of donor weights``. ``heads``: the
        words stand over the chart, where nothing else names it.
        """
        alt = f"{kind}. {said}"
        title, caption = (said, "") if heads else ("", said)
        return self.plate(name, root, alt, draw, *data, title=title, caption=caption)

    def _data(
        self, name: str, alt: str, draw: Callable[..., str], data: Sequence[object]
    ) -> list[str]:
        """The numbers of a chart beside it, as CSV and JSON; none that may not be handed on."""
        if name.partition("/")[0] in self.withheld and draw in SHOWS_SOURCES:
            return []
        table = each_number(rows(draw, data), readable)
        self.text(f"files/figures/{name}.csv", _csv(table))
        kind = PUBLISHED_KIND.get(draw, draw.__name__)
        whole = {"chart": kind, "says": alt, "data": each_number(named(draw, data), readable)}
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


@dataclass(frozen=True, kw_only=True)
class OutcomePage:
    """An outcome of a study on the page that shows it; ``root`` is its way to the book's root."""

    study: Results
    outcome: OutcomeResult
    out: Generated
    root: str

    @property
    def estimate(self) -> EstimateResult:
        """The one that the finding rests on."""
        return self.outcome.estimate

    def by_site(self) -> list[tuple[SiteResult, dict[str, Any]]]:
        """The effect at each site that has one, in per cent, in the order in which they started."""
        by_code = {row.site: words.compared(self.outcome, row) for row in self.estimate.site}
        return [
            (site, row)
            for site in sorted(self.study.sites, key=lambda site: (site.start, site.code))
            if (row := by_code.get(site.code)) is not None and row["effect"] is not None
        ]

    def name(self, ending: str) -> str:
        """Where a chart of the outcome lies."""
        return f"{self.study.study}/{self.outcome.code}-{ending}"

    def chart(
        self,
        ending: str,
        kind: str,
        said: str,
        draw: Callable[..., str],
        *data: object,
        heads: bool = False,
    ) -> Markup:
        """A chart of the outcome, as `Generated.chart` draws it."""
        return self.out.chart(self.name(ending), self.root, kind, said, draw, *data, heads=heads)

    def row(
        self, label: str, shown: Mapping[str, Any], *, filled: bool, on: words.OnScale | None = None
    ) -> charts.ForestRow:
        """An effect among others, as `words.shown` gives it, or on another scale as it is there."""
        said = words.shown_with_range(on or self.estimate, shown)
        return charts.ForestRow(label, shown, filled, said)

    def forest(
        self,
        ending: str,
        which: str,
        said: str,
        rows: Sequence[charts.ForestRow],
        *,
        on: words.OnScale | None = None,
        heads: bool = False,
    ) -> Markup:
        """Effects on the outcome on one scale; ``which`` as in ``by site with ranges``."""
        kind = f"Effects on {self.outcome.plain_title} {which}"
        unit, down = words.tick_unit(on or self.estimate), words.better_down(self.outcome)
        draw = charts.forest_rightwards
        return self.chart(ending, kind, said, draw, rows, unit, down, heads=heads)


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
    links: Sequence[str], alt: str, sizes: Sequence[Size], above: Markup, below: Markup
) -> Markup:
    narrow = (
        f"<source media='(max-width: 600px)' srcset='{escape(links[1])}'>" if len(links) > 1 else ""
    )
    return Markup(
        f"<figure class='chart' style='--chart: {sizes[0].width}px'>{above}<picture>{narrow}"
        f"<img src='{escape(links[0])}' alt='{escape(alt)}'></picture>{below}"
        "</figure>"
    )


def _around(title: str, caption: str, offered: Markup) -> tuple[Markup, Markup]:
    """What stands over a chart and what under it: a figure has one caption, wherever that is."""
    if title:
        above = Markup("<figcaption class='heads'>{}</figcaption>").format(title)
        note = Markup("<p class='read'>{}</p>").format(caption) if caption else Markup("")
        return above, note + offered
    # A chart without words of its own, as on a card, stands for another that has them.
    below = Markup("<figcaption>{}{}</figcaption>").format(caption, offered)
    return Markup(""), below if caption else Markup("")


def _offered(data: Sequence[str]) -> Markup:
    links = (
        Markup("<a href='{}' download>{}</a>").format(link, link.rpartition(".")[2].upper())
        for link in data
    )
    said = Markup(", ").join(links)
    return (
        Markup(" <span class='chart-data'>Numbers: {}.</span>").format(said) if data else Markup("")
    )
