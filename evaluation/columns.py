"""The columns of anyone's long table: areas, periods, starts and figures, read or refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, get_args

import numpy as np
import pandas as pd

from evaluation.errors import PanelError, PeriodError
from evaluation.quarters import NAMES, WRITTEN, Frequency, Period, period_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

P = ParamSpec("P")
T = TypeVar("T")

# What a missing id becomes as text.
NO_ID = frozenset({"", "nan", "None", "<NA>", "NaT"})
# What a start that was never becomes as text.
NO_START = frozenset({"", "0", "0.0", "inf", "infinity", "nat"})
HOW_STARTS = (
    "start is the first treated period of an area. From a column that is 1 where treated: "
    "frame[area].map(frame[frame[treated] == 1].groupby(area)[period].min())"
)
HOW_NEVER = "for an area that is never treated leave the start blank, or write 0, inf or NaT"


# How other programs and people call a frequency, by how the name begins.
CALLED = {
    "y": "A",
    "ann": "A",
    "month": "M",
    "ms": "M",
    "me": "M",
    "week": "W",
    "day": "D",
    "dai": "D",
    "quarter": "Q",
    "qs": "Q",
    "qe": "Q",
    "int": "I",
    "num": "I",
}


def arguments_told(function: Callable[P, T]) -> Callable[P, T]:
    """Tell in a sentence what is wrong with the arguments of a call; Python's words do not.

    A notebook's first call is to `Panel.from_long`, with columns in places as pandas takes them.

    Raises
    ------
    PanelError : more by their place than are taken so, a name that is none, or one that is missing.
    """
    signature = inspect.signature(function)
    told = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    names = [one.name for one in told]
    needed = [one.name for one in told if one.default is one.empty]
    places = [one.name for one in told if one.kind is one.POSITIONAL_OR_KEYWORD]

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            signature.bind(*args, **kwargs)
        except TypeError:
            given = len(args) - (len(signature.parameters) - len(told))
            strange = [name for name in kwargs if name not in names]
            lacking = [name for name in needed[given:] if name not in kwargs]
            said = [
                f"takes only {', '.join(places)} by place, and was given {given} so"
                * (given > len(places)),
                f"has no argument {', '.join(strange)}" * bool(strange),
                f"lacks {', '.join(lacking)}" * bool(lacking),
            ]
            raise PanelError(
                f"{function.__name__} {'; it '.join(one for one in said if one)}.",
                expected=", ".join(name if name in places else f"{name}=COLUMN" for name in needed),
                mend=f"all others by name: {', '.join(n for n in names if n not in needed)}",
            ) from None
        return function(*args, **kwargs)

    return called


def require_known(argument: str, given: object, allowed: object) -> None:
    """Refuse a choice that is none (the arguments of a ``Literal``).

    Raises
    ------
    PanelError : as it says.
    """
    choices = get_args(allowed)
    if given not in choices:
        said = str(given).lower()
        near = next((one for word, one in CALLED.items() if said.startswith(word)), "")
        raise PanelError(
            f"{argument} cannot be {given!r}.",
            expected=" or ".join(map(repr, choices)),
            mend=f"pass {argument}={near!r}" if argument == "frequency" and near else "",
        )


def parse_periods(column: pd.Series, frequency: Frequency) -> tuple[list[Period], NDArray[np.intp]]:
    """The periods that occur, and which of them each row has.

    Raises
    ------
    PanelError : dates where periods are expected, dates written as numbers, or periods of another
        frequency. PeriodError : what is no period.
    """
    dated = pd.api.types.is_datetime64_any_dtype(column)
    if dated and frequency not in _SHORT:
        raise PanelError(
            f"column {column.name!r} holds dates, not periods.",
            mend="give quarters, frame[...].dt.to_period('Q'), or years, frame[...].dt.year; for "
            "months, weeks or days pass frequency='M', 'W' or 'D'",
        )
    if column.isna().any():
        raise PanelError(
            f"{int(column.isna().sum())} rows have no period in column {column.name!r}.",
            expected=f"{NAMES[frequency]}s in every row, like {WRITTEN[frequency]}",
            mend="fill in the periods that are missing, or drop their rows on purpose",
        )
    codes, values = pd.factorize(column, use_na_sentinel=False)
    if frequency == "I":
        _refuse_calendar_numbers(column.name, values)
    known = []
    for value in values:
        day = _day(value) if frequency in _SHORT else None
        if day is None:
            known.append(_period_of(value, frequency))
        else:
            known.append(Period.around(day, frequency))
    return known, codes


# Where a date names the period that it lies in: one row an area and period, and few days in each.
_SHORT = ("M", "W", "D")
MIDNIGHT = (" 00:00:00", "T00:00:00", " 00:00", "T00:00")


def _day(value: object) -> date | None:
    """The day that a value names, a date or text like ``2026-07-01``; None for anything else."""
    if isinstance(value, pd.Period):
        # A pandas week has no name of its own: it is that of its first day.
        return value.start_time.date() if value.freqstr.startswith("W") else None
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, date):
        if pd.isna(value):
            return None
        return (
            value.date() if isinstance(value, pd.Timestamp) else date.fromordinal(value.toordinal())
        )
    text = str(value).strip()
    for end in MIDNIGHT:
        text = text.removesuffix(end)
    try:
        return Period.parse(text, "D").first_day
    except PeriodError:
        return None


def _period_of(value: object, frequency: Frequency) -> Period:
    """A period of the stated frequency.

    Raises
    ------
    PanelError : it is one of another frequency. PeriodError : it is none.
    """
    plain = _plain(value)
    try:
        return Period.parse(plain, frequency)
    except PeriodError as error:
        refused = error
    try:
        other = Period.parse(plain)
    except PeriodError:
        raise PanelError(
            f"{value!r} is no {NAMES[frequency]}.",
            expected=f"{NAMES[frequency]}s in every row, like {WRITTEN[frequency]}",
            mend="write every row so; text such as 'Q1 2019' or 'Jan 2019' is taken apart by "
            "frame[...].str.extract, or read by pd.to_datetime, and then written as a period",
        ) from refused
    raise PanelError(
        f"{value!r} is not of the stated frequency {frequency!r}.",
        expected=f"{NAMES[frequency]}s in every row, like {WRITTEN[frequency]}",
        mend=f"pass frequency={other.frequency!r} for {NAMES[other.frequency]}s",
    )


def _refuse_calendar_numbers(name: object, values: Iterable[Any]) -> None:
    """Refuse months or days written as numbers: from 202612 to 202701 is one month, not 89."""
    whole = [int(v) for v in values if _is_whole(v)]
    forms: tuple[tuple[str, int, int, Frequency], ...] = (
        ("%Y%m", 180001, 220012, "M"),
        ("%Y%m%d", 18000101, 22001231, "D"),
    )
    for form, first, last, frequency in forms:
        inside = len(whole) > 1 and all(first <= v <= last for v in whole)
        if inside and all(1 <= (v // (1 if frequency == "M" else 100)) % 100 <= 12 for v in whole):
            raise PanelError(
                f"column {name!r} holds {NAMES[frequency]}s written as numbers ({whole[0]}), which "
                "do not count on from one year to the next.",
                mend=f"make them dates, pd.to_datetime(frame[{name!r}], format={form!r}), and pass "
                f"frequency={frequency!r}",
            )


def _is_whole(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and float(value).is_integer()
    except (TypeError, ValueError):
        return False


# A panel of so many periods, nearly all without a figure, comes of a number that is no count.
MOST_EMPTY, MANY = 50, 20_000


def span_of(known: Sequence[Period]) -> tuple[Period, ...]:
    """Every period from the first to the last that occurs.

    Raises
    ------
    PanelError : there are far more of them than have rows.
    """
    first, last = min(known), max(known)
    length = last - first + 1
    if length > MANY and length > MOST_EMPTY * len(known):
        raise PanelError(
            f"from {first} to {last} there are {length:,} {NAMES[first.frequency]}s, and the table "
            f"has rows in {len(known)} of them.",
            mend="pass the frequency that the figures have, or mend the period that lies far off",
        )
    return period_range(first, last)


def _plain(value: Any) -> str:
    is_whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
    return str(int(value)) if is_whole else str(value)


@dataclass(frozen=True)
class Begun:
    """An area's first treated period, and the share of it in which it was treated."""

    label: str | None
    share: float = 1.0


