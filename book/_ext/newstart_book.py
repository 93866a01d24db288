"""What the book adds to Sphinx: claims looked up by id, and a band that says what data these are.

``{claim}`id``` prints the text that ``claims.json``, beside the pages, holds for the id, marks it,
and links a headline figure to its page; an id that is not there stops the build. ``book.json``
names the band and footer of each page.
"""

from __future__ import annotations

import hashlib
import json
import re
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole


class ClaimRole(SphinxRole):
    """A figure or finding in prose, by the id of the result that bears it."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        claims = _read(Path(self.env.srcdir), "claims.json")
        found = claims.get(self.text)
        if found is None:
            source, line = self.get_source_info()
            raise ExtensionError(
                f"{source}:{line}: no result of this edition bears the claim {self.text!r}"
            )
        self.env.note_dependency(str(Path(self.env.srcdir) / "claims.json"))
        inside = [self._part(text, page) for text, page in found["parts"]]
        # The id as a class, so that whoever walks the book knows which quantity this is.
        named = f"q-{self.text.replace('.', '-')}"
        return [nodes.inline(self.rawtext, "", *inside, classes=["claim", named])], []

    def _part(self, text: str, page: str) -> nodes.Node:
        """A piece of the claim; a figure with a page of its own links to it, not to itself."""
        here = f"annex/claims/{page.replace('.', '-')}"
        if not page or self.env.docname == here:
            return nodes.Text(text)
        return pending_xref(
            "",
            nodes.inline("", text),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{here}",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )


class NamedFigure(SphinxRole):
    """A number that no result of the edition holds: ``said <what fixed or printed it>``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        said = self.text.partition("<")[0].strip()
        return [nodes.inline(self.rawtext, said, classes=["claim"])], []


def name_the_data(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give every page its band and footer: invented or real, which edition."""
    book = _read(Path(app.srcdir), "book.json")
    context["theme_announcement"] = book["bands"].get(page, book["band"])
    context["edition_footer"] = book["footers"].get(page, book["footer"])
    context["edition_title"] = book["title"]
    context["docstitle"] = book["title"]


def describe_for_links(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """What a service shows where a page's address is passed on: its title, the question, a card."""
    book = _read(Path(app.srcdir), "book.json")
    own = unescape(re.sub(r"<[^>]+>", "", str(context.get("title", ""))))
    said = {
        "og:type": "article",
        "og:site_name": book["title"],
        "og:title": own or book["title"],
        "og:description": book["says"],
        # Beside the book and not by an address on the network: it goes wherever the book goes.
        "og:image": context["pathto"]("card.png", resource=True),
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": f"{book['title']}: what was found on the main outcomes",
    }
    tags = [f'<meta property="{name}" content="{escape(text)}">' for name, text in said.items()]
    tags.append('<meta name="twitter:card" content="summary_large_image">')
    context["metatags"] = str(context.get("metatags", "")) + "\n".join(tags)


def note_the_edition(app: Sphinx, config: Config) -> None:
    """Write every page again when the band, the footer or this file is another."""
    text = json.dumps(_read(Path(app.srcdir), "book.json"), sort_keys=True)
    text += Path(__file__).read_text(encoding="utf-8")
    config.edition_frame = hashlib.sha256(text.encode()).hexdigest()


def load_mathjax_for_formulas_only(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Sphinx loads it in the front page too, since a page below that one has formulas."""
    if not app.env.get_domain("math").data["has_equations"].get(page):
        context["script_files"] = [
            file for file in context["script_files"] if "mathjax" not in str(file.filename)
        ]


def keep_vendored_scripts_out(app: Sphinx, config: Config) -> None:
    """Jupyter Book loads every script below _static in every page; these are asked for by page."""
    config.html_js_files = [
        file for file in config.html_js_files if not str(file).startswith(("vendor/", "by-page/"))
    ]


def _read(source: Path, name: str) -> dict[str, Any]:
    path = source / name
    if not path.is_file():
        raise ExtensionError(f"{path} is missing: build the book with `newstart book build`")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def mend_frames(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give pandas' tables a name, scoped headers and no empty ones."""
    frames = [raw for raw in doctree.findall(nodes.raw) if 'class="dataframe"' in raw.astext()]
    for place, raw in enumerate(frames, start=1):
        text = raw.astext()
        text = re.sub(r"<thead>(.*?)</thead>", _heads_joined, text, flags=re.DOTALL)
        text = text.replace("<th></th>", "<td></td>")
        text = re.sub(r"(<tbody>.*?</tbody>)", _rows_scoped, text, flags=re.DOTALL)
        text = re.sub(r"<th>(?=[^<])", '<th scope="col">', text)
        box = "<div class='table-box' role='region' tabindex='0'"
        raw[:] = [nodes.Text(f"{box} aria-label='Table of results {place}'>{text}</div>")]


def _heads_joined(head: re.Match[str]) -> str:
    """One row of names where pandas writes two, the second only for the index."""
    rows = [
        re.findall(r"<th[^>]*>(.*?)</th>", row)
        for row in re.findall(r"<tr.*?>(.*?)</tr>", head[1], re.DOTALL)
    ]
    if (
        len(rows) != 2
        or len(rows[0]) != len(rows[1])
        or any(above and below for above, below in zip(*rows, strict=True))
    ):
        return head[0]
    cells = "".join(f"<th>{a or b}</th>" for a, b in zip(*rows, strict=True))
    return f"<thead><tr>{cells}</tr></thead>"


def _rows_scoped(body: re.Match[str]) -> str:
    return body[1].replace("<th>", '<th scope="row">')


def setup(app: Sphinx) -> dict[str, Any]:
    """Join the book's own parts to Sphinx."""
    app.add_role("claim", ClaimRole())
    app.add_role("constant", NamedFigure())
    app.add_role("measured", NamedFigure())
    app.add_config_value("edition_frame", "", "html")
    app.connect("config-inited", note_the_edition)
    # Before Sphinx gives each script its attributes, at 800.
    app.connect("config-inited", keep_vendored_scripts_out, priority=700)
    # After MathJax and the theme have filled the context.
    app.connect("html-page-context", load_mathjax_for_formulas_only, priority=900)
    app.connect("doctree-resolved", mend_frames)
    app.connect("html-page-context", name_the_data, priority=900)
    app.connect("html-page-context", describe_for_links, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
