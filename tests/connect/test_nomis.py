"""The traps of Nomis, each by its name, and that each is told in a sentence one can act on."""

from __future__ import annotations

import csv
import errno
import io
import json
from pathlib import Path

import pytest

from evaluation.connect.door import Limits, Request, Unreachable, over_http
from evaluation.errors import SourceError
from tests.connect.conftest import CODES, Fetching
from tests.connect.fake import HEADINGS, Answerer, Asked, Fake, Nomis, Reply, serving

MONTHS = ("2026-01", "2026-02", "2026-03")


def figures(**more: str) -> dict[tuple[str, str], str]:
    held = {
        (month, code): str(5 * (place + step))
        for step, month in enumerate(MONTHS)
        for place, code in enumerate(CODES)
    }
    return held | {(f"2026-0{name[1]}", CODES[int(name[-1]) - 1]): v for name, v in more.items()}


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["area_code"]: row for row in csv.DictReader(stream)}


def lineage(path: Path) -> dict[str, object]:
    return dict(json.loads(path.with_name(f"{path.stem}.lineage.json").read_text("utf-8")))


def refused(fetching: Fetching, fake: Fake, **more: object) -> str:
    with pytest.raises(SourceError) as raised:
        fetching("claimant_count", fake, source="nomis", **more)
    assert not list((fetching.workspace.root / "out").glob("*.csv"))
    return str(raised.value)


def test_a_quarter_is_the_mean_of_its_months_with_the_lineage_beside_it(fetching: Fetching) -> None:
    with serving(Nomis(figures())) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    (path,) = done.written
    assert path.name == "OPEN_dwp_open_2026-Q1.csv"
    held = rows(path)
    assert [held[code]["numerator"] for code in CODES] == ["5", "10", "15", "20", "25", "30"]
    assert {row["denominator"] for row in held.values()} == {"600"}
    said = lineage(path)
    assert said["source"] == "nomis" and said["recipe"] == "claimant_count"
    assert said["rows_expected"] == said["rows_received"] == 18
    assert said["vintage"] == "LSOA 2011" and said["rounding"] == 5 and said["perturbed"] is False
    assert str(said["url"]).startswith(fake.base) and said["licence"] and said["client"]
    assert len(str(said["sha256"])) == 64


def test_silent_cut_at_25_000_rows(fetching: Fetching) -> None:
    with serving(Nomis(figures(), most=7)) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    assert [one.query["RecordOffset"] for one in fake.asked] == ["0", "7", "14"]
    assert lineage(done.written[0])["rows_received"] == 18


def test_no_record_count_to_see_a_cut_by(fetching: Fetching) -> None:
    with serving(Nomis(figures(), heading=f"{HEADINGS},RECORD_OFFSET")) as fake:
        said = refused(fetching, fake)
    assert "do not say how many there are in all (RECORD_COUNT)" in said


def test_paging_that_repeats_the_first_page(fetching: Fetching) -> None:
    with serving(Nomis(figures(), most=7, repeats=True)) as fake:
        said = refused(fetching, fake)
    assert "a page repeats what came before" in said


def test_the_series_is_published_anew_between_two_pages(fetching: Fetching) -> None:
    nomis = Nomis(figures(), most=7)

    def answer(asked: Asked) -> Reply:
        if asked.nth == 1:
            del nomis.figures["2026-03", CODES[-1]]
        return nomis(asked)

    with serving(answer) as fake:
        assert "the series changed while it was fetched: 18 rows, then 17" in refused(
            fetching, fake
        )


def test_rounding_to_5_in_the_source(fetching: Fetching) -> None:
    with serving(Nomis(figures())) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    held = rows(done.written[0])
    assert {row["status"] for row in held.values()} == {"[r]"}
    assert {row["note"] for row in held.values()} == {
        "rounded to 1; mean of 3 months that the source rounds to 5"
    }


