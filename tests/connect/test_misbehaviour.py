"""Servers and files that misbehave in still other ways, each told in a sentence to act on."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import SourceError, UserError, WorkspaceError
from tests.connect.conftest import CODES, SOURCES, Fetching
from tests.connect.fake import HEADINGS, Answerer, Asked, Nomis, Reply, as_json, serving
from tests.connect.test_ees_and_geography import LOOKUP, META, PLACES, arcgis, ees
from tests.connect.test_nomis import MONTHS, PAGE, figures, rows
from tests.connect.test_police import Files, archive, files, record
from tests.connect.test_statxplore import KEY, everything_written, table

SOURCE = {"claimant_count": "nomis", "asb": "police", "claims": "statxplore", "pupils": "ees",
          "lsoa_2011_to_2021": "geography"}  # fmt: skip
LOGIN = b"<!-- one moment --><html><head><title>Sign in</title></head></html>"


def told(fetching: Fetching, recipe: str, answer: Answerer, **more: Any) -> str:
    """What the evaluator reads; nothing is written, and a sound answer afterwards is taken."""
    with serving(answer) as fake, pytest.raises(UserError) as raised:
        fetching(recipe, fake, source=SOURCE[recipe], **more)
    out = fetching.workspace.root / "out"
    assert not list(out.glob("*.csv")) and not list(out.glob("*.json"))
    assert "to mend:" in str(raised.value) and "Traceback" not in str(raised.value)
    return str(raised.value)


def to_login(asked: Asked) -> Reply:
    if asked.path == "/login":
        return Reply(LOGIN)
    return Reply(status=302, headers={"Location": "/login?session=secret"})


def changed(**values: str) -> Nomis:
    """Figures with some of them others, by month and place."""
    return Nomis(figures(**values))


def in_thousands(month: str, by: float) -> Nomis:
    held = figures()
    return Nomis({at: f"{float(v) * by:g}" if at[0] == month else v for at, v in held.items()})


def rewritten(change: Callable[[bytes], bytes]) -> Answerer:
    return lambda asked: Reply(change(Nomis(figures())(asked).body))


def wards(asked: Asked) -> Reply:
    return rewritten(lambda body: body.replace(b"E01", b"E05"))(asked)


NOMIS: dict[str, tuple[Answerer, str]] = {
    "a login in between": (to_login, "(Sign in), after it redirected to 127.0.0.1/login"),
    "a page that begins with a remark": (lambda _: Reply(LOGIN), "a web page in place of data"),
    "a fragment of a page": (lambda _: Reply(b"<p>Try later</p>"), "a message in place of data"),
    "a PDF": (lambda _: Reply(b"%PDF-1.7 ..."), "it answers with a PDF"),
    "a zip": (lambda _: Reply(b"PK\x03\x04" + b"0" * 50), "is a zip or a spreadsheet"),
    "gzip cut short": (
        lambda asked: Reply(
            gzip.compress(Nomis(figures())(asked).body)[:-30], headers={"Content-Encoding": "gzip"}
        ),
        "the packed answer breaks off",
    ),
    "a renamed column": (
        rewritten(lambda body: body.replace(b"OBS_VALUE", b"VALUE")),
        "no column 'obs_value' (there are date, date_name",
    ),
    "a column twice": (
        rewritten(lambda body: body.replace(b"OBS_STATUS", b"OBS_VALUE")),
        "has the column 'obs_value' twice",
    ),
    "dates in words": (
        rewritten(lambda body: body.replace(b"2026-02,", b"Feb-26,")),
        "its dates read 'Feb-26'",
    ),
    "a month missing in the middle": (
        Nomis({at: v for at, v in figures().items() if at[0] != "2026-02"}),
        "2026-02 is missing, though 2026-03 is there",
    ),
    "a negative count": (changed(m2_3="-5"), "-5 stands for E01000003 in 2026-02"),
    "half a person": (changed(m2_3="7.5"), "where only whole ones are counted"),
    "a decimal comma": (changed(m2_3='"12,5"'), "'12,5' stands where a figure should be"),
    "not a number": (changed(m2_3="NaN"), "'NaN' stands where"),
    "counted in thousands": (in_thousands("2026-03", 0.001), "may now count in thousands"),
    "a thousand times as many": (in_thousands("2026-03", 1_000), "its unit seems to have changed"),
    "zeros in place of figures": (in_thousands("2026-03", 0), "zeros seem to stand"),
    "another kind of area": (wards, "figures of wards (first: E05000001), where those of LSOAs"),
    "areas twice": (
        rewritten(lambda body: body.replace(CODES[1].encode(), CODES[0].encode())),
        "E01000001 has two rows for 2026-01",
    ),
}


@pytest.mark.parametrize("name", NOMIS)
def test_nomis(fetching: Fetching, name: str) -> None:
    answer, sentence = NOMIS[name]
    said = told(fetching, "claimant_count", answer)
    assert sentence in said and "secret" not in said
    # The same command goes on, and nothing of what was wrong is left.
    with serving(Nomis(figures())) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    held = rows(done.written[0])
    assert [held[code]["numerator"] for code in CODES] == ["5", "10", "15", "20", "25", "30"]


def test_a_unit_that_changes_between_two_quarters(fetching: Fetching) -> None:
    first = {(m, c): "20" for m in ("2025-10", "2025-11", "2025-12") for c in CODES}
    then = {(m, c): "20000" for m in MONTHS for c in CODES}
    with serving(Nomis(first | then)) as fake, pytest.raises(SourceError, match="unit seems"):
        fetching("claimant_count", fake, source="nomis", first="2025 Q4", last="2026 Q1")


def test_what_is_to_be_known_of_a_quarter_is_said_before_a_later_one_fails(
    fetching: Fetching,
) -> None:
    held = figures()
    del held["2026-03", CODES[2]]
    with serving(Nomis(held)) as fake, pytest.raises(SourceError, match="no row for 2026 Q2"):
        fetching("claimant_count", fake, source="nomis", first="2026 Q1", last="2026 Q2")
    said = " ".join(fetching.said)
    assert "Written: OPEN_dwp_open_2026-Q1.csv" in said
    assert "1 of 6 areas have no figure" in said


def test_figures_of_other_dates_are_left_out(fetching: Fetching) -> None:
    more = {("2026-04", code): "500" for code in CODES}
    nomis = Nomis(figures() | more)
    nomis.rows = lambda asked: [(m, c, v) for (m, c), v in nomis.figures.items()]  # type: ignore[method-assign]
    with serving(nomis) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    assert rows(done.written[0])[CODES[0]]["numerator"] == "5"
    assert any("came for another date (first: 2026-04)" in one.what for one in done.told)


def test_figures_of_a_time_to_come(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSTART_NOW", "2026-02-15")
    with serving(Nomis(figures())) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    assert any("2026 Q1 is not over before 2026-03-31" in one.what for one in done.told)


def test_a_number_that_stands_for_what_is_withheld(fetching: Fetching) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    path.write_text(SOURCES.replace("query: filters.in=WGD2b", 'symbols: {"-1": "[c]"}'), "utf-8")
    with serving(ees(["5", "6", "7", "8", "9", "-1"])) as fake:
        done = fetching("pupils", fake, source="ees", first="2025")
    assert rows(done.written[0])[CODES[5]]["status"] == "[c]"


def test_a_source_that_is_perturbed_says_so(fetching: Fetching) -> None:
    with serving(lambda asked: as_json(table(asked))) as fake:
        done = fetching("claims", fake, source="statxplore")
    assert any("adds a random error to every cell" in one.what for one in done.told)


def cell(value: Any) -> Answerer:
    def answer(asked: Asked) -> Reply:
        held = table(asked)
        held["cubes"]["str:count:UC"]["values"][1][2] = [value]
        return as_json(held)

    return answer


def pages(totals: list[int]) -> Answerer:
    """EES pages that say so many rows each in turn."""

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/meta"):
            return as_json(META)
        total = totals[int(asked.query["page"]) - 1]
        return ees(["1"] * 6, size=2, total=total)(asked)

    return answer


def no_more(asked: Asked) -> Reply:
    if asked.path.endswith("/meta"):
        return as_json(META)
    return as_json({"paging": {"totalResults": 6, "totalPages": 10**9}, "results": []})


def doubled(asked: Asked) -> Reply:
    reply = arcgis(most=6)(asked)
    return Reply(reply.body.replace(b'"ObjectId": 1', b'"ObjectId": 0'), headers=reply.headers)


def locked() -> bytes:
    made = bytearray(archive(files()))
    # The mark of a password, in the local headers and in the directory.
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = made.find(sign)
        while at >= 0:
            made[at + place] |= 1
            at = made.find(sign, at + 1)
    return bytes(made)


def twice() -> bytes:
    out = io.BytesIO(archive(files()))
    with zipfile.ZipFile(out, "a") as made:
        made.writestr("again/2026-01/2026-01-kirklees-street.csv", "Month\n")
    return out.getvalue()


def renamed() -> Files:
    return {
        at: [one.replace("Anti-social behaviour", "Antisocial behaviour") for one in held] * 4
        for at, held in files().items()
    }


OTHERS: dict[str, tuple[str, Answerer, str]] = {
    "a cube broken off": (
        "claims", lambda asked: Reply(json.dumps(table(asked)).encode()[:80]), "breaks off",
    ),
    "a login for what is sent": (
        "claims",
        lambda _: Reply(status=302, headers={"Location": "http://127.0.0.1:1/login"}),
        "redirects what was sent to it elsewhere (127.0.0.1/login)",
    ),
    "no key": (
        "claims",
        lambda _: as_json({"message": "Invalid API key"}, status=403),
        "environment variable NEWSTART_KEY_STATXPLORE",
    ),
    "a refusal that says that all is well": (
        "claims", lambda _: as_json({"message": "Invalid API key"}), "(Invalid API key)",
    ),
    "a negative cell": ("claims", cell(-3), "there are no fewer than none"),
    "part of a person": ("claims", cell(0.25), "where only whole ones are counted"),
    "totals that change between pages": (
        "pupils", pages([6, 7, 7]), "changed while it was fetched: 6 rows, then 7",
    ),
    "pages without rows": ("pupils", no_more, "0 rows came of 6"),
    "a figure by another level": (
        "pupils",
        lambda asked: as_json(
            {**META, "locations": [{"level": {"code": "LA"}, "options": PLACES}]}
        ),
        "no figures by LSOA",
    ),
    "a row twice on one page": ("lsoa_2011_to_2021", doubled, "a row comes twice on one page"),
    "a layer without rows": (
        "lsoa_2011_to_2021",
        lambda asked: as_json({"count": 0, "features": []}),
        "the layer holds no rows",
    ),
    "JSON broken off": ("lsoa_2011_to_2021", lambda _: Reply(b'{"count": 6, "fea'), "breaks off"),
    "a filter on the way": ("asb", lambda _: Reply(PAGE, status=403), "takes no key"),
    "an archive with a password": ("asb", lambda _: Reply(locked()), "(a password?)"),
    "a force's file twice": ("asb", lambda _: Reply(twice()), "kirklees-street.csv 2 times"),
    "a crime type that is called otherwise": (
        "asb", lambda _: Reply(archive(renamed())), "expected: one of Antisocial behaviour",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_sources(fetching: Fetching, name: str) -> None:
    recipe, answer, sentence = OTHERS[name]
    more = {"first": "2025"} if recipe == "pupils" else {}
    assert sentence in told(fetching, recipe, answer, **more)


def test_a_lookup_that_failed_is_asked_for_anew(fetching: Fetching) -> None:
    """Kept pages of a table that did not add up would fail for a day."""
    with pytest.raises(SourceError, match="5 rows came of 6"), serving(arcgis(lost=1, most=6)) as f:
        fetching("lsoa_2011_to_2021", f, source="geography")
    with serving(arcgis()) as fake:
        (path,) = fetching("lsoa_2011_to_2021", fake, source="geography").written
    assert len(path.read_text("utf-8").splitlines()) == 1 + len(LOOKUP)


def test_a_lookup_of_which_rows_repeat_by_themselves(fetching: Fetching) -> None:
    """Wards of neighbourhoods: the ward is the same for several, and no page came twice."""
    path = fetching.workspace.studies / "place" / "sources.yaml"
    recipe = "  - {name: wards, kind: geography, layer: L, fields: [CHGIND, LAD22NM]}\n"
    path.write_text(SOURCES + recipe, "utf-8")
    with serving(arcgis()) as fake:
        (made,) = fetching("wards", fake, source="geography").written
    assert made.read_text("utf-8").splitlines() == ["CHGIND,LAD22NM"] + ["U,L"] * 6


def forces(held: Files) -> Answerer:
    return lambda _: Reply(archive(held))


def test_a_forces_file_without_records_is_missing_and_never_zero(fetching: Fetching) -> None:
    with serving(forces(files() | {("2026-02", "kirklees"): []})) as fake:
        done = fetching("asb", fake, source="police")
    held = rows(done.written[0])
    assert [held[code]["status"] for code in CODES] == ["", "", "", "[x]", "[x]", "[x]"]
    assert any("a file without records for 2026-02" in one.what for one in done.told)


def test_a_forces_file_without_the_type_is_missing_where_it_has_many(fetching: Fetching) -> None:
    many = {at: held * 5 for at, held in files().items()}
    many["2026-02", "kirklees"] = [record("2026-02", CODES[4], "Burglary", "x")] * 9
    with serving(forces(many)) as fake:
        done = fetching("asb", fake, source="police")
    assert rows(done.written[0])[CODES[4]]["status"] == "[x]"
    assert any("has no record of the types asked for" in one.what for one in done.told)


@pytest.mark.parametrize("what", ["journal", "bytes"])
def test_what_was_kept_and_is_spoilt_is_asked_for_anew(fetching: Fetching, what: str) -> None:
    nomis = Nomis(figures(), most=7)

    with serving(lambda asked: nomis(asked) if asked.nth != 2 else Reply(status=404)) as fake:
        with pytest.raises(SourceError):
            fetching("claimant_count", fake, source="nomis")
        home = fetching.workspace.var / "connect"
        kept = home.rglob("[0-9a-f]" * 64 + (".json" if what == "journal" else ""))
        next(path for path in kept if path.is_file()).write_text("{", "utf-8")
        done = fetching("claimant_count", fake, source="nomis")
    # One of the two pages that were kept, and the one that was never had.
    assert len(fake.asked) == 3 + 2 and any("is spoilt" in one for one in fetching.said)
    assert rows(done.written[0])[CODES[5]]["numerator"] == "30"


def test_a_record_of_a_fetch_that_cannot_be_read(fetching: Fetching) -> None:
    with serving(Nomis(figures())) as fake:
        fetching("claimant_count", fake, source="nomis")
        record_of = fetching.workspace.var / "connect/place/claimant_count/0001/fetch.json"
        record_of.write_text("{", "utf-8")
        with pytest.raises(WorkspaceError, match="move the folder 0001 away"):
            fetching("claimant_count", fake, source="nomis")


@pytest.mark.parametrize("where", ["recipe", "base"])
def test_a_key_in_what_is_written_down(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("NEWSTART_KEY_STATXPLORE", KEY)
    path = fetching.workspace.studies / "place" / "sources.yaml"
    written = SOURCES.replace("UC_Monthly", f"UC_Monthly:{KEY}") if where == "recipe" else SOURCES
    path.write_text(written, "utf-8")
    base = "http://127.0.0.1:1" + (f"/{KEY}" if where == "base" else "")
    with pytest.raises(WorkspaceError, match="NEWSTART_KEY_STATXPLORE also stands") as raised:
        fetching("claims", base, source="statxplore")
    path.unlink()
    assert KEY not in str(raised.value)
    assert KEY.encode() not in everything_written(fetching.workspace.root)


@pytest.mark.parametrize(
    "line",
    [
        'only: {"str:field:X": ["uid=0x1234"]}',
        'symbols: {"APIKey: abc": "[x]"}',
        "about: ask with &api_key=abc",
    ],
)
def test_a_key_anywhere_in_a_recipe(fetching: Fetching, line: str) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    held = SOURCES.replace('only: {"str:field:REGIME": ["str:value:REGIME:BC"]}', line)
    path.write_text(held, "utf-8")
    with pytest.raises(WorkspaceError, match="keys come from the environment"):
        fetching("claims", "http://127.0.0.1:1", source="statxplore")


PUBLISHED = """
  - name: published
    kind: csv
    source: dwp_uc
    outcome: claims
    files: "some/*.csv"
    area_column: Code
    period_column: Period
    numerator: Figure
    period: "(?P<quarter>[1-4]) of (?P<year>[0-9]{4})"