NEVER_TREATED = Begun(None)


def parse_starts(column: pd.Series, span: tuple[Period, ...]) -> list[Begun]:
    """When each area's treatment begins.

    Parameters
    ----------
    column : one value an area. span : the periods of the panel.

    Raises
    ------
    PanelError : a value that is no period of the panel's frequency, or a code for never that is
        none of those that are read as one.
    """
    codes, values = pd.factorize(column)
    found = [_start(value, span) for value in values]
    found.append(NEVER_TREATED)  # a missing start has code -1, which is the last of them
    return [found[code] for code in codes]


def _start(value: object, span: tuple[Period, ...]) -> Begun:
    """What one value of the start column means.

    Raises
    ------
    PanelError : no period of the panel's frequency, or a number or date that looks like a code for
        never.
    """
    frequency = span[0].frequency
    if value in (0, np.inf) or (isinstance(value, str) and value.strip().lower() in NO_START):
        if frequency == "I" and span[0].ordinal <= 0 <= span[-1].ordinal and value != np.inf:
            raise PanelError(
                "a start of 0 can mean never, or the period 0, which the panel has.",
                mend="leave never blank and number the periods from 1: frame[period] + 1 - first",
            )
        return NEVER_TREATED
    day = _day(value) if frequency in _SHORT else None
    try:
        if day is not None:
            period = Period.around(day, frequency)
            begun = Begun(period.label, period.share_from(day))
        else:
            period = Period.parse(_plain(value), frequency)
            begun = Begun(period.label)
    except PeriodError:
        raise PanelError(
            f"a start of {value!r} is not of the stated frequency {frequency!r}.",
            expected=f"starts like the periods, {WRITTEN[frequency]}, or a missing one for never",
            mend=HOW_STARTS
            if _is_dummy(value)
            else HOW_NEVER
            if _day(value) is None or frequency == "I"
            else f"give the {NAMES[frequency]} that the date lies in, frame[...].dt.to_period"
            f"('{'Y' if frequency == 'A' else frequency}'), and by exposure= the share of it that "
            "was treated",
        ) from None
    if _is_zero_date(period, span):
        raise PanelError(
            f"a start of {value!r} lies before the panel, {span[0]} to {span[-1]}: it is what "
            "pandas makes of a date of 0, and could mean never.",
            mend=f"{HOW_NEVER}; an area that was treated so early is left out of the table",
        )
    if _is_code(period, span):
        raise PanelError(
            f"a start of {value!r} lies far outside the panel, {span[0]} to {span[-1]}, and looks "
            "like a code for never.",
            mend=HOW_NEVER,
        )
    return begun


