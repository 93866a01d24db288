"""Pages of what was measured: error rates, speed, sizes, published tables; failures included."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import table
from evaluation.protocol import ESTIMATOR_NAMES
from evaluation.study.written import Record, read_record, record_if_there

DIGITS = 7
INJECTED = {
    "none": "nothing",
    "chosen_on_level": "pilots chosen on their level",
    "chosen_on_trend": "pilots chosen on a rise",
    "chosen_on_dip": "pilots chosen after a bad quarter",
    "spillover": "the effect leaks to neighbours",
    "other_programme": "another programme in a fifth of the comparison authorities",
    "changed_instrument": "a new way of recording in pilots",
}
CASES = {
    "mpdta": "Minimum wages and teenage employment (mpdta)",
    "Medicaid (ehec)": "Medicaid and health insurance (ehec)",
    "castle doctrine": "Castle doctrine and homicide",
    "Proposition 99": "Proposition 99 and cigarettes",
}
CHECKS = {
    "pre_level": "Level before the start",
    "balance": "Balance before the start",
    "pre_trend": "Path before the start",
    "regression_to_the_mean": "An unusual moment",
    "changed_instrument": "A jump in recording",
    "other_programme": "Another programme",
    "odd_comparisons": "Comparisons that stand apart",
    "negative_control": "The control",
    "denominators": "Denominators",
    "spillover": "Spillover to neighbours",
    "influence": "One place that carries it",
}
"""Checks by the names that a reader gives them; one that is not here keeps its code."""


def published_view(book: Path) -> dict[str, Any]:
    """What the templates ask for: ``published`` tables, ``noticed`` and ``speed``, if recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "published.json")
    if record is None:
        return {"published": [], "noticed": None, "speed": None}
    cases = list(dict.fromkeys(row["case"] for row in record["rows"]))
    return {
        "published": [
            _case(case, [row for row in record["rows"] if row["case"] == case]) for case in cases
        ],
        "noticed": _noticed(record["checks"]) if record.get("checks") else None,
        "speed": _speed(record["speed"]) if record.get("speed") else None,
    }


def _case(case: str, rows: Sequence[Record]) -> dict[str, Any]:
    """One case: a title that says how near ours is, and its table."""
    cells = [
        [
            Markup("{}<span class='from'>{}</span>").format(
                words.capital(row["what"]), row["source"]
            ),
            words.number(row["published"], _decimals(row["published"])),
            words.number(row["ours"], min(_decimals(row["published"]) + 1, DIGITS)),
            f"{row['difference']:.0e}".replace("-", "\u2212"),
            words.sentence(row["why"]) if row["why"] else "",
        ]
        for row in rows
    ]
    met = sum(abs(row["difference"]) <= row["tolerance"] for row in rows)
    heads = ["What", "Published", "Ours", "Difference", "Why"]
    return {
        "title": f"{CASES.get(case, words.capital(case))}: {met} of {len(rows)} figures agree with "
        "what was printed",
        "table": table(f"Published and ours: {case}", heads, cells, numeric="tnnnt"),
    }


def _decimals(printed: float) -> int:
    """How many decimals a published figure was printed with."""
    return len(f"{printed:.{DIGITS}f}".rstrip("0").partition(".")[2])


def _noticed(record: Record) -> Markup:
    rows: Sequence[Record] = record["rows"]
    checks = [code for code in rows[0]["fires"] if any(code in row["fires"] for row in rows)]
    cells = [
        [
            CHECKS.get(code, words.capital(code.replace("_", " "))),
            *(
                words.percent(100 * r["fires"][code]["share"], 0) if r["fires"].get(code) else ""
                for r in rows
            ),
        ]
        for code in checks
    ]
    heads = [
        "Check",
        *(words.capital(INJECTED.get(name, name)) for name in (str(row["switch"]) for row in rows)),
    ]
    title = (
        f"Share of {record['seeds']} invented programmes in which each check fails, by what was "
        "made wrong"
    )
    return table(title, heads, cells, numeric="t" + "n" * len(rows), style="dense")


def _speed(record: Record) -> Markup:
    cells = [
        [
            f"{words.capital(row['task'].replace('_', ' '))}, {words.number(row['areas'])} areas",
            row["program"],
            words.number(row["seconds"], 2) if "seconds" in row else _failed(row["failed"]),
            words.number(row["megabytes"]) if "seconds" in row else "",
            words.number(row["time_of_ours"], 2) if "seconds" in row else "",
        ]
        for row in record["rows"]
    ]
    heads = ["Task", "Program", "Processor seconds", "Megabytes", "Time of ours, as a multiple"]
    return table("Speed beside other programs, one thread", heads, cells, numeric="ttnnn")