def test_a_source_that_no_longer_rounds_as_the_recipe_says(fetching: Fetching) -> None:
    with serving(Nomis(figures(m1_2="7"))) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    assert any("1 of 17 figures are no multiples of 5" in one.what for one in done.told)
    assert {row["status"] for row in rows(done.written[0]).values()} == {""}


def test_a_blank_is_missing_and_never_zero(fetching: Fetching) -> None:
    with serving(Nomis(figures(m2_3=""))) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    row = rows(done.written[0])[CODES[2]]
    assert (row["numerator"], row["status"]) == ("", "[x]")
    assert any("1 of 6 areas have no figure" in one.what for one in done.told)


def test_a_string_where_a_figure_should_be(fetching: Fetching) -> None:
    with serving(Nomis(figures(m2_3="n/k"))) as fake:
        said = refused(fetching, fake)
    assert "'n/k' stands where a figure should be" in said and "symbols" in said


def test_a_month_that_is_not_out_yet(fetching: Fetching) -> None:
    """Nomis answers it as it answers an unknown parameter: with nothing."""
    with serving(Nomis({})) as fake:
        said = refused(fetching, fake)
        assert "no row for 2026 Q1" in said and "may not be published yet" in said
        # Nothing is kept of it: once it is published, the same command finds it.
        fake.answer = Nomis(figures())
        assert fetching("claimant_count", fake, source="nomis").written


def test_a_quarter_with_two_of_its_months(fetching: Fetching) -> None:
    two = {key: value for key, value in figures().items() if key[0] != "2026-03"}
    with serving(Nomis(two)) as fake:
        said = refused(fetching, fake)
    assert "2026-03 is not there yet" in said


def test_an_empty_body(fetching: Fetching) -> None:
    with serving(lambda asked: Reply(b"")) as fake:
        assert "its answer is empty" in refused(fetching, fake)


def test_vintage_switch_in_mid_series(fetching: Fetching, place_shares: None) -> None:
    switched = {
        (month, "E01999901" if code == CODES[4] else code): value
        for (month, code), value in figures().items()
    }
    with serving(Nomis(switched, extra=("E01999901",))) as fake:
        said = refused(fetching, fake)
    assert "mixed with codes of LSOA 2021" in said and "E01999901" in said


def test_all_codes_of_another_vintage_without_a_table_of_changes(fetching: Fetching) -> None:
    other = {(month, f"E0188{code[-4:]}"): value for (month, code), value in figures().items()}
    extra = tuple({code for _, code in other})
    with serving(Nomis(other, extra=extra)) as fake:
        said = refused(fetching, fake)
    assert "6 of 6 areas have no row" in said and "another vintage than LSOA 2011" in said


@pytest.fixture
def place_shares(fetching: Fetching) -> None:
    folder = fetching.workspace.studies / "place"
    table = "from_code,to_code,vintage_from,vintage_to,year,share,kind\n"
    table += f"{CODES[4]},E01999901,LSOA 2011,LSOA 2021,2021,0.5,split\n"
    table += f"{CODES[4]},E01999902,LSOA 2011,LSOA 2021,2021,0.5,split\n"
    table += "".join(
        f"{code},{code},LSOA 2011,LSOA 2021,2021,1,unchanged\n"
        for place, code in enumerate(CODES)
        if place != 4
    )
    (folder / "code_shares.csv").write_text(table, "utf-8")
    areas = (folder / "areas.csv").read_text("utf-8")
    (folder / "areas.csv").write_text(areas.replace(CODES[4], "E01999901"), "utf-8")
    below = (folder / "denominators.csv").read_text("utf-8")
    (folder / "denominators.csv").write_text(below.replace(CODES[4], "E01999901"), "utf-8")
    declared = (folder / "programme.yaml").read_text("utf-8")
    (folder / "programme.yaml").write_text(
        declared.replace("outcomes:", "code_shares: code_shares.csv\noutcomes:"), "utf-8"
    )


