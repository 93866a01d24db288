"""Stat-Xplore: cubes of another length, waits in milliseconds, errors inside 200, keys."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import SourceError, WorkspaceError
from tests.connect.conftest import CODES, Fetching
from tests.connect.fake import Asked, Reply, as_json, serving
from tests.connect.test_nomis import lineage, rows

KEY = "my-very-own-key-0042"


def table(asked: Asked) -> dict[str, Any]:
    """The cube that was asked for: 10 for the first area in the first month, and so on."""
    question = json.loads(asked.body)
    fields = [
        {
            "uri": name,
            "items": [
                {"type": "RecodedItem", "labels": [one], "uris": [one]}
                for (one, *_) in question["recodes"][name]["map"]
            ],
        }
        for (name,) in question["dimensions"]
    ]
    months, codes = (len(field["items"]) for field in fields[:2])
    values = [[[10.0 * (m + 1) + c] for c in range(codes)] for m in range(months)]
    (measure,) = question["measures"]
    return {"fields": fields, "measures": [], "cubes": {measure: {"values": values}}}


def told(fetching: Fetching, answer: Any) -> str:
    with serving(answer) as fake, pytest.raises(SourceError) as raised:
        fetching("claims", fake, source="statxplore")
    return str(raised.value)


def test_a_cube_by_its_ids(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSTART_KEY_STATXPLORE", KEY)
    with serving(lambda asked: as_json(table(asked))) as fake:
        done = fetching("claims", fake, source="statxplore")
    held = rows(done.written[0])
    assert [held[code]["numerator"] for code in CODES] == ["20", "21", "22", "23", "24", "25"]
    assert lineage(done.written[0])["perturbed"] is True
    assert lineage(done.written[0])["rows_expected"] == 18
    assert fake.asked[0].headers["Apikey"] == KEY and fake.asked[0].method == "POST"


def test_a_cube_in_another_order(fetching: Fetching) -> None:
    def answer(asked: Asked) -> Reply:
        held = table(asked)
        held["fields"][1]["items"].reverse()
        for month in held["cubes"]["str:count:UC"]["values"]:
            month.reverse()
        return as_json(held)

    with serving(answer) as fake:
        done = fetching("claims", fake, source="statxplore")
    assert rows(done.written[0])[CODES[0]]["numerator"] == "20"


def test_a_total_that_nobody_asked_for_is_left_out(fetching: Fetching) -> None:
    def answer(asked: Asked) -> Reply:
        held = table(asked)
        held["fields"][1]["items"].append({"type": "Total", "labels": ["Total"], "uris": []})
        for month in held["cubes"]["str:count:UC"]["values"]:
            month.append([999.0])
        return as_json(held)

    with serving(answer) as fake:
        done = fetching("claims", fake, source="statxplore")
    assert rows(done.written[0])[CODES[-1]]["numerator"] == "25"


@pytest.mark.parametrize("by", [-1, 1])
def test_cube_of_another_length(fetching: Fetching, by: int) -> None:
    def answer(asked: Asked) -> Reply:
        held = table(asked)
        values = held["cubes"]["str:count:UC"]["values"]
        values[1] = values[1][:-1] if by < 0 else [*values[1], [1.0]]
        return as_json(held)

    said = told(fetching, answer)
    assert f"has {6 + by} values where its field has 6 items" in said
    assert "under other areas" in said


def test_null_is_not_zero(fetching: Fetching) -> None:
    def answer(asked: Asked) -> Reply:
        held = table(asked)
        held["cubes"]["str:count:UC"]["values"][2][3] = [None]
        held["cubes"]["str:count:UC"]["values"][2][4] = [0.0]
        return as_json(held)

    with serving(answer) as fake:
        done = fetching("claims", fake, source="statxplore")
    held = rows(done.written[0])
    assert (held[CODES[3]]["numerator"], held[CODES[3]]["status"]) == ("", "[x]")
    assert held[CODES[4]]["numerator"] == "13"
    assert any("missing, not zero" in one.what for one in done.told)


@pytest.mark.parametrize(("reset", "wait"), [("1500", 1.5), ("2500000", None)])
def test_429_with_milliseconds(fetching: Fetching, reset: str, wait: float | None) -> None:
    busy = Reply(b"", status=429, headers={"X-RateLimit-Reset": reset})

    def answer(asked: Asked) -> Reply:
        return busy if asked.nth == 0 else as_json(table(asked))

    if wait is None:
        said = told(fetching, answer)
        assert "asked too often" in said and "asks to wait 42 minutes" in said
        assert "goes on from here" in said and fetching.waited == []
    else:
        with serving(answer) as fake:
            fetching("claims", fake, source="statxplore")
        assert fetching.waited == [wait]


def test_429_with_milliseconds_since_1970(fetching: Fetching) -> None:
    at = f"{(fetching.workspace.now().timestamp() + 20) * 1000:.0f}"
    busy = Reply(b"", status=429, headers={"X-RateLimit-Reset": at})
    with serving(lambda asked: busy if asked.nth == 0 else as_json(table(asked))) as fake:
        fetching("claims", fake, source="statxplore")
    (wait,) = fetching.waited
    assert 1 <= wait <= 20


def test_errors_inside_200(fetching: Fetching) -> None:
    said = told(fetching, lambda asked: as_json({"error": {"message": "Unknown database"}}))
    assert "its answer is no table (Unknown database)" in said


def test_truncated_json(fetching: Fetching) -> None:
    said = told(fetching, lambda asked: Reply(json.dumps(table(asked)).encode()[:-40]))
    assert "breaks off" in said or "is no JSON" in said


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'{"fields": []}',
        b'{"a": NaN}',
        b'"x"',
        b"[" * 99_999,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"fields": [3], "cubes": {}}',
        b'{"fields": [], "cubes": {"str:count:UC": 3}}',
    ],
)
def test_json_that_is_no_table(fetching: Fetching, body: bytes) -> None:
    assert "to mend:" in told(fetching, lambda asked: Reply(body))


def test_the_value_id_carries_the_vintage(fetching: Fetching) -> None:
    def answer(asked: Asked) -> Reply:
        held = table(asked)
        for item in held["fields"][1]["items"]:
            item["uris"] = [item["uris"][0].replace("V21", "V11")]
        return as_json(held)

    said = told(fetching, answer)
    assert "str:value:COA:V11:E01000001" in said and "LSOA 2021" in said


@pytest.mark.parametrize("value", ["12", True, 10**400, [1]])
def test_a_text_where_a_figure_should_be(fetching: Fetching, value: Any) -> None:
    def answer(asked: Asked) -> Reply:
        held = copy.deepcopy(table(asked))
        held["cubes"]["str:count:UC"]["values"][0][0] = [value]
        return as_json(held)

    assert f"{str(value)[:20]!r} stands where a figure should be" in told(fetching, answer)


def everything_written(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize(("status", "repeat"), [(200, False), (403, True), (200, True)])
def test_a_key_is_never_written(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch, status: int, repeat: bool
) -> None:
    monkeypatch.setenv("NEWSTART_KEY_STATXPLORE", KEY)

    def answer(asked: Asked) -> Reply:
        more = {"you sent": KEY} if repeat else {}
        return as_json({**table(asked), **more}, status=status)

    said = ""
    with serving(answer) as fake:
        try:
            fetching("claims", fake, source="statxplore")
        except SourceError as error:
            said = str(error)
    assert fake.asked[0].headers["Apikey"] == KEY
    assert KEY not in said + " ".join(fetching.said)
    assert KEY.encode() not in everything_written(fetching.workspace.root)


def test_a_key_with_other_signs_is_told_without_it(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSTART_KEY_STATXPLORE", "my-very\nown-key")
    with serving(lambda asked: Reply(b"")) as fake, pytest.raises(WorkspaceError) as raised:
        fetching("claims", fake, source="statxplore")
    assert "NEWSTART_KEY_STATXPLORE" in str(raised.value) and "own" not in str(raised.value)


def test_a_key_does_not_follow_a_redirect_to_another_host(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSTART_KEY_NOMIS", KEY)
    with serving(lambda asked: Reply(b"")) as other:
        there = {"Location": f"{other.base}/else"}
        with (
            serving(lambda asked: Reply(status=302, headers=there)) as fake,
            pytest.raises(SourceError),
        ):
            fetching("claimant_count", fake, source="nomis")
    assert fake.asked[0].query["uid"] == KEY
    assert "uid" not in other.asked[0].query and "Apikey" not in other.asked[0].headers
