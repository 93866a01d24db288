"""The two pages that stand above all editions: the list of them, and the way to the latest.

They are plain files that open from a disk. The list is also the update log: what each edition
changed, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from evaluation.edition import words

if TYPE_CHECKING:
    from evaluation.edition.past import History, PastEdition

_PAGE = Markup(
    "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
    "<meta name='viewport' content='width=device-width, initial-scale=1'>{head}"
    "<title>{title}</title><style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;"
    "margin:2rem auto;padding:0 1rem;color-scheme:light dark}}li{{margin:0 0 1rem}}</style></head>"
    "<body><main>{band}<h1>{title}</h1>{body}</main></body></html>\n"
)
STATUS = {"current": "the latest", "superseded": "superseded", "corrected": "corrected: see {by}"}


def pages(history: History) -> dict[str, str]:
    """Path below the editions' folder -> text."""
    found = {"index.html": _list(history)}
    current = history.current
    if current is not None:
        address = f"../{_address(current)}"
        found["latest/index.html"] = _PAGE.format(
            title=f"The latest edition: {current.quarter}",
            band=_band(history),
            head=Markup("<meta http-equiv='refresh' content='0; url={}'>").format(address),
            body=Markup("<p><a href='{}'>Open it</a></p>").format(address),
        )
    return found


def _address(edition: PastEdition) -> str:
    """Where a reader finds an edition: its pages, or its figures where it has none."""
    return f"{edition.name}/pages/index.html" if edition.pages else f"{edition.name}/headline.json"


def _list(history: History) -> str:
    items = Markup("").join(_item(edition) for edition in reversed(history.editions))
    due = history.current.next_due if history.current else ""
    coming = (
        Markup("<p>The next edition follows the returns that are due on {}.</p>").format(
            words.day(due)
        )
        if due
        else Markup("")
    )
    body = Markup("{}<ol reversed>{}</ol>").format(coming, items)
    return _PAGE.format(
        title="All editions, newest first", band=_band(history), head=Markup(""), body=body
    )


def _band(history: History) -> Markup:
    """What stands above any figure that is invented."""
    if not any(edition.synthetic for edition in history.editions):
        return Markup("")
    return Markup("<p><strong>{}</strong></p>").format(words.SYNTHETIC)


def _item(edition: PastEdition) -> Markup:
    status = STATUS[edition.status].format(by=edition.replaced_by)
    reason = f" Correction: {words.sentence(edition.reason)}" if edition.reason else ""
    told = [str(one) for one in (edition.change or {}).get("sentences", [])]
    log = Markup("").join(Markup("<li>{}</li>").format(one) for one in told)
    return Markup("<li><a href='{}'>Edition {}</a>, published on {}, {}.{}{}</li>").format(
        _address(edition),
        edition.name,
        words.day(edition.published),
        status,
        reason,
        Markup("<ul>{}</ul>").format(log) if told else "",
    )