def _failed(said: str) -> str:
    """Why a program gave no result, without the name of its error."""
    wanted = re.search(r"Unable to allocate ([\d.]+ \w+)", said)
    return f"not done: it asked for {wanted[1]} of memory" if wanted else said


def machinery(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that the template of the page asks for."""
    record = edition.calibration
    if record is None:
        return {"record": None}
    rows: Sequence[Record] = record["rows"]
    charts = [
        _chart(out, nominal, [row for row in rows if row["nominal"] == nominal])
        for nominal in sorted({row["nominal"] for row in rows}, reverse=True)
    ]
    return {
        "record": record,
        "charts": charts,
        "rates": _rates_table(rows),
        "checks": _checks_table(record.get("diagnostics", [])),
    }


def _checks_table(departures: Sequence[Record]) -> Markup:
    """Each departure that was injected, and in what share of programmes each check noticed it."""
    if not departures:
        return Markup("")
    checks = list(departures[0]["fires"])
    rows = [
        [
            words.capital(one["what"]),
            *(words.percent(100 * one["fires"][check]["share"], 0) for check in checks),
        ]
        for one in departures
    ]
    heads = ["What was planted", *(CHECKS.get(check, words.capital(check)) for check in checks)]
    title = "Share of programmes in which each check fails"
    return table(title, heads, rows, numeric="t" + "n" * len(checks))


def _chart(out: Generated, nominal: float, rows: Sequence[Record]) -> Markup:
    drawn = [figures.Rate(words.capital(r["what"]), r["measured"], r["mc_se"]) for r in rows]
    said = " ".join(
        f"{row['what']}: promised {words.percent(100 * nominal, 0)}, measured "
        f"{words.percent(100 * row['measured'], 1)}."
        for row in rows
    )
    name, unit = (
        f"calibration-{round(100 * nominal)}",
        "measured rate; lines: two Monte Carlo errors",
    )
    return out.plate(name, "../", f"Dot chart. {said}", figures.strip, drawn, nominal, unit)


def _rates_table(rows: Sequence[Record]) -> Markup:
    cells = [
        [
            words.capital(row["what"]),
            words.percent(100 * row["nominal"], 0),
            words.percent(100 * row["measured"], 1),
            words.percent(100 * row["mc_se"], 1),
            "yes" if row["passes"] else "no",
        ]
        for row in rows
    ]
    heads = ["What", "Promised", "Measured", "Monte Carlo error", "Within 2.5 errors"]
    return table("Promised and measured rates", heads, cells, numeric="tnnnt")


def view(book: Path) -> dict[str, Any]:
    """What the template of the page asks for; ``bars`` is None where nothing is recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "bars.json")
    if record is None:
        return {"bars": None}
    promised = [row for row in record["rows"] if row["claim"]]
    missed = [row for row in promised if not row["passes"]]
    return {
        "bars": record,
        "bars_said": _said(promised, missed),
        "bars_tables": [
            (
                shown := ESTIMATOR_NAMES[name],
                _table(shown, [row for row in promised if row["estimator"] == name]),
            )
            for name in dict.fromkeys(row["estimator"] for row in promised)
        ],
        "bars_shown": _shown([row for row in record["rows"] if not row["claim"]]),
    }


