"""A receipt in words: as text for the terminal, and as a page to print and put into a folder.

Both are written from the same words, so that what an officer read on the screen is what an auditor
finds on paper. The page stands alone: no script, no request, nothing beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from evaluation.ledger.receipt import Act, Receipt
from evaluation.quarters import NAMES, Period, parse_instant

if TYPE_CHECKING:
    import jinja2

_SET = "The clock was set and not read: this is a synthetic workspace."
_ACTS = {
    "withdrawal": "From this instant on the ledger is read without the return, and what it had "
    "replaced stands again. Its record stays for ever.",
    "redaction": "The return's raw file is removed for good. Its hash, its figures and this "
    "reason stay.",
    "destruction": "The return's figures and its raw file are destroyed, and its data key with "
    "them: no back-up of it can be read again. That it came, from whom and when, stays on "
    "record.",
}
_STANDS = (
    "From this instant on these figures stand, and studies that look later read them.",
    "If a figure turns out wrong, correct the file and submit it again: the new version stands, "
    "and this one stays on record.",
)
_DESTROYED = (
    "Figures of it were destroyed since, with what quoted them. That it came, from whom and when, "
    "stays on record."
)
_NOBODY = "not named"
_SECRET = "Keep it to yourself: with it the keyed hash, which may be published, can be tried"
CONFIRMED_COLUMNS = ("Cell", "Rule", "Value", "Reason")


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a receipt says.

    ``facts`` are labels with what they label; ``confirmed`` has a row for each reason given, in
    the order of ``CONFIRMED_COLUMNS``; ``after`` is what happens next.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    changed: tuple[str, ...]
    confirmed: tuple[tuple[str, str, str, str], ...]
    after: tuple[str, ...]


def words(receipt: Receipt | Act) -> Words:
    """The words of a receipt, or of the record of an act."""
    return _of_act(receipt) if isinstance(receipt, Act) else _of_return(receipt)


def as_text(receipt: Receipt | Act) -> str:
    """What the terminal prints."""
    content = words(receipt)
    width = max(len(label) for label, _ in content.facts)
    lines = [content.title, *(f"  {label.ljust(width)}  {value}" for label, value in content.facts)]
    if content.changed:
        lines += ["What changed", *(f"  {line}" for line in content.changed)]
    if content.confirmed:
        lines += ["What was confirmed"]
        lines += [
            f"  {cell}  {rule}  {value}  {reason}"
            for cell, rule, value, reason in content.confirmed
        ]
    lines += ["What happens next", *(f"  {line}" for line in content.after)]
    return "\n".join(lines) + "\n"


def as_page(receipt: Receipt | Act) -> str:
    """A page of its own, in HTML, for the screen and for one or more sheets of A4."""
    template = _templates().get_template("receipt.html.j2")
    return template.render(words=words(receipt), columns=CONFIRMED_COLUMNS) + "\n"


def _of_return(receipt: Receipt) -> Words:
    destroyed = not receipt.content_hash
    return Words(
        title=f"Accepted: {_figures(receipt.rows)} of {receipt.site} {receipt.agency} "
        f"for {_quarter(receipt.quarter)}",
        facts=(
            ("Receipt", receipt.return_id),
            ("Received", _instant(receipt.received, receipt.synthetic_clock)),
            ("Sent by", receipt.by or _NOBODY),
            ("Programme", receipt.programme),
            ("Site", receipt.site),
            ("Agency", receipt.agency),
            (NAMES[Period.parse(receipt.quarter).frequency].capitalize(), receipt.quarter),
            *([("Months", Period.parse(receipt.quarter).months)] if "Q" in receipt.quarter else []),
            ("Figures", f"{receipt.rows:,}"),
            *([] if destroyed else [("Content hash", receipt.content_hash)]),
            *([("Keyed hash", receipt.keyed_hash)] if receipt.keyed_hash else []),
            *([("Nonce", f"{receipt.nonce}. {_SECRET}")] if receipt.nonce else []),
            ("Chain hash", receipt.chain_hash),
            ("The record before", receipt.previous_hash),
            ("Chain version", str(receipt.chain_version)),
        ),
        changed=receipt.changes,
        confirmed=tuple(
            (one["cell"], one["rule"], one["value"], one["reason"]) for one in receipt.confirmations
        ),
        after=(
            *((_DESTROYED,) if destroyed else _STANDS),
            f"The next return is the one for {_next(receipt.quarter)}; newstart ledger calendar "
            "says when it is due.",
            _keep(receipt.return_id),
        ),
    )


def _of_act(act: Act) -> Words:
    return Words(
        title=f"Recorded: {act.kind} of {act.return_id}",
        facts=(
            ("Record", act.act_id),
            ("Received", _instant(act.received, act.synthetic_clock)),
            ("By", act.by or _NOBODY),
            ("Act", act.kind),
            ("Return", act.return_id),
            ("Reason", act.reason),
            ("Chain hash", act.chain_hash),
            ("The record before", act.previous_hash),
        ),
        changed=act.changes,
        confirmed=(),
        after=(_ACTS[act.kind], _keep(act.act_id)),
    )


def _keep(name: str) -> str:
    return (
        f"Keep this receipt and its file {name}.json away from the ledger: with it anyone can show "
        f"that nothing up to here was changed later (newstart ledger verify --against {name}.json)."
    )


def _figures(count: int) -> str:
    return "1 figure" if count == 1 else f"{count:,} figures"


def _instant(received: str, was_set: bool) -> str:
    at = parse_instant(received)
    # The day apart: %d would print 01, and %-d is not portable.
    text = f"{at.day} {at:%B %Y, %H:%M} UTC ({received})"
    return f"{text}. {_SET}" if was_set else text


def _next(quarter: str) -> str:
    return (Period.parse(quarter) + 1).described


def _quarter(quarter: str) -> str:
    return Period.parse(quarter).described


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("evaluation.ledger"),
        # Always: reasons and values are typed by submitters.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