# Years between a panel and a start beyond which that is taken for a code: 2099-12-31, 9999, 1900.
FAR_AFTER, FAR_BEFORE = 50, 100


def _is_dummy(value: object) -> bool:
    """Whether it is a column of 0 and 1, or of true and false, that was taken for starts."""
    return str(value).strip().lower() in ("1", "1.0", "true", "false", "yes", "no", "treated")


def _is_zero_date(start: Period, span: tuple[Period, ...]) -> bool:
    """Whether a start before the panel is the period of pandas' first day, 1 January 1970.

    Not of years: 1970 is written as a number there, and no date became it.
    """
    if start.frequency in ("A", "I") or start >= span[0]:
        return False
    return start == Period.around(date(1970, 1, 1), start.frequency)


def _is_code(start: Period, span: tuple[Period, ...]) -> bool:
    first, last = span[0], span[-1]
    if start.frequency != "I":
        return start.year - last.year > FAR_AFTER or first.year - start.year > FAR_BEFORE
    if start < first:
        return start.ordinal < 0 <= first.ordinal
    nines = start.label in ("99", "999", "9999", "99999", "999999")
    return start > last and (nines or start - last > 10 * len(span))


def set_exposure(areas: pd.DataFrame, begun: Sequence[Begun]) -> None:
    """Keep the share of each treated area's first period, where any was treated for a part.

    Raises
    ------
    PanelError : a share outside 0 to 1.
    """
    treated = np.array([one.label is not None for one in begun])
    shares = np.array([one.share for one in begun])
    if "exposure" in areas:
        given = pd.to_numeric(areas["exposure"], errors="coerce").to_numpy(dtype=float)
        text = np.isnan(given) & areas["exposure"].notna().to_numpy()
        wrong = treated & (text | (given <= 0) | (given > 1))
        if wrong.any():
            area = areas.index[int(np.argmax(wrong))]
            raise PanelError(
                f"an exposure of {areas['exposure'][area]!r} in area {area} is no share of its "
                "first treated period.",
                expected="above 0, up to 1; blank where the period was treated throughout",
                mend="where nothing of it was treated, the start is the period after",
            )
        shares = np.where(np.isnan(given), shares, given)
        areas.pop("exposure")
    if (shares[treated] < 1).any():
        areas["exposure"] = np.where(treated, shares, np.nan)