"""
GOOD = "Code,Period,Figure\n" + "".join(f"{code},1 of 2026,{n}\n" for n, code in enumerate(CODES))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file is empty"),
        (GOOD.replace("Figure", "Count"), "the file has no column 'Figure'"),
        (GOOD.replace(f"{CODES[3]},1 of 2026,3", f"{CODES[3]},1 of"), "row 5 of the file breaks"),
        (GOOD.replace("1 of", "first of"), "'first of 2026' does not read as a period"),
        (GOOD + f"{CODES[0]},1 of 2026,9\n", "E01000001 has two rows for 2026 Q1"),
        (GOOD.replace(",5\n", ",-5\n"), "-5 stands for E01000006"),
        (GOOD.replace("E01", "E02"), "figures of MSOAs"),
        (GOOD.replace(",5\n", ",#REF!\n"), "'#REF!' stands where a figure should be"),
        ("PK\x03\x04", "is a zip or a spreadsheet"),
    ],
)
def test_a_published_file_that_changed(fetching: Fetching, text: str, sentence: str) -> None:
    assert sentence in refused(fetching, text)


def refused(fetching: Fetching, text: str) -> str:
    with pytest.raises(UserError) as raised:
        read(fetching, text)
    return str(raised.value)


def read(fetching: Fetching, text: str) -> Path:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    path.write_text(SOURCES + PUBLISHED, "utf-8")
    folder = fetching.workspace.var / "dropped" / "some"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Q1-x9.csv").write_bytes(text.encode("cp1252"))
    return fetching("published", "http://127.0.0.1:1", source="nomis").written[0]


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "\nSource: a publisher\n(c) Crown copyright, figures are final\n",
        GOOD.replace("\n", ",,\n").replace("Figure,,", "Figure"),
        GOOD.replace("\n", "\r\n").replace("Code", "code "),
        GOOD + "E92000001,1 of 2026,15\nTOTAL,1 of 2026,15\n",
    ],
    ids=["notes below", "commas at the end", "lines and headings", "totals"],
)
def test_a_published_file_that_differs_and_does_no_harm(fetching: Fetching, text: str) -> None:
    held = rows(read(fetching, text))
    assert [held[code]["numerator"] for code in CODES] == ["0", "1", "2", "3", "4", "5"]


def test_headings_are_the_documented_ones() -> None:
    assert HEADINGS.startswith("DATE,")