def precision_view(book: Path) -> dict[str, Any]:
    """What the template of the page asks for; ``precision`` is None where nothing is recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "precision.json")
    if record is None:
        return {"precision": None}
    by_survey: dict[str, dict[str, Record]] = {}
    for row in record["rows"]:
        by_survey.setdefault(row["survey"], {})[row["placebos"]] = row
    cells = [
        [
            words.capital(survey),
            _band(rows["to scale"]),
            _rate(rows["to scale"]),
            "yes" if rows["to scale"]["passes"] else "no",
            _rate(rows["as they are"]),
        ]
        for survey, rows in by_survey.items()
    ]
    heads = ["Survey", "Bar", "Brought to scale", "Met", "As they are"]
    title = "False positives where pilot areas are measured better or worse than the others"
    return {"precision": record, "precision_table": table(title, heads, cells, numeric="tnntn")}


def _said(promised: Sequence[Record], missed: Sequence[Record]) -> str:
    met = len(promised) - len(missed)
    said = f"{words.number(met)} of {words.counted(len(promised), 'rate')} meet their bar."
    if missed:
        named = "; ".join(
            f"{ESTIMATOR_NAMES[row['estimator']].lower()}, {row['what']} "
            f"({words.percent(100 * row['measured'], 1)})"
            for row in missed
        )
        said += f" {'The one that does not' if len(missed) == 1 else 'Those that do not'}: {named}."
    return said


def _table(title: str, rows: Sequence[Record]) -> Markup:
    cells = [
        [
            words.typeset(row["what"]),
            _band(row),
            words.percent(100 * row["measured"], 1),
            words.percent(100 * row["mc_se"], 1),
            words.number(row["simulations"]),
            "yes" if row["passes"] else "no",
        ]
        for row in rows
    ]
    heads = ["Rate", "Bar", "Measured", "Monte Carlo error", "Simulations", "Met"]
    return table(f"{title}: bars", heads, cells, numeric="tnnnnt")


def _band(row: Record) -> str:
    low, high = 100 * row["low"], 100 * row["high"]
    if low <= 0:
        return f"at most {words.percent(high, 1)}"
    if high >= 100:
        return f"at least {words.percent(low, 1)}"
    return f"{words.percent(low, 1)} to {words.percent(high, 1)}"


def _shown(rows: Sequence[Record]) -> Markup:
    """One row a departure, one column an estimator: the false positives, good or bad."""
    if not rows:
        return Markup("")
    estimators = list(dict.fromkeys(row["estimator"] for row in rows))
    held = {(row["what"], row["estimator"]): row for row in rows}
    cells = [
        [
            words.typeset(what),
            *(_rate(held[what, name]) if (what, name) in held else "" for name in estimators),
        ]
        for what in dict.fromkeys(row["what"] for row in rows)
    ]
    heads = ["Rate", *(ESTIMATOR_NAMES[name] for name in estimators)]
    title = "Where the inference fails, and what mends it"
    return table(title, heads, cells, numeric="t" + "n" * len(estimators))


def _rate(row: Record) -> str:
    """The rate and two Monte Carlo errors; where the estimator was mostly refused, that instead."""
    if row["refused"] > 0.5:
        return f"refused in {words.percent(100 * row['refused'], 1)}"
    return f"{words.percent(100 * row['measured'], 1)} ± {words.number(200 * row['mc_se'], 1)}"


PANEL = ("title", "areas", "periods", "looks", "scale", "sample", "shape", "withheld", "with_gaps")
"""What records of one panel have in common; estimators may be measured one after another."""

CHOSEN = {
    "random": "drawn by lot",
    "top_level": "from the tenth with the highest level",
    "top_trend": "from the tenth with the steepest rise",
    "one_authority": "in one authority",
    "two_authorities": "in two authorities",
    "smallest": "from the smallest third",
    "largest": "from the largest third",
    "variable": "from the third that varies most",
}


def neighbourhoods_view(book: Path) -> dict[str, Any]:
    """What the template of the page asks for; empty where nothing is recorded.

    Raises
    ------
    BookError : a record holds no valid JSON.
    """
    records = [read_record(path) for path in sorted((book / "neighbourhoods").glob("*.json"))]
    by_panel: dict[tuple[Any, ...], list[Record]] = {}
    for one in filter(_plain, records):
        by_panel.setdefault(tuple(one.get(name) or None for name in PANEL), []).append(one)
    return {
        "neighbourhoods": [
            {"records": held, "table": _rates(held), "said": _neighbourhoods_said(held)}
            for held in by_panel.values()
        ],
        "neighbourhoods_shown": _neighbourhoods_shown([one for one in records if not _plain(one)]),
    }


def _plain(record: Record) -> bool:
    return bool(record["pilots"] == "random")


def _over_looks(record: Record) -> list[Record]:
    return [row for row in record["rows"] if row["look"] == "any"]


def _neighbourhoods_said(records: Sequence[Record]) -> str:
    """What the records of one panel say together."""
    record, rows = records[0], [row for one in records for row in _over_looks(one)]
    rows = [row for row in rows if row["refused"] < 1]
    sizes = [100 * row["size"] for row in rows if row["effect"] == 0]
    held = [100 * row["coverage"] for row in rows if row["effect"] != 0]
    if not sizes:
        return "Every simulation was refused."
    said = (
        f"{words.number(record['areas'])} areas, {words.number(record['periods'])} quarters, "
        f"{words.number(record['looks'])} looks: an effect was found where there was none in "
        f"{words.percent(min(sizes), 1)} to {words.percent(max(sizes), 1)} of the simulations"
    )
    if held:
        said += f", and the ranges held what was planted in {words.percent(min(held), 1)} or more"
    return f"{said}."


def _rates(records: Sequence[Record]) -> Markup:
    """One row an estimator and number of pilots: size, coverage and the smallest effect found."""
    held = {
        (r["estimator"], r["started"]): r["percent"] for one in records for r in one["detectable"]
    }
    rows = [row for one in records for row in _over_looks(one)]
    cells, order = [], list(ESTIMATOR_NAMES)
    for name, started in sorted(held, key=lambda key: (order.index(key[0]), key[1])):
        seen = held[name, started]
        own = [r for r in rows if (r["estimator"], r["started"]) == (name, started)]
        none = next(r for r in own if r["effect"] == 0)
        covered = [r["coverage"] for r in own if r["effect"] != 0 and r["refused"] < 1]
        cells.append(
            [
                ESTIMATOR_NAMES[name],
                words.number(started),
                _with_error(none),
                words.percent(100 * min(covered), 1) if covered else "not asked",
                words.percent(seen, 1) if seen else "none of those planted",
                words.number(none["simulations"]),
            ]
        )
    heads = [
        "Estimator",
        "Pilot areas",
        "Found where there was none",
        "Ranges that held",
        "Smallest fall found four times in five",
        "Simulations",
    ]
    return table(records[0]["title"], heads, cells, numeric="tnnnnn")


def _with_error(row: Record) -> str:
    """A share of false findings with two Monte Carlo errors; refused where every one was."""
    if row["refused"] == 1:
        return "refused"
    return f"{words.percent(100 * row['size'], 1)} ± {words.number(200 * row['mc_se'], 1)}"


def _neighbourhoods_shown(records: Sequence[Record]) -> Markup:
    """Pilots that are not like the rest, and the remedy beside each: a table a panel."""
    cells: dict[str, list[list[str]]] = {}
    for one in records:
        within = f"within bands of {words.listed(one['strata'])}" if one["strata"] else ""
        together = "whole authorities move" if one["block"] == "authority" else "areas move alone"
        for row in _over_looks(one):
            if row["effect"] == 0:
                cells.setdefault(one["title"], []).append(
                    [
                        f"{words.number(row['started'])} areas {CHOSEN[one['pilots']]}",
                        "; ".join(part for part in (together, within) if part),
                        ESTIMATOR_NAMES[row["estimator"]],
                        _with_error(row),
                    ]
                )
    heads = ["Pilots", "Re-drawn how", "Estimator", "Found where there was none"]
    return Markup("").join(
        table(f"Pilots that are not like the rest: {title}", heads, rows, numeric="tttn")
        for title, rows in cells.items()
    )


_ACROSS = {"areas": "areas", "n": "assignments", "looks": "looks", "outcomes": "outcomes"}
_STEPS = {
    "statistics": "Effects of every outcome and look under every assignment",
    "look ledgers": "Look ledgers",
    "closed testing": "Closed testing of three outcomes",
    "max-T": "Max-T over all outcomes at each look",
    "intervals": "An interval at each look",
    "repeated intervals of three": "Repeated intervals of three outcomes",
    "sequential p": "Sequential p-values",
    "all": "Together",
}


def inference_cost_view(book: Path, out: Generated) -> dict[str, Any]:
    """What the template of the page asks for; ``cost`` is None where nothing is recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "inference.json")
    if record is None:
        return {"cost": None}
    return {
        "cost": record,
        "cost_said": said(record),
        "cost_charts": [_inference_cost_chart(out, record, what) for what in _ACROSS],
        "cost_table": _inference_cost_table(record),
    }