def require_table(frame: object) -> None:
    """Refuse what is no pandas table with rows.

    Raises
    ------
    PanelError : with the first that is wrong.
    """
    if not isinstance(frame, pd.DataFrame):
        raise PanelError(
            f"the table is a {type(frame).__name__}, not a pandas DataFrame.",
            mend="pd.DataFrame(table) for a dict or a list of rows, table.to_pandas() for polars",
        )
    if frame.empty:
        raise PanelError("the table has no rows.")


def names_of(argument: str, given: object) -> list[str]:
    """One name or several as a list."""
    names: list[Any] = [given]
    if isinstance(given, Iterable) and not isinstance(given, str):
        names = list(given)
    if not all(isinstance(name, str) for name in names) or (argument == "outcomes" and not names):
        raise PanelError(
            f"{argument}={given!r} names no column by text.",
            expected="one name or several, such as 'value' or ('a', 'b')",
            mend="give columns that are numbered a name: frame.rename(columns=str)",
        )
    return list(dict.fromkeys(names))


def errors_of(
    sampling_error: str | Mapping[str, str] | None, outcomes: Sequence[str]
) -> Mapping[str, str]:
    """Outcome -> the column of its standard errors.

    Raises
    ------
    PanelError : one column for several outcomes, or one for an outcome that is not among them.
    """
    if sampling_error is None:
        return {}
    if isinstance(sampling_error, Mapping):
        unknown = [name for name in sampling_error if name not in outcomes]
        if unknown:
            raise PanelError(
                f"sampling_error names {unknown[0]!r}, which is no outcome here.",
                expected=f"outcomes among {', '.join(outcomes)}",
            )
        return sampling_error
    if len(outcomes) > 1:
        raise PanelError(
            f"sampling_error={sampling_error!r} does not say whose errors these are: there are "
            f"{len(outcomes)} outcomes.",
            mend=f"name the column of each: sampling_error={{{outcomes[0]!r}: {sampling_error!r}}}",
        )
    return {outcomes[0]: sampling_error}


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundAreas:
    """The areas of a table: their ids, each once, and the number of the id in each row."""

    ids: list[Any]
    codes: NDArray[np.intp]


