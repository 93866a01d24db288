"""The police archive: missing forces, records without ids or areas, and what must not be mixed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from evaluation.errors import SourceError, WorkspaceError
from tests.connect.conftest import CODES, SOURCES, Fetching
from tests.connect.fake import Asked, Reply, serving
from tests.connect.test_nomis import lineage, rows

HEADING = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,"
    "Crime type,Last outcome category,Context"
)
MONTHS = ("2026-01", "2026-02", "2026-03")
Files = dict[tuple[str, str], list[str]]


def record(month: str, code: str, kind: str = "Anti-social behaviour", ident: str = "") -> str:
    return f"{ident},{month},A Force,A Force,-1.5,53.6,On or near A Street,{code},A 001,{kind},,"


def files(**more: list[str]) -> Files:
    """Each area has two incidents a month at one spot: rows that are alike in every column."""
    return {
        (month, force): [record(month, code) for code in own for _ in range(2)]
        for month in MONTHS
        for force, own in (("west-yorkshire", CODES[:3]), ("kirklees", CODES[3:]))
    }


def archive(held: Mapping[tuple[str, str], list[str]], heading: str = HEADING) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for (month, force), lines in held.items():
            text = "\n".join([heading, *lines]) + "\n"
            made.writestr(f"{month}/{month}-{force}-street.csv", text)
            made.writestr(f"{month}/{month}-{force}-outcomes.csv", "Crime ID\n1\n")
    return out.getvalue()


def fetched(fetching: Fetching, held: Files, **more: Any) -> Any:
    with serving(lambda asked: Reply(archive(held))) as fake:
        done = fetching("asb", fake, source="police", **more)
    assert fake.paths == ["/data/archive/2026-03.zip"]
    return done


def test_incidents_are_counted_by_area_and_quarter(fetching: Fetching) -> None:
    done = fetched(fetching, files())
    held = rows(done.written[0])
    assert {row["numerator"] for row in held.values()} == {"6"}
    assert held[CODES[0]]["denominator"] == "1001"
    assert lineage(done.written[0])["rows_received"] == 36


def test_records_without_ids_are_no_duplicates(fetching: Fetching) -> None:
    """Dropping duplicates would leave one incident a month of two."""
    held = rows(fetched(fetching, files()).written[0])
    assert held[CODES[0]]["numerator"] == "6"


def test_a_force_without_its_file_is_missing_and_never_zero(fetching: Fetching) -> None:
    held = files()
    del held["2026-02", "kirklees"]
    # A neighbour's point lies in the area all the same.
    held["2026-02", "west-yorkshire"].append(record("2026-02", CODES[3]))
    done = fetched(fetching, held)
    got = rows(done.written[0])
    assert [got[code]["numerator"] for code in CODES] == ["6", "6", "6", "", "", ""]
    assert {got[code]["status"] for code in CODES[3:]} == {"[x]"}
    assert any("kirklees sent no file for 2026-02" in one.what for one in done.told)


def test_an_area_without_a_record_is_zero_where_its_force_sent_a_file(fetching: Fetching) -> None:
    held = files()
    for month in MONTHS:
        held[month, "kirklees"] = [record(month, CODES[4])]
    got = rows(fetched(fetching, held).written[0])
    assert [got[code]["numerator"] for code in CODES[3:]] == ["0", "3", "0"]


def test_blank_lsoa_shares_are_told(fetching: Fetching) -> None:
    held = files()
    held["2026-01", "west-yorkshire"] = [record("2026-01", CODES[0])] * 97 + [
        record("2026-01", "")
    ] * 3
    done = fetched(fetching, held)
    assert any("3.0 % of the records of west-yorkshire in 2026-01" in t.what for t in done.told)
    assert rows(done.written[0])[CODES[0]]["numerator"] == "101"


def test_too_many_blank_lsoas_leave_no_figure(fetching: Fetching) -> None:
    held = files()
    held["2026-01", "west-yorkshire"] += [record("2026-01", "")]
    done = fetched(fetching, held)
    got = rows(done.written[0])
    assert [got[code]["status"] for code in CODES] == ["[x]"] * 3 + [""] * 3
    assert any("14.3 %" in t.what and "more than 5 %" in t.what for t in done.told)


def test_other_crimes_are_not_counted_with_it(fetching: Fetching) -> None:
    held = files()
    held["2026-01", "kirklees"] += [record("2026-01", CODES[3], "Burglary", "abc")] * 9
    assert rows(fetched(fetching, held).written[0])[CODES[3]]["numerator"] == "6"


def test_anti_social_behaviour_is_not_mixed_with_crime(fetching: Fetching) -> None:
    folder = fetching.workspace.studies / "place"
    mixed = SOURCES.replace("[Anti-social behaviour]", "[Anti-social behaviour, Burglary]")
    (folder / "sources.yaml").write_text(mixed, "utf-8")
    with pytest.raises(WorkspaceError, match="counted apart"):
        fetched(fetching, files())


def test_a_recipe_that_names_no_force(fetching: Fetching) -> None:
    folder = fetching.workspace.studies / "place"
    text = SOURCES.replace("    forces: {west-yorkshire: [Leeds], kirklees: [Kirklees]}\n", "")
    (folder / "sources.yaml").write_text(text, "utf-8")
    with pytest.raises(WorkspaceError, match="month without a file"):
        fetched(fetching, files())


def test_codes_of_another_vintage(fetching: Fetching) -> None:
    held: Files = {
        (month, force): [record(month, f"E0188000{n}") for n in range(6)]
        for month, force in files()
    }
    with pytest.raises(SourceError, match="none of 6 areas has a record"):
        fetched(fetching, held)


def test_a_month_that_the_archive_does_not_hold(fetching: Fetching) -> None:
    held = {key: lines for key, lines in files().items() if key[0] != "2026-03"}
    with pytest.raises(SourceError, match="2026-01 to 2026-02, and no force's file for 2026-03"):
        fetched(fetching, held)


def test_archives_that_were_dropped_in(fetching: Fetching) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    dropped = SOURCES.replace("    types:", '    files: "police/*.zip"\n    types:', 1)
    path.write_text(dropped, "utf-8")
    folder = fetching.workspace.var / "dropped" / "police"
    folder.mkdir(parents=True)
    (folder / "2026-03.zip").write_bytes(archive(files()))
    (written,) = fetching("asb", "http://127.0.0.1:1", source="police").written
    assert {row["numerator"] for row in rows(written).values()} == {"6"}
    (folder / "2026-03 (1).zip").write_bytes(archive(files()))
    with pytest.raises(SourceError, match="and so does another"):
        fetching("asb", "http://127.0.0.1:1", source="police")


def test_a_partial_file_is_told(fetching: Fetching) -> None:
    held = files()
    held["2026-02", "kirklees"] = held["2026-02", "kirklees"][:2]
    done = fetched(fetching, held)
    assert any("kirklees has 2 records in 2026-02 and usually 6" in t.what for t in done.told)


def test_one_archive_serves_every_quarter_of_a_fetch(fetching: Fetching) -> None:
    held = files() | {
        (month, force): [record(month, code) for code in CODES]
        for month in ("2025-10", "2025-11", "2025-12")
        for force in ("west-yorkshire", "kirklees")
    }
    with serving(lambda asked: Reply(archive(held))) as fake:
        done = fetching("asb", fake, source="police", first="2025 Q4", last="2026 Q1")
    assert len(done.written) == 2 and fake.paths == ["/data/archive/2026-03.zip"]


@pytest.mark.parametrize("changed", [False, True], ids=["the same file", "another by now"])
def test_an_archive_is_gone_on_with_where_the_transfer_broke_off(
    fetching: Fetching, changed: bool
) -> None:
    body = archive(files())

    def answer(asked: Asked) -> Reply:
        tag = '"two"' if changed and asked.nth else '"one"'
        if asked.nth == 0:
            return Reply(body[:500], cut=len(body) - 500, headers={"ETag": tag})
        assert asked.headers["Range"] == "bytes=500-" and asked.headers["If-Range"] == '"one"'
        if changed:
            return Reply(body, headers={"ETag": tag})
        part = {"Content-Range": f"bytes 500-{len(body) - 1}/{len(body)}", "ETag": tag}
        return Reply(body[500:], status=206, headers=part)

    with serving(answer) as fake:
        done = fetching("asb", fake, source="police")
    assert len(fake.asked) == 2
    assert {row["numerator"] for row in rows(done.written[0]).values()} == {"6"}
    assert not list((fetching.workspace.var / "connect").rglob("*.part"))


def test_a_source_that_sends_another_part_is_not_believed(fetching: Fetching) -> None:
    body = archive(files())

    def answer(asked: Asked) -> Reply:
        if asked.nth == 0:
            return Reply(body[:500], cut=9, headers={"ETag": '"one"'})
        part = {"Content-Range": f"bytes 400-{len(body) - 1}/{len(body)}", "ETag": '"one"'}
        return Reply(body[400:], status=206, headers=part)

    with serving(answer) as fake, pytest.raises(SourceError, match="another part of the file"):
        fetching("asb", fake, source="police")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (archive(files())[:-60], "no whole zip"),
        (b"PK\x03\x04 and then nothing", "no whole zip"),
        (archive(files(), HEADING.replace("LSOA code", "Area")), "no column 'lsoa code'"),
        (archive({**files(), ("2026-01", "kirklees"): ["a,b,c"]}), "breaks off at row 2"),
        (
            archive({**files(), ("2026-01", "kirklees"): [record("2025-12", CODES[3])]}),
            "holds a record of '2025-12'",
        ),
        # A quotation mark that is never closed takes in all that follows.
        (archive({**files(), ("2026-01", "kirklees"): [f'"{"x" * 200_000}']}), "no sound CSV"),
    ],
)
def test_an_archive_that_cannot_be_read(fetching: Fetching, body: bytes, sentence: str) -> None:
    with serving(lambda asked: Reply(body)) as fake, pytest.raises(SourceError) as raised:
        fetching("asb", fake, source="police")
    assert sentence in str(raised.value)


def test_an_archive_that_is_not_there(fetching: Fetching) -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(b"<html><title>404</title></html>", status=404)

    with serving(answer) as fake, pytest.raises(SourceError, match="nothing under this address"):
        fetching("asb", fake, source="police")
    assert len(fake.asked) == 1