def said(record: Record) -> str:
    """The finding in words."""
    size, took = record["size"], record["seconds"]
    hours = record["diff_diff_seconds_extrapolated"] / 3600
    return (
        f"The tests of {size['outcomes']} outcomes at {size['looks']} looks, over "
        f"{words.number(size['areas'])} areas, {record['sites']} sites, {size['quarters']} "
        f"quarters and {words.number(size['n'])} assignments, took "
        f"{words.number(took['all'], 1)} seconds by the clock on one thread, and "
        f"{words.number(record['megabytes_above'], 0)} MB of memory beyond the figures. The "
        "program diff-diff, fitted anew under every assignment, would take about "
        f"{words.number(hours, 1)} hours, reckoned from {record['peer_assignments']} of them that "
        "were timed in the same run."
    )


def _growth(
    out: Generated,
    name: str,
    points: Sequence[tuple[float, float]],
    *,
    across: figures.Across,
    title: str,
    said: Sequence[str],
) -> Markup:
    """What one more costs as there are more; ``said`` are the two ends of the line in words."""
    alt = f"Line chart of {title}: {said[0]}, {said[1]}."
    return out.plate(name, "../", alt, figures.growth, points, across, title)


def _inference_cost_chart(out: Generated, record: Record, what: str) -> Markup:
    points = [
        (float(one["value"]), float(one["processor_seconds"]))
        for one in record["growth"]
        if one["what"] == what
    ]
    ends = [
        f"{words.number(took, 2)} at {words.number(many)}"
        for many, took in points[:: len(points) - 1]
    ]
    of = _ACROSS[what]
    title = f"processor seconds, by number of {of}"
    return _growth(
        out, f"inference-{of}", points, across=figures.Across(of, 1.0), title=title, said=ends
    )