def require_areas(frame: pd.DataFrame, area: str, period: str) -> FoundAreas:
    """Refuse areas that cannot be told apart: without an id, or with ids that do not compare.

    What groups by id drops the rows of a missing one, and with them the start: a treated area
    would be taken for a control.
    """
    ids = frame[area]
    if ids.dtype == object and not all(map(pd.api.types.is_scalar, ids)):
        raise PanelError(
            f"an area's id in column {area!r} is neither text nor a number.",
            mend=f"make it text: frame[{area!r}].map(str)",
        )
    codes, labels = pd.factorize(ids)
    blank = [isinstance(label, str) and label.strip() in NO_ID for label in labels]
    # A missing id has code -1, which is the last of them.
    missing = np.array([*blank, True])[codes]
    if missing.any():
        row = frame[missing].iloc[0]
        raise PanelError(
            f"{int(missing.sum())} rows name no area in column {area!r}: the first is "
            f"{row[area]!r} in {row[period]}.",
            expected="an id in every row",
            mend="fill in the ids that are missing, or drop their rows on purpose",
        )
    if len({isinstance(label, str) for label in labels}) > 1:
        raise PanelError(
            f"the areas' ids in column {area!r} are partly text and partly numbers.",
            mend=f"make them one kind: frame[{area!r}].astype(str)",
        )
    return FoundAreas(ids=labels.tolist(), codes=codes)


def require_covariates(covariates: list[str], given: Mapping[str, str]) -> None:
    """Refuse covariates called like what the panel keeps of an area."""
    for name in covariates:
        own = None if name in ("role", "start") else name
        if given.get(name, own) != name:
            raise PanelError(
                f"a covariate cannot be called {name!r}: the panel keeps another thing there.",
                mend="rename the column",
            )


