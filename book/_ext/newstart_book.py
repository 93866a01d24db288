"""What the book adds to Sphinx: claims looked up by id, and a band that says what data these are.

``{claim}`id``` prints the text that ``_edition/claims.json`` holds for the id and marks it; an id
that is not there stops the build. ``_edition/book.json`` names the band of each page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
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
        self.env.note_dependency(str(Path(self.env.srcdir) / "_edition" / "claims.json"))
        return [nodes.inline(self.rawtext, found["text"], classes=["claim"])], []


def name_the_data(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give every page its band and footer: invented or real, which edition."""
    book = _read(Path(app.srcdir), "book.json")
    context["theme_announcement"] = book["bands"].get(page, book["band"])
    context["edition_footer"] = book["footer"]
    context["edition_title"] = book["title"]
    context["docstitle"] = book["title"]


def keep_vendored_scripts_out(app: Sphinx, config: Config) -> None:
    """Jupyter Book loads every script below _static in every page; MathJax is asked for by page."""
    config.html_js_files = [
        file for file in config.html_js_files if not str(file).startswith("vendor/")
    ]


def _read(source: Path, name: str) -> dict[str, Any]:
    path = source / "_edition" / name
    if not path.is_file():
        raise ExtensionError(f"{path} is missing: build the book with `newstart book build`")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_role("claim", ClaimRole())
    # After Jupyter Book's own settings are in.
    app.connect("config-inited", keep_vendored_scripts_out, priority=900)
    # After the theme has put its options into the context.
    app.connect("html-page-context", name_the_data, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