def _inference_cost_table(record: Record) -> Markup:
    rows = [[name, words.number(record["seconds"][key], 2)] for key, name in _STEPS.items()]
    grown = [
        [
            f"{words.number(one['value'])} {_ACROSS[one['what']]}",
            words.number(one["processor_seconds"], 2),
        ]
        for one in record["growth"]
    ]
    heads = ["Size", "Processor seconds"]
    return table("Step by step, by the clock", ["What", "Seconds"], rows, numeric="tn") + table(
        "As one size changes, the others as above", heads, grown, numeric="tn"
    )


def ledger_size_view(book: Path, out: Generated) -> dict[str, Any]:
    """What the template of the page asks for; ``ledger`` is None where nothing is recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "ledger.json")
    if record is None:
        return {"ledger": None}
    return {
        "ledger": record,
        "ledger_said": ledger_size_said(record),
        "ledger_charts": [_ledger_size_chart(out, record, kind) for kind in ("submit", "read")],
        "ledger_table": _ledger_size_table(record),
    }


def ledger_size_said(record: Record) -> str:
    """The finding in words."""
    submit, read = record["submit"], record["read"]
    known, taken = read["processor_seconds"][-1]
    first, last = (_mean(submit["processor_seconds"][part]) for part in (_FIRST, _LAST))
    return (
        f"A return of {words.number(submit['figures_a_return'])} figures took "
        f"{words.number(first, 1)} processor seconds to accept while the ledger was new and "
        f"{words.number(last, 1)} once it held {words.number(submit['figures'])} figures. "
        f"One national outcome of {words.number(known)} figures was read in "
        f"{words.number(taken, 1)} processor seconds, and all {read['outcomes']} in "
        f"{words.number(read['every_outcome']['processor_seconds'], 0)}, in at most "
        f"{words.number(read['peak_gigabytes'], 1)} GB of memory."
    )


_FIRST, _LAST = slice(0, 5), slice(-5, None)
_TITLES = {
    "submit": "processor seconds to accept a return, by figures held",
    "read": "processor seconds to read one outcome as of a day, by figures known",
}


def _mean(points: list[list[float]]) -> float:
    return sum(seconds for _, seconds in points) / len(points)


def _ledger_size_chart(out: Generated, record: Record, kind: str) -> Markup:
    points = [(float(held), float(took)) for held, took in record[kind]["processor_seconds"]]
    ends = [
        f"{words.number(took, 1)} at {words.number(held)} figures"
        for held, took in points[:: len(points) - 1]
    ]
    across = figures.Across("figures, millions", 1e6)
    return _growth(out, f"ledger-{kind}", points, across=across, title=_TITLES[kind], said=ends)


def _ledger_size_table(record: Record) -> Markup:
    submit, read = record["submit"], record["read"]
    warm, cold = (
        f"{max(submit[times])} ms"
        for times in ("one_site_milliseconds", "one_site_cold_milliseconds")
    )
    taken = [
        (submit, f"Accept {words.number(submit['figures'])} figures", f"{submit['seconds']} s"),
        (submit, "One site's history, slowest of ten", warm),
        (submit, "The same with nothing of the file in memory", cold),
        (read, "One national outcome as of a day, slowest of five", f"{max(read['seconds'])} s"),
        (read, f"All {read['outcomes']} outcomes", f"{read['every_outcome']['seconds']} s"),
    ]
    rows = [[what, took, words.number(of["load_of_the_machine"], 1)] for of, what, took in taken]
    heads = ["What", "By the clock", "Load of the machine"]
    return table("Time by the clock, on two shared processors", heads, rows, numeric="tnn")