def require_columns(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse a table that lacks a column, or has it twice.

    Raises
    ------
    PanelError : with the first that is wrong.
    """
    levels = [name for name in frame.index.names if name is not None]
    missing = [column for column in columns if column not in frame.columns]
    twice = [column for column in columns if column in frame.columns[frame.columns.duplicated()]]
    if twice:
        raise PanelError(
            f"the table has more than one column {twice[0]!r}.",
            mend="rename one of them, or drop it: frame.loc[:, ~frame.columns.duplicated()]",
        )
    if inside := [name for name in missing if name in levels]:
        raise PanelError(
            f"{inside[0]!r} is in the table's index, not a column.", mend="frame.reset_index()"
        )
    if missing:
        known = f"columns among {', '.join(map(str, frame.columns))}"
        raise PanelError(
            f"the table has no column {', '.join(map(repr, missing))}.", expected=known
        )


def numbers_of(frame: pd.DataFrame, name: str, area: str, period: str) -> NDArray[np.float64]:
    """A column as numbers, NaN for what is missing.

    Raises
    ------
    PanelError : with the first that is wrong.
    """
    kind = pd.api.types
    if kind.is_datetime64_any_dtype(frame[name]) or kind.is_timedelta64_dtype(frame[name]):
        raise PanelError(
            f"column {name!r} holds dates or times, not figures.",
            expected="a number, or a missing value",
            mend=f"for how long something took: frame[{name!r}].dt.days",
        )
    if kind.is_complex_dtype(frame[name]):
        raise PanelError(
            f"column {name!r} holds complex numbers.", expected="a number, or a missing value"
        )
    numbers = pd.to_numeric(frame[name], errors="coerce")
    text = numbers.isna() & frame[name].notna()
    if text.any():
        row = frame[text].iloc[0]
        raise PanelError(
            f"{name!r} is {row[name]!r} in area {row[area]}, {row[period]}.",
            expected="a number, or a missing value",
            mend="turn the column into numbers before: pd.to_numeric(..., errors='coerce')",
        )
    return numbers.to_numpy(dtype=float)


def refuse_roles(
    outcomes: Sequence[str], held: Mapping[str, str | None], exposure: str | None
) -> None:
    """Refuse an outcome that is the column of areas, periods or starts; a share of no start.

    Raises
    ------
    PanelError : with the first that is.
    """
    for role, column in held.items():
        if column is not None and column in outcomes:
            raise PanelError(
                f"{column!r} is named as the {role} and as an outcome.",
                expected="a column of figures as the outcome",
            )
    if exposure is not None and held["start"] is None:
        raise PanelError(
            f"exposure={exposure!r} is a share of the first treated period, and no start is named.",
            mend="name the column with the starts: start=...",
        )


def require_people(areas: pd.DataFrame) -> None:
    """Refuse populations that are no numbers of people.

    Raises
    ------
    PanelError : text, or a number below zero or without a limit.
    """
    if "population" not in areas:
        return
    given = areas["population"]
    numbers = pd.to_numeric(given.astype(object), errors="coerce").to_numpy(dtype=float)
    wrong = (np.isnan(numbers) & given.notna().to_numpy()) | (numbers < 0) | np.isinf(numbers)
    if wrong.any():
        area = areas.index[int(np.argmax(wrong))]
        raise PanelError(
            f"the population of area {area} is {given[area]!r}.",
            expected="a number of people, or a missing one",
        )


def refuse_alike(index: pd.Index, rows: NDArray[np.intp], cols: NDArray[np.int64]) -> None:
    """Refuse two areas whose ids differ in spaces alone, or in capitals where no period is shared.

    Each would be a fragment of one area, with its start in one of them.

    Raises
    ------
    PanelError : with the first two.
    """
    seen: dict[str, int] = {}
    for place, one in enumerate(index):
        if not isinstance(one, str):
            return
        plain = " ".join(one.split())
        other = seen.setdefault(plain.casefold(), place)
        if other == place:
            continue
        apart = " ".join(str(index[other]).split()) != plain
        if apart and set(cols[rows == other]) & set(cols[rows == place]):
            continue
        raise PanelError(
            f"areas {index[other]!r} and {one!r} differ in {'capitals' if apart else 'spaces'} "
            "alone.",
            expected="one id an area in all its rows",
            mend="write them alike: frame[area].str.strip()" + (".str.upper()" if apart else ""),
        )


def refuse_duplicates(
    index: pd.Index, rows: NDArray[np.intp], cols: NDArray[np.int64], span: tuple[Period, ...]
) -> None:
    """Refuse a cell that stands twice.

    Raises
    ------
    PanelError : with the first that is wrong.
    """
    cell = rows * len(span) + cols
    if len(cell) > len(index) * len(span) or np.bincount(cell).max() > 1:
        row = int(np.flatnonzero(pd.Series(cell).duplicated().to_numpy())[0])
        raise PanelError(
            f"area {index[rows[row]]} has more than one row for {span[cols[row]].label}.",
            expected="one row an area and period",
        )


def _numbered(held: pd.Series, column: str) -> NDArray[np.intp]:
    """Which of the column's values each row has.

    Raises
    ------
    PanelError : a cell holds no single value.
    """
    try:
        return pd.factorize(held)[0]
    except TypeError:
        odd = next(one for one in held if isinstance(one, (list, dict, set, np.ndarray)))
        raise PanelError(
            f"column {column!r} holds {odd!r} in one cell.", expected="one value an area"
        ) from None


def constant_attributes(
    frame: pd.DataFrame, index: pd.Index, rows: NDArray[np.intp], columns: Mapping[str, str]
) -> pd.DataFrame:
    """Attributes by area: the value of its first row, which all its rows must share.

    Raises
    ------
    PanelError : a value changes over time, or a cell holds no single one.
    """
    first = np.empty(len(index), dtype=np.intp)
    first[rows[::-1]] = np.arange(len(rows))[::-1]
    areas = pd.DataFrame(index=index)
    for name, column in columns.items():
        held = frame[column]
        # Compared as numbers where they are: many rows, few areas.
        numeric = isinstance(held.dtype, np.dtype) and held.dtype.kind in "biuf"
        plain = held.to_numpy() if numeric else _numbered(held, column)
        expected = plain[first][rows]
        changes = (plain != expected) & ((plain == plain) | (expected == expected))
        if changes.any():
            raise PanelError(
                f"column {column!r} changes over time in area {index[rows[changes].min()]}.",
                expected="one value an area",
            )
        areas[name] = held.iloc[first].set_axis(index)
    return areas
