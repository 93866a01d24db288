"""Parameters are dated data: checked at the cell, several vintages side by side, none invented."""

import re
import shutil
from importlib import resources
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from evaluation.errors import ReturnFileError, ValueChainError
from evaluation.programme import load_outcomes
from evaluation.quarters import Period
from evaluation.value.parameters import FIELDS, Parameters, read_gmca
from evaluation.value.pricing import (
    discount_factor,
    discount_factors,
    factor_to_price_base,
    is_approximate_year,
    priced_lines,
)

SCHEMAS = Path(__file__).parents[2] / "data_schemas"
SHIPPED = Path(str(resources.files("evaluation.value.parameters")))


@pytest.fixture(scope="module")
def params() -> Parameters:
    return Parameters.load()


@pytest.mark.parametrize("table", sorted(set(FIELDS) - {"vintages", "agencies"}))
def test_every_row_says_where_it_is_from_and_how_sure_it_is(params: Parameters, table: str) -> None:
    rows = params.tables[table]
    assert rows[["vintage", "source", "confidence", "approximate"]].notna().all(axis=None)


def test_no_rate_stands_in_the_code() -> None:
    """The figures of the tables are looked for in the modules; years and small counts aside."""
    code = "\n".join(p.read_text() for p in SHIPPED.parent.rglob("*.py"))
    rates = [
        "0.035",
        "3.5",
        "0.0150",
        "13000",
        "13_000",
        "70000",
        "70_000",
        "9234",
        "9_234",
        "51080",
        "51_080",
        "334.95",
        "45000",
        "45_000",
        "69.1217",
        "1.3",
    ]
    words = set(code.replace("(", " ").replace(")", " ").replace(",", " ").split())
    assert [rate for rate in rates if rate in words] == []


def spoiled(tmp_path: Path, table: str, old: str, new: str) -> Path:
    folder = tmp_path / "parameters"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / f"{table}.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return folder


@pytest.mark.parametrize(
    ("table", "old", "new", "said"),
    [
        ("unit_costs", "AME", "AMES", r"unit_costs.csv, D2[\s\S]*one of AME, DEL, none"),
        ("unit_costs", "9234", "lots", r"unit_costs.csv, F2[\s\S]*a value"),
        ("unit_costs", "9234", "-9234", r"F2[\s\S]*at least 0"),
        ("cashable", "0.9", "9", r"D2[\s\S]*at most 1"),
        ("discount", "rate_percent", "rate", r"columns of discount are not those"),
        ("confidence", "green", "puce", r"A2[\s\S]*green, amber, red"),
    ],
)
def test_a_cell_that_holds_what_it_cannot_is_told(
    tmp_path: Path, table: str, old: str, new: str, said: str
) -> None:
    with pytest.raises(ValueChainError) as error:
        Parameters.load(folder=spoiled(tmp_path, table, old, new))
    assert re.search(said, str(error.value)), str(error.value)


def test_a_missing_table_and_an_unknown_vintage_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueChainError, match=r"vintages\.csv is missing"):
        Parameters.load(folder=tmp_path)
    with pytest.raises(ValueChainError, match=r"no parameters of vintage '1999'[\s\S]*2026"):
        Parameters.load("1999")
    with pytest.raises(ValueChainError, match=r"discount.csv has no vintage 'older'"):
        Parameters.load().using(discount="older")


def test_vintages_of_rates_live_side_by_side(params: Parameters) -> None:
    proposed = params.using(discount="Freeman and Groom 2026")
    assert discount_factor(proposed, 10) == pytest.approx(1.03**-10)
    assert discount_factor(params, 10) == pytest.approx(1.035**-10)
    # A pound of two years before the base, carried forward to it.
    assert discount_factor(params, -2) == pytest.approx(1.035**2)
    assert discount_factor(proposed, 10, "health") == discount_factor(proposed, 10)
    with pytest.raises(ValueChainError, match=r"states no standard rate for year 31"):
        discount_factor(proposed, 31)


