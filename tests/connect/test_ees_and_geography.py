"""Texts with symbols, ids that belong to a version, errors inside 200, flags and pages."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import SourceError
from tests.connect.conftest import CODES, Fetching
from tests.connect.fake import Answerer, Asked, Fake, Reply, as_json, serving
from tests.connect.test_nomis import lineage, rows

PLACES = [{"id": f"p{n}", "label": "a place", "code": code} for n, code in enumerate(CODES)]
META = {
    "locations": [{"level": {"code": "LSOA", "label": "LSOA"}, "options": PLACES}],
    "indicators": [{"id": "ind1"}],
}


def ees(values: list[str], *, size: int = 4, period: str = "2025", **more: Any) -> Answerer:
    results = [
        {
            "timePeriod": {"period": period, "code": "AY"},
            "locations": {"NAT": "n", "LSOA": f"p{n}"},
            "values": {"ind1": value},
        }
        for n, value in enumerate(values)
    ]

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/meta"):
            return as_json(META)
        page = 1 if more.get("repeats") else int(asked.query["page"])
        total = more.get("total", len(results))
        paging = {"page": page, "totalResults": total, "totalPages": -(-total // size)}
        return as_json({"paging": paging, "results": results[(page - 1) * size : page * size]})

    return answer


def pupils(fetching: Fetching, answer: Answerer, **more: Any) -> dict[str, dict[str, str]]:
    with serving(answer) as fake:
        done = fetching("pupils", fake, source="ees", first="2025", **more)
    assert {one.query["dataSetVersion"] for one in fake.asked} == {"1.2"}
    return rows(done.written[0])


def test_values_are_texts_and_symbols(fetching: Fetching) -> None:
    held = pupils(fetching, ees(["5", "1,234", "c", "z", "x", "low"]))
    assert [held[code]["numerator"] for code in CODES] == ["5", "1234", "", "", "", ""]
    assert [held[code]["status"] for code in CODES] == ["", "", "[c]", "[z]", "[x]", "[low]"]


def test_a_symbol_that_nobody_knows(fetching: Fetching) -> None:
    with pytest.raises(SourceError, match="'§' stands where a figure should be"):
        pupils(fetching, ees(["5", "6", "7", "8", "9", "§"]))


def test_pages_that_repeat(fetching: Fetching) -> None:
    with pytest.raises(SourceError, match="a page repeats what came before"):
        pupils(fetching, ees(["1"] * 6, repeats=True))


def test_rows_that_are_lost(fetching: Fetching) -> None:
    with pytest.raises(SourceError, match="6 rows came of 9"):
        pupils(fetching, ees(["1"] * 6, total=9))


def test_an_academic_year_is_called_by_its_start(fetching: Fetching) -> None:
    assert len(pupils(fetching, ees(["1"] * 6, period="2025/2026"))) == 6


def test_a_period_that_this_version_does_not_hold(fetching: Fetching) -> None:
    with pytest.raises(SourceError, match="no row for 2025") as raised:
        pupils(fetching, ees(["1"] * 6, period="2023"))
    assert "one of 2023" in str(raised.value) and "/versions" in str(raised.value)


def test_ids_belong_to_a_version(fetching: Fetching) -> None:
    other = {**META, "indicators": [{"id": "zz9"}]}
    with pytest.raises(SourceError, match=r"version 1\.2 has no indicator 'ind1'"):
        pupils(fetching, lambda asked: as_json(other))


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"locations": "none"},
        {"locations": [{"level": "LSOA"}]},
        {"locations": [{"level": {"code": "LSOA"}, "options": [7]}]},
        {"locations": [{"level": {"code": "LSOA"}, "options": [{"id": None}]}]},
        {"paging": {"totalResults": "many"}, "results": []},
        {"paging": {"totalResults": -1, "totalPages": 1}, "results": []},
    ],
)
def test_json_of_another_shape(fetching: Fetching, content: dict[str, Any]) -> None:
    held = {**META, **content} if "paging" in content else content
    with pytest.raises(SourceError, match=r"its answer is no|no figures by"):
        pupils(fetching, lambda _: as_json(held))


def test_an_error_in_place_of_a_page(fetching: Fetching) -> None:
    held = {"title": "Not found", "errors": [{"message": "gone"}]}
    with pytest.raises(SourceError, match="gone"):
        pupils(fetching, lambda _: as_json(held))


LOOKUP = [
    {
        "ObjectId": n,
        "LSOA11CD": code,
        "LSOA21CD": code,
        "CHGIND": "U",
        "LAD22CD": "E08",
        "LAD22NM": "L",
    }
    for n, code in enumerate(CODES)
]


def arcgis(
    *, most: int = 4, repeats: bool = False, named: str = "{}", lost: int = 0, geojson: bool = False
) -> Answerer:
    def answer(asked: Asked) -> Reply:
        if asked.query.get("returnCountOnly") == "true":
            return as_json({"count": len(LOOKUP)})
        start = 0 if repeats else int(asked.query["resultOffset"])
        held = LOOKUP[start : start + most]
        features = [
            {
                "properties" if geojson else "attributes": {
                    named.format(name): value for name, value in row.items()
                }
            }
            for row in held[: len(held) - lost]
        ]
        flag = {"exceededTransferLimit": True} if start + most < len(LOOKUP) else {}
        return as_json(
            {"features": features, "properties": flag}
            if geojson
            else {"features": features, **flag}
        )

    return answer


def lookup(fetching: Fetching, answer: Answerer | Fake) -> Path:
    with serving(answer) as fake:
        done = fetching("lsoa_2011_to_2021", fake, source="geography")
    return done.written[0]


@pytest.mark.parametrize("answer", [arcgis(), arcgis(named="F_{}"), arcgis(geojson=True)])
def test_a_lookup_from_all_pages(fetching: Fetching, answer: Answerer) -> None:
    path = lookup(fetching, answer)
    with path.open(encoding="utf-8") as stream:
        held = list(csv.DictReader(stream))
    assert [row["LSOA11CD"] for row in held] == list(CODES)
    assert list(held[0]) == ["LSOA11CD", "LSOA21CD", "CHGIND", "LAD22CD", "LAD22NM"]
    assert lineage(path)["rows_received"] == 6 and lineage(path)["source"] == "geography"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda asked: as_json({"error": {"code": 400, "message": "Invalid URL"}}), "Invalid URL"),
        (arcgis(repeats=True), "a page repeats"),
        (arcgis(lost=1, most=6), "5 rows came of 6 that there are"),
        (arcgis(named="X{}"), "has no column 'LSOA11CD'"),
        (lambda asked: as_json({"features": "none", "count": 6}), "is no page of rows"),
    ],
    ids=["an error in 200", "repeated pages", "lost rows", "renamed columns", "no rows"],
)
def test_a_portal_that_misbehaves(fetching: Fetching, answer: Answerer, sentence: str) -> None:
    with pytest.raises(SourceError) as raised:
        lookup(fetching, answer)
    assert sentence in str(raised.value)
