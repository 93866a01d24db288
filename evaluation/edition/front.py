"""What the front page shows: the answer, its standing, the main outcomes, what is open."""

from __future__ import annotations

from typing import Any

from evaluation.edition import answers, evidence, money, outcomes, points, quality, unknown, words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated


def view(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that its template asks for."""
    study = edition.headline
    standing = {one.outcome["code"]: one for one in evidence.standings(study)}
    strip = [
        {
            "outcome": o,
            "verdict": words.verdict(o["finding"]["verdict"]),
            "spark": outcomes.spark(study, o, out, ""),
            "standing": standing.get(o["code"]),
            "moved": answers.moved(o),
            "href": f"_edition/outcomes/{o['code']}.html",
        }
        for o in study.with_role("primary")
    ]
    return {
        "study": study,
        "strip": strip,
        "points": [f"points.{k}" for k, _ in enumerate(points.main_points(study), start=1)],
        "losses": evidence.losses(study),
        "earns": evidence.earns(study),
        "unknowns": unknown.open_questions(edition),
        "gains": money.gains_chart(study, out, ""),
        "agencies": money.agency_table(study.value) if study.value else "",
        "changes": quality.newest_changes(edition),
    }
