"""What a frozen page says of its own standing: the one line that later editions may rewrite.

Every page holds a slot between two comments. Its content follows from the index of editions alone;
the manifest's hash is that of the page with the slot empty. So an old page learns that it is no
longer the latest, works without script or network, and both the page and the line can be checked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from evaluation.edition import words

if TYPE_CHECKING:
    from evaluation.edition.past import PastEdition

OPEN, CLOSE = "<!-- edition-status -->", "<!-- /edition-status -->"
_SLOT = re.compile(re.escape(OPEN) + ".*?" + re.escape(CLOSE), re.DOTALL)
_MARKED = re.compile(r"<span data-edition='([^']+)'>([^<]*)</span>")
_PLACES = (r"<article class=\"bd-article\"[^>]*>", r"<main\b[^>]*>", r"<body\b[^>]*>")
_STYLE = "border:1px solid currentColor;padding:.5rem .8rem;margin:0 0 1rem"
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """What a correction changed: claim -> (text before, text after), and its reason."""

    claims: Mapping[str, tuple[str, str]]
    reason: str
    day: str


def with_slot(page: str) -> str:
    """A page with an empty slot, at the head of its text."""
    if OPEN in page:
        return blank(page)
    for place in _PLACES:
        found = re.search(place, page)
        if found is not None:
            return page[: found.end()] + OPEN + CLOSE + page[found.end() :]
    return OPEN + CLOSE + page


def blank(page: str) -> str:
    """The page with its slot empty: what the manifest vouches for."""
    return _SLOT.sub(OPEN + CLOSE, page)


def filled(page: str, line: str) -> str:
    """The page with this line in its slot."""
    return _SLOT.sub(lambda _: OPEN + str(line) + CLOSE, page)


def linked(page: str, path: str, names: Collection[str]) -> str:
    """The page with the names of editions, where it marks them, as links to their front pages.

    Only where a page is frozen is it known how it lies to other editions.
    """
    root = "../" * (len(PurePosixPath(path).parts) + 1)
    return _MARKED.sub(
        lambda found: (
            _link(f"{root}{found[1]}/pages/index.html", found[2]) if found[1] in names else found[0]
        ),
        page,
    )


def line(
    edition: PastEdition, path: str, page: str, corrected: Corrected | None, pages: Collection[str]
) -> str:
    """What a page of an edition says of its standing.

    Parameters
    ----------
    path : of the page, below the edition's pages.
    corrected : what the correction changed, of an edition that was corrected or is one.
    pages : the editions that can be opened, by name.
    """
    root = "../" * (len(PurePosixPath(path).parts) + 1)
    links = [_link(f"{root}index.html", "All editions")]
    told = f"Edition {edition.quarter}"
    told += f", correction {edition.correction}" if edition.correction else ""
    published = f"published on {words.day(edition.published)}"
    if edition.status == "current":
        said = f"{told}, {published}. It is the latest."
    else:
        said = f"This is not the latest edition. {told} was {published}."
        links.insert(0, _link(f"{root}latest/index.html", "Read the latest edition"))
    if corrected is not None:
        said += _corrected(edition, corrected, page)
        if edition.status == "corrected" and edition.replaced_by in pages:
            links.insert(
                0,
                _link(
                    f"{root}{edition.replaced_by}/pages/index.html", "Read the corrected edition"
                ),
            )
    return Markup(
        "<aside class='edition-status' aria-label='Standing of this edition' "
        "style='{}'>{} {}</aside>"
    ).format(_STYLE, said, Markup(" · ").join(links))


def _corrected(edition: PastEdition, corrected: Corrected, page: str) -> str:
    """That there is a correction, why, and which claims of this very page it changed."""
    if edition.status == "corrected":
        said = f" It was corrected on {corrected.day}: {words.sentence(corrected.reason)}"
    else:
        said = f" It corrects the edition before it: {words.sentence(corrected.reason)}"
    here = [key for key in corrected.claims if shows(page, key)]
    if not here:
        return f"{said} No figure that this page marks was touched."
    moved = [
        f"{key}: {_quoted(was)}, now {_quoted(now)}" if now else f"{key}: {_quoted(was)}, withdrawn"
        for key in here[:SHOWN]
        for was, now in (corrected.claims[key],)
    ]
    more = f", and {len(here) - SHOWN} more" if len(here) > SHOWN else ""
    return f"{said} On this page it changed {'; '.join(moved)}{more}."


def shows(page: str, claim: str) -> bool:
    """Whether a page shows a claim: marked in it, or linked to the claim's own page."""
    return f"data-claim='{claim}'" in page or f"claims/{claim.replace('.', '-')}.html" in page


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= 80 else text[:77] + '...'}”"


def _link(href: str, text: str) -> Markup:
    return Markup("<a href='{}'>{}</a>").format(escape(href), text)
