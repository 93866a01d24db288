"""The file that a submitter fills in: its areas and outcomes in place, as xlsx or CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from evaluation.errors import ReturnFileError, WorkspaceError
from evaluation.programme import Area, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.content import Figures
from evaluation.returns.form import form
from evaluation.returns.template_sheets import Asked, workbook

Row = list[str | float | None]


def write_template(
    programme: Programme,
    site: str,
    agency: str,
    period: Period,
    path: Path,
    *,
    last_accepted: Figures | None = None,
) -> int:
    """Write the empty return of one submitter for one period to ``path`` (.xlsx or .csv).

    Gives the number of rows whose denominator is not known and has to be filled in.

    Parameters
    ----------
    last_accepted : the submitter's last accepted figures; their denominators are put in place and
        their numerators shown beside the empty cells. Where there is none, the denominator that
        the programme declares is put in place.

    Raises
    ------
    WorkspaceError : if the programme has no such submitter, or asks nothing from it then.
    ReturnFileError : if ``path`` ends in neither .xlsx nor .csv.
    """
    areas, outcomes = programme.expected(site, agency)
    outcomes = tuple(o for o in outcomes if o.period_frequency == period.frequency)
    if not areas or not outcomes:
        raise WorkspaceError(
            f"nothing is asked from {site} with agency {agency} for {period}.",
            mend="choose another quarter, or a year where the outcomes are yearly.",
        )
    guide = [form().template_version, programme.name, site, agency, str(period)]
    known: Figures = {key: (None, below) for key, below in programme.fixed_denominators.items()}
    for key, (numerator, below) in (last_accepted or {}).items():
        known[key] = (numerator, below if below is not None else known.get(key, (None, None))[1])
    rows = _rows(areas, outcomes, period, known)
    write_return(path, guide, rows, asked=Asked(areas=areas, outcomes=outcomes))
    ratios = {outcome.code for outcome in outcomes if outcome.form == "ratio"}
    return sum(row[5] is None and row[3] in ratios for row in rows)


def write_return(
    path: Path, guide: list[str], rows: list[Row], *, asked: Asked | None = None
) -> None:
    """Write rows (columns A-I of the form) as a return file; ``guide`` fills ``Guide!B1:B5``.

    Raises
    ------
    ReturnFileError : if ``path`` ends in neither .xlsx nor .csv.
    """
    if path.suffix.lower() == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([[*form().names, *form().ignored], *rows])
    elif path.suffix.lower() == ".xlsx":
        path.write_bytes(workbook(rows, guide, asked))
    else:
        raise ReturnFileError(
            f"a return is written as .xlsx or .csv, not {path.suffix!r}.", where=str(path)
        )


def _rows(
    areas: tuple[Area, ...], outcomes: tuple[Outcome, ...], period: Period, last: Figures
) -> list[Row]:
    rows: list[Row] = []
    for outcome in outcomes:
        for area in areas:
            numerator, denominator = last.get((area.code, outcome.code), (None, None))
            given = [area.code, area.name, period.label, outcome.code]
            rows.append([*given, None, _plain(denominator), None, None, _plain(numerator)])
    return rows


def _plain(figure: float | None) -> float | None:
    """A whole number without its ``.0``, as an officer would type it."""
    return int(figure) if figure is not None and figure == int(figure) else figure
