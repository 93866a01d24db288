"""From the front page to the code and the protocol's line of a figure, by its links alone."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag


class Links(HTMLParser):
    """The links of a page's article, or of all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def links(page: Path) -> set[Path]:
    parser = Links()
    parser.feed(page.read_text(encoding="utf-8"))
    local = (urldefrag(href)[0] for href in parser.found)
    return {(page.parent / unquote(href)).resolve() for href in local if href}


def clicks(start: Path, wanted: str, most: int = 3) -> int | None:
    """How many links a reader follows from ``start`` to a page that holds ``wanted``."""
    seen, now = {start}, {start}
    for count in range(most + 1):
        if any(wanted in p.read_text("utf-8") for p in now if p.suffix in (".html", ".txt")):
            return count
        now = {link for page in now if page.suffix == ".html" for link in links(page)} - seen
        now = {page for page in now if page.is_file()}
        seen |= now
    return None


def test_code_and_protocol_line_are_within_three_clicks_of_the_front_page(html: Path) -> None:
    front = html / "index.html"
    figure = html / "annex/claims/ae_attendances-effect.html"
    assert figure in links(front)
    assert clicks(front, "<td>primary: [ae_attendances") == 1
    assert clicks(front, "\ndef did(\n") == 2


def test_every_headline_figure_on_the_front_page_leads_to_its_own_page(html: Path) -> None:
    text = (html / "index.html").read_text(encoding="utf-8")
    for name in (
        "ae_attendances-effect",
        "ae_attendances-people",
        "money-cost",
        "money-gross_fiscal",
    ):
        assert f"annex/claims/{name}.html" in text