def test_counts_of_2011_in_areas_of_2021_say_how_each_came_about(
    fetching: Fetching, place_shares: None
) -> None:
    with serving(Nomis(figures())) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    row = rows(done.written[0])["E01999901"]
    # Half of 25, the nearest whole number of people.
    assert row["numerator"] == "12" and "apportioned from E01000005" in row["note"]
    assert lineage(done.written[0])["cells"] == [
        {
            "area_code": "E01999901",
            "lineage": "apportioned",
            "apportioned": 1.0,
            "parts": [CODES[4]],
        }
    ]


@pytest.mark.parametrize(
    "nomis",
    [
        Nomis(figures(), bom=True),
        Nomis(figures(), lower=True),
        Nomis(figures(), packed=True),
        lambda asked: Reply(Nomis(figures())(asked).body.decode().encode("utf-16")),
        lambda asked: Reply(Nomis(figures())(asked).body.replace(b"A place", b"A pl\xe2ce")),
        lambda asked: Reply(Nomis(figures())(asked).body.replace(b"\r\n", b"\r")),
        lambda asked: Reply(Nomis(figures())(asked).body, headers={"Content-Type": "image/png"}),
        lambda asked: Reply(Nomis(figures())(asked).body.replace(b",A,", b",,")),
        Nomis(figures(), heading=",".join(reversed(f"{HEADINGS},RECORD_COUNT".split(",")))),
        Nomis(figures(), heading=f"{HEADINGS},RECORD_OFFSET,RECORD_COUNT".lower()),
        Nomis(figures() | {("2026-01", "E01777777"): "5"}, extra=("E01777777",)),
    ],
    ids=[
        "byte-order mark", "small letters", "gzip", "two bytes a letter", "Windows letters",
        "lines end otherwise", "wrong content type", "no status", "other order", "headings",
        "unasked codes",
    ],
)  # fmt: skip
def test_what_differs_and_does_no_harm(fetching: Fetching, nomis: Answerer) -> None:
    with serving(nomis) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    held = rows(done.written[0])
    assert [held[code]["numerator"] for code in CODES] == ["5", "10", "15", "20", "25", "30"]
    assert list(held) == list(CODES)


GOOD = Nomis(figures())


def good_page(_: Asked) -> Reply:
    return Reply(b"DATE")


PAGE = b"<!DOCTYPE html><html><head><title>Planned maintenance</title></head><body>Sorry</body>"
WORSE = {
    "a web page with 200": (lambda asked: Reply(PAGE), "a web page in place of data (Planned"),
    "an XML message": (lambda asked: Reply(b"<?xml version='1.0'?><Error>no</Error>"), "a message"),
    "404": (lambda asked: Reply(PAGE, status=404), "nothing under this address (status 404"),
    "500": (lambda asked: Reply(b"oops", status=500), "a fault of its own (status 500: oops)"),
    "503": (lambda asked: Reply(b"", status=503), "(status 503)"),
    "403": (lambda asked: Reply(b"", status=403), "no key is set"),
    "204": (lambda asked: Reply(b"", status=204), "(status 204)"),
    "redirects in a circle": (
        lambda asked: Reply(status=302, headers={"Location": asked.path}),
        "redirects more than 5 times",
    ),
    "redirect to a file": (
        lambda asked: Reply(status=302, headers={"Location": "file:///etc/passwd"}),
        "not safe",
    ),
    "redirect to no address": (
        lambda asked: Reply(status=302, headers={"Location": "http://[half"}),
        "an address that is none",
    ),
    "redirect to an address in other letters": (
        lambda asked: Reply(status=302, headers={"Location": "/\u00e9 x"}),
        "to mend",
    ),
    "a line of zeros": (lambda asked: Reply(b"DATE,GEO\0GRAPHY_CODE\r\n"), "its answer"),
    "half a letter of two bytes": (
        lambda asked: Reply(GOOD(asked).body.decode().encode("utf-16-be")),
        "its answer",
    ),
    "longer than announced": (
        lambda asked: Reply(GOOD(asked).body, cut=-300),
        "its answer breaks off",
    ),
    "shorter than announced": (
        lambda asked: Reply(GOOD(asked).body, cut=100),
        "the transfer broke off",
    ),
    "chunked and cut": (
        lambda asked: Reply(GOOD(asked).body, cut=1, chunked=True),
        "the transfer broke off",
    ),
    "a row that breaks off": (lambda asked: Reply(GOOD(asked).body[:-20]), "breaks off"),
    "whole rows that are lost": (
        lambda asked: Reply(b"\r\n".join(GOOD(asked).body.split(b"\r\n")[:-4]) + b"\r\n"),
        "it stops after 15 of 18 rows",
    ),
    "an unknown packing": (
        lambda asked: Reply(b"x", headers={"Content-Encoding": "br"}),
        "packed as 'br'",
    ),
    "half a gzip": (
        lambda asked: Reply(b"\x1f\x8b" + b"0" * 40, headers={"Content-Encoding": "gzip"}),
        "cannot be unpacked",
    ),
    "binary": (lambda asked: Reply(bytes(range(256))), "its answer"),
    "JSON": (lambda asked: Reply(b'{"error": "no"}'), "has no column"),
}


