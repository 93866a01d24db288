"""How many questions real official tables raise when they are sent quarter by quarter.

``python -m benchmarks.false_questions PANEL.csv[.gz] --area C --period C --value C [--per C]
[--whole] [--name NAME]`` sends a long table as the returns of one source, each checked against all
that came before, and counts what is asked in a thousand figures, rule by rule. The figures are as
they were published, so every question is a false one. Each run is kept by its name in
``benchmarks/results/false_questions.json``; run on an earlier state of the code, with another name,
it shows what a change is worth.
"""

from __future__ import annotations

import gc
import json
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from evaluation import quarters
from evaluation.check.accepted import AcceptedFigures
from evaluation.check.stages import check_return
from evaluation.programme import OPEN_SITE, Area, Outcome, Programme, Source
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.workbook import RawReturn, RawRow, csv_name

RESULT = Path(__file__).parent / "results" / "false_questions.json"
CODE, SOURCE = "counted", "official"


def outcome_of(*, whole: bool, ratio: bool) -> Outcome:
    """The outcome that a table is taken to hold: a stock of people, in all areas by one source."""
    return Outcome(
        code=CODE,
        title="Counted",
        plain_title="people counted",
        people="people",
        domain="work",
        unit="per 1,000" if ratio else "people",
        form="ratio" if ratio else "value",
        numerator="people counted",
        denominator="residents" if ratio else None,
        kind="stock",
        polarity="down",
        agency="dwp",
        source=SOURCE,
        comparison_source=SOURCE,
        instrument="official",
        whole=whole,
    )


def programme_of(table: pd.DataFrame, outcome: Outcome) -> Programme:
    """A programme without a start, whose areas are those of the table."""
    periods = sorted(table["period"].unique())
    return Programme(
        name="official",
        title="Official",
        question="What is asked?",
        synthetic=False,
        first=periods[0],
        last=periods[-1],
        agencies={"dwp": "DWP"},
        sources=(Source(code=SOURCE, name="Official", agency="dwp"),),
        sites=(),
        areas=tuple(
            Area(code=str(code), name=str(code), authority="A", role="comparison")
            for code in sorted(table["area"].unique())
        ),
        outcomes=(outcome,),
    )


def read(given: Namespace) -> pd.DataFrame:
    """Columns area, period (a `Period`), value, per; 10,000 people where no column is named."""
    table = pd.read_csv(given.panel)
    periods = {text: Period.parse(str(text)) for text in table[given.period].unique()}
    value = table[given.value].astype(float)
    return pd.DataFrame(
        {
            "area": table[given.area].astype(str),
            "period": table[given.period].map(periods),
            "value": value.round() if given.whole else value,
            "per": table[given.per].astype(float) if given.per else 10_000.0,
        }
    )


def sent(table: pd.DataFrame) -> Iterator[tuple[Period, RawReturn]]:
    """Each period's return, as it is read from a CSV."""
    for period in sorted(table["period"].unique()):
        rows = []
        for number, one in enumerate(table[table["period"] == period].itertuples(), start=2):
            known = one.value == one.value
            figure = repr(float(one.value)).removesuffix(".0") if known else None
            cells = (one.area, None, str(period), CODE, figure, repr(float(one.per)))
            rows.append(RawRow(number, (*cells, None if known else "[c]", None)))
        guide = dict.fromkeys(form().guide, "")
        guide |= {"site": OPEN_SITE, "agency": SOURCE, "quarter": str(period)}
        yield (
            period,
            RawReturn(
                path_name=csv_name(OPEN_SITE, SOURCE, period),
                content=b"",
                sha256="",
                sheet=None,
                guide=guide,
                header=RawRow(1, form().names),
                rows=tuple(rows),
            ),
        )


def asked(table: pd.DataFrame, outcome: Outcome) -> dict[str, Any]:
    """Questions by rule, and those of each period."""
    programme = programme_of(table, outcome)
    history, rules, by_period = AcceptedFigures(programme), Counter[str](), {}
    for period, raw in sent(table):
        before = history.before((OPEN_SITE, SOURCE), period)
        checked = check_return(raw, programme, before=before)
        if checked.returned is None:
            raise SystemExit(f"{period}: {checked.of('error')[0].message}")
        history.add(checked.returned)
        questions = Counter[str]()
        for one in checked.of("confirm"):
            questions[one.rule] += one.cells
        rules += questions
        by_period[str(period)] = questions.total()
    cells = int(table["value"].notna().sum())
    return {
        "figures": cells,
        "questions": rules.total(),
        "per_thousand": round(1000 * rules.total() / cells, 2),
        "rules": dict(sorted(rules.items())),
        "by_period": by_period,
    }


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.false_questions")
    parser.add_argument("panel")
    for name in ("area", "period", "value"):
        parser.add_argument(f"--{name}", required=True, help="a column")
    parser.add_argument("--per", help="a column of denominators", default="")
    parser.add_argument("--whole", action="store_true", help="round to whole counts")
    parser.add_argument("--name", default="", help="under which the result is kept")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    gc.disable()  # as the verbs do: no cell of a table is part of a cycle
    found = asked(read(given), outcome_of(whole=given.whole, ratio=True))
    name = given.name or f"{Path(given.panel).name.partition('.')[0]}{', whole' * given.whole}"
    command = ["python", "-m", "benchmarks.false_questions", Path(given.panel).name, *sys.argv[2:]]
    kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    day = quarters.now().date().isoformat()
    kept[name] = {"command": " ".join(command), "recorded": day, **found}
    RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(name, {key: found[key] for key in ("figures", "questions", "per_thousand", "rules")})
