"""Where the programme is: sites, comparison areas and areas set aside, on a map and in a table."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from markupsafe import Markup

from evaluation.edition import figures, words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.tables import link, table
from evaluation.programme import Area, Programme


def view(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that the page asks for."""
    study, programme = edition.headline, edition.programme
    areas = _in_study(edition)
    if study.synthetic:
        out.table(
            f"{study.study}/areas",
            [
                {
                    "code": a.code,
                    "name": a.name,
                    "authority": a.authority,
                    "role": a.role,
                    "site": a.site,
                    "x_km": a.x,
                    "y_km": a.y,
                    "reason": a.reason,
                }
                for a in areas
            ],
        )
    return {
        "study": study,
        "map": _map(edition, areas, out),
        "sites": _sites_table(edition, areas),
        "reasons": _reasons(areas),
        "name": f"{study.study}/areas",
        "authorities": _authorities(programme, areas),
    }


def _in_study(edition: Edition) -> list[Area]:
    """Areas of the geography that the study's outcomes are measured in."""
    kinds = {a.geography for a in edition.programme.areas if a.role == "pilot"}
    return [a for a in edition.programme.areas if a.geography in kinds]


def _map(edition: Edition, areas: list[Area], out: Generated) -> Markup:
    placed = [a for a in areas if a.x is not None and a.y is not None]
    pilots = [a for a in placed if a.role == "pilot"]
    if len(placed) < len(areas) or not pilots:
        return Markup("")
    dots = [{"x": a.x, "y": a.y, "role": a.role} for a in placed]
    sites = []
    for site in edition.headline.sites:
        own = [a for a in pilots if a.site == site["code"]]
        if own:
            sites.append(
                {
                    "name": site["name"],
                    "x": _mean([a.x for a in own]),
                    "y": max(a.y or 0.0 for a in own),
                }
            )
    count = Counter(a.role for a in placed)
    said = (
        f"{words.counted(len(sites), 'site')} with "
        f"{words.counted(count['pilot'], 'pilot area')}, "
        f"{words.counted(count['comparison'], 'comparison area')} and "
        f"{words.counted(count['excluded'], 'area')} set aside.{_nearest(placed)}"
    )
    alt = f"Map of the programme's areas by their own coordinates. {said}"
    return out.plate(
        f"{edition.headline.study}/map", "../", alt, figures.area_map, dots, sites, caption=said
    )


def _mean(values: list[float | None]) -> float:
    return sum(v or 0.0 for v in values) / len(values)


def _nearest(placed: list[Area]) -> str:
    """How near the nearest comparison area lies to a pilot area."""
    pilots = [a for a in placed if a.role == "pilot"]
    others = [a for a in placed if a.role == "comparison"]
    if not others:
        return ""
    least = min(
        math.hypot((a.x or 0) - (b.x or 0), (a.y or 0) - (b.y or 0)) for a in pilots for b in others
    )
    return f" The nearest comparison area lies {words.number(least, 1)} km from a pilot area."


def _sites_table(edition: Edition, areas: list[Area]) -> Markup:
    rows = []
    ordered = sorted(edition.headline.sites, key=lambda s: (s["start"], s["code"]))
    for site in ordered:
        own = [a for a in areas if a.site == site["code"]]
        people = sum(a.population or 0 for a in own)
        rows.append(
            [
                link(f"sites/{site['code']}.html", site["name"]),
                site["start"],
                ", ".join(sorted({a.authority for a in own})),
                words.number(len(own)),
                words.number(people) if people else "not known",
            ]
        )
    heads = ["Site", "Start", "Authority", "Pilot areas", "Residents"]
    return table("Sites, in the order in which they started", heads, rows, numeric="tttnn")


def _reasons(areas: list[Area]) -> list[str]:
    """Why areas were set aside, each reason with how many."""
    found = Counter(a.reason or "no reason given" for a in areas if a.role == "excluded")
    return [f"{words.counted(n, 'area')} ({reason})" for reason, n in found.most_common()]


def _authorities(programme: Programme, areas: list[Area]) -> Markup:
    """Areas by authority, the table behind the map."""
    counts: dict[str, Counter[str]] = {}
    for area in areas:
        counts.setdefault(area.authority, Counter())[area.role] += 1
    sites = {a.authority: programme.site_by_code[a.site].name for a in areas if a.site is not None}
    rows = [
        [
            name,
            sites.get(name, ""),
            *(words.number(held[r]) for r in ("pilot", "comparison", "excluded")),
        ]
        for name, held in sorted(counts.items())
    ]
    heads = ["Authority", "Site", "Pilot", "Comparison", "Set aside"]
    return table("Areas by authority", heads, rows, numeric="ttnnn")