def test_health_and_sensitivity_have_schedules_of_their_own(params: Parameters) -> None:
    assert discount_factor(params, 30, "health") == pytest.approx(1.015**-30)
    assert discount_factor(params, 76, "sensitivity") == pytest.approx(
        1.03**-30 * 1.0257**-45 / 1.0214
    )


def test_a_quarter_is_a_quarter_of_a_year(params: Parameters) -> None:
    found = discount_factors(params, ["2024 Q1", "2024 Q2", "2025 Q1"], Period.parse("2024 Q1"))
    assert found == pytest.approx([1, 1.035**-0.25, 1 / 1.035])


def test_rebasing_forth_and_back_is_the_identity(params: Parameters) -> None:
    there, back = (factor_to_price_base(params, *y) for y in ((2012, 2024), (2024, 2012)))
    assert there * back == pytest.approx(1, abs=1e-12)
    assert factor_to_price_base(params, "2012/13", 2024) == pytest.approx(100 / 71.9294)


def test_a_financial_year_by_a_calendar_index_is_approximate(params: Parameters) -> None:
    assert is_approximate_year(params, "2012/13")
    assert not is_approximate_year(params, 2012)
    assert not is_approximate_year(params.using(deflator="GMCA v1.4"), "2012/13")


def test_a_missing_index_is_refused_and_none_invented(params: Parameters) -> None:
    with pytest.raises(ValueChainError, match=r"no index for 2009[\s\S]*deflator.csv"):
        factor_to_price_base(params, 2009, 2024)


def test_a_price_that_is_nowhere_is_told_with_the_known_ones(params: Parameters) -> None:
    with pytest.raises(ValueChainError, match=r"no unit cost 'joy'[\s\S]*wellby"):
        params.costs_of("joy")
    with pytest.raises(ValueChainError, match="unknown confidence grade 'puce'"):
        params.variation("puce")
    with pytest.raises(ValueChainError, match="no capital bucket 'castle'"):
        params.optimism("capital", "castle")


def test_lives_are_valued_on_the_health_schedule_with_their_range(params: Parameters) -> None:
    (wellby,) = params.costs_of("wellby")
    assert (wellby.value, wellby.price_year, wellby.schedule) == (13_000, "2019", "health")
    assert wellby.spread is not None
    assert (wellby.spread.low, wellby.spread.high) == (10_000, 16_000)
    (qaly,) = params.costs_of("qaly")
    assert qaly.price_year and "price year" in qaly.confirm


def test_every_declared_price_fits_its_outcome(params: Parameters) -> None:
    """Stocks by the person-year or week, flows by the event; a mismatch would stop the chain."""
    declared = [o for o in load_outcomes(SCHEMAS / "outcomes") if o.unit_cost]
    assert len(declared) >= 12
    for outcome in declared:
        assert all(line.pounds_for_one for line in priced_lines(outcome, params, 2024, set()))


# The published workbook.

HEAD = (
    "Outcome Category",
    "Outcome Detail",
    "Code",
    "Cost/saving detail",
    "Unit",
    "Agency bearing the cost / making the fiscal saving - level 1",
    "Agency bearing the cost / making the fiscal saving - level 2",
    "Fiscal value",
    "Economic value",
    "Social value",
    "Year",
    "Source",
    "Confidence (RAG)",
)


def published(path: Path, rows: list[tuple[object, ...]], head: tuple[str, ...] = HEAD) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Introduction"
    book.active.append(["Unit Cost Database (v.9)"])
    sheet = book.create_sheet("Employment & Economy")
    sheet.append(["EMPLOYMENT & ECONOMY"])
    sheet.append(list(head))
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


CLAIM = (
    "WORK",
    "JSA",
    "E&E1.0",
    "Claimant, a year",
    "Per person",
    "DWP",
    "DWP",
    12_000,
    15_000,
    None,
    "2023/24",
    "DWP",
    "Green",
)
CARE = (
    "CARE",
    "Looked after",
    "SS1.0",
    "A year",
    "Per child",
    "LA",
    "LA",
    "£60,000",
    None,
    None,
    "2023-24",
    "DfE",
    "Amber",
)