@pytest.mark.parametrize("name", WORSE)
def test_a_server_that_misbehaves_otherwise_is_told_as_truthfully(
    fetching: Fetching, name: str
) -> None:
    answer, sentence = WORSE[name]
    with serving(answer) as fake:
        said = refused(fetching, fake)
    assert sentence in said and "to mend:" in said and "Traceback" not in said


def test_a_full_disk_is_no_fault_of_the_source() -> None:
    class Full(io.BytesIO):
        def write(self, part: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with serving(good_page) as fake, pytest.raises(Unreachable) as raised:
        over_http(
            Request(url=fake.base), Full(), key=None, limits=Limits(), begun=lambda answer: None
        )
    assert "cannot be written here (No space left" in raised.value.why
    assert "make room" in raised.value.mend and not raised.value.again


def test_a_bomb_is_not_unpacked(fetching: Fetching) -> None:
    import gzip

    bomb = gzip.compress(b"0" * 3_000_000)
    with serving(lambda asked: Reply(bomb, headers={"Content-Encoding": "gzip"})) as fake:
        said = refused(fetching, fake, limits=Limits(size=1_000_000))
    assert "longer than 1 MB" in said and len(fake.asked) == 1


def test_an_answer_that_drips(fetching: Fetching) -> None:
    with serving(lambda asked: Reply(b"x" * 50, drip=0.02)) as fake:
        said = refused(fetching, fake, limits=Limits(whole=0.1))
    assert "takes longer" in said


def test_nobody_there(fetching: Fetching) -> None:
    with serving(GOOD) as fake:
        pass
    said = refused(fetching, fake)
    assert "no connection" in said and "goes on from here" in said
    assert fetching.waited == [1, 2, 4, 8]


def test_a_certificate_that_does_not_hold_is_never_waved_through(fetching: Fetching) -> None:
    with serving(GOOD) as fake:
        fake.base = fake.base.replace("http:", "https:")
        said = refused(fetching, fake)
    assert "no connection" in said or "certificate" in said


def test_it_is_asked_again_where_that_may_help(fetching: Fetching) -> None:
    bad = [Reply(status=503, headers={"Retry-After": "3"}), Reply(PAGE), Reply(b"x", cut=9)]
    with serving(lambda asked: bad[asked.nth] if asked.nth < 3 else GOOD(asked)) as fake:
        assert fetching("claimant_count", fake, source="nomis").written
    assert fetching.waited == [3, 2, 4]
    assert "asking again in 3 s" in fetching.said[0]