def test_the_published_layout_is_read_by_its_headings(tmp_path: Path) -> None:
    found = read_gmca(published(tmp_path / "u.xlsx", [CLAIM, ("", "note"), CARE])).set_index("code")
    assert list(found.index) == ["E&E1.0", "SS1.0"]
    assert found.loc["E&E1.0", "agency_1"] == "DWP"
    assert found.loc["SS1.0", "fiscal"] == 60_000
    assert found.loc["SS1.0", "price_year"] == "2023/24"
    assert pd.isna(found.loc["SS1.0", "social"])
    assert found.loc["SS1.0", "cell"] == "u.xlsx, Employment & Economy!H5"
    assert found.loc["E&E1.0", "confidence"] == "green"


def test_moved_columns_are_found(tmp_path: Path) -> None:
    order = [2, 3, 7, 8, 9, 5, 6, 10, 11, 12]
    path = published(
        tmp_path / "u.xlsx", [tuple(CLAIM[c] for c in order)], tuple(HEAD[c] for c in order)
    )
    row = read_gmca(path).iloc[0]
    assert (row["code"], row["fiscal"], row["economic"]) == ("E&E1.0", 12_000, 15_000)


def test_new_values_replace_ours_by_code_and_keep_the_split(
    tmp_path: Path, params: Parameters
) -> None:
    new = params.with_unit_costs(
        read_gmca(published(tmp_path / "u.xlsx", [CLAIM, CARE])), "GMCA v9"
    )
    dwp, nhs, economic = new.costs_of("claimant")
    assert dwp.value + nhs.value == pytest.approx(12_000)
    assert dwp.value / nhs.value == pytest.approx(9_234 / 566)
    assert dwp.approximate and not economic.approximate
    assert (dwp.vintage, dwp.confidence, dwp.confirm) == ("GMCA v9", "green", "")
    assert economic.value == 15_000
    (care,) = new.costs_of("child_looked_after")
    assert care.source == "GMCA, u.xlsx, Employment & Economy!H4"
    assert new.costs_of("ae_attendance") == params.costs_of("ae_attendance")


@pytest.mark.parametrize("written", ["2012/13", "2012-13", "2012/2013", "2012 - 2013"])
def test_a_financial_year_is_one_however_it_is_written(tmp_path: Path, written: str) -> None:
    path = published(tmp_path / "u.xlsx", [(*CLAIM[:10], written, *CLAIM[11:])])
    assert read_gmca(path).iloc[0]["price_year"] == "2012/13"


def test_a_workbook_confirms_what_it_states_and_no_more(tmp_path: Path, params: Parameters) -> None:
    """It states grade and price year; whose cost it is, it does not."""
    neet = (*CLAIM[:2], "E&E10.0", *CLAIM[3:])
    new = params.with_unit_costs(read_gmca(published(tmp_path / "u.xlsx", [neet])), "GMCA v9")
    assert [one.confirm for one in new.costs_of("neet")] == ["split between DWP and HMRC", ""]


def test_what_is_no_unit_cost_database_is_told(tmp_path: Path) -> None:
    other = published(tmp_path / "u.xlsx", [CLAIM], ("a", "b", "c"))
    with pytest.raises(ValueChainError, match="no sheet has the headings"):
        read_gmca(other)
    bad = published(tmp_path / "v.xlsx", [(*CLAIM[:7], "a lot", *CLAIM[8:])])
    with pytest.raises(ValueChainError, match=r"Economy!H3[\s\S]*'a lot' is no amount"):
        read_gmca(bad)
    undated = published(tmp_path / "w.xlsx", [(*CLAIM[:10], None, *CLAIM[11:])])
    with pytest.raises(ValueChainError, match="names no price year"):
        read_gmca(undated)
    (tmp_path / "x.xlsx").write_bytes(b"%PDF-1.7")
    with pytest.raises(ReturnFileError, match="PDF"):
        read_gmca(tmp_path / "x.xlsx")
