"""The register of other things that happen to areas: read, validated, asked about an area."""

from __future__ import annotations

import csv
import json

import pytest

from evaluation.cli import main
from evaluation.errors import WorkspaceError
from evaluation.ledger.events import read_events
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.workspace import Workspace, packaged_schemas

HEAD = "kind,areas,authority,outcomes,from,to,what,source\n"
ROWS = (
    "benefit roll-out,,A3,claimant_count,2026-01-15,2026-03-31,New rules,DWP circular 12\n"
    "other programme,E01;E05,,,2025-04-01,,Family hubs,https://example.org/hubs\n"
    "instrument change,,,ae_attendances,2026-07-01,2026-07-01,Same-day care counted,NHS note\n"
)


def write(workspace: Workspace, content: str) -> None:
    (workspace.studies / "tiny" / "events.csv").write_text(content, encoding="utf-8")


def test_no_file_is_no_event(tiny_workspace: Workspace, tiny: Programme) -> None:
    assert read_events(tiny_workspace, tiny) == ()


def test_events_are_read_in_order_and_found_by_area_and_time(
    tiny_workspace: Workspace, tiny: Programme
) -> None:
    write(tiny_workspace, HEAD + ROWS)
    events = read_events(tiny_workspace, tiny)
    assert [one.kind for one in events] == [
        "other programme",
        "benefit roll-out",
        "instrument change",
    ]
    q1, q3 = Period.parse("2026 Q1"), Period.parse("2026 Q3")

    def found(area: str, first: Period, last: Period) -> list[str]:
        one_area = tiny.area_by_code[area]
        held = [one for one in events if one.happened_to(one_area) and one.overlaps(first, last)]
        return [one.what for one in held]

    assert found("E05", q1, q1) == ["Family hubs", "New rules"]
    assert found("E06", q1, q1) == ["New rules"]
    assert found("E06", q1 + 1, q1 + 1) == [], "it ended on the last day of the quarter before"
    assert found("E03", q3, q3) == ["Same-day care counted"]
    assert found("E01", q1 + -4, q1 + -4) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("party,,,,2026-01-01,,Fair,Paper", "no kind of event"),
        ("other,E99,,,2026-01-01,,Fair,Paper", "no area 'E99'"),
        ("other,,A9,,2026-01-01,,Fair,Paper", "no authority 'A9'"),
        ("other,E01,A1,,2026-01-01,,Fair,Paper", "not both"),
        ("other,,,joy,2026-01-01,,Fair,Paper", "no outcome 'joy'"),
        ("other,,,,January,,Fair,Paper", "'January' under 'from' is no date"),
        ("other,,,,2026-02-01,2026-01-01,Fair,Paper", "ends before it begins"),
        ("other,,,,2026-01-01,,,Paper", "needs its 'what'"),
        ("other,,,,2026-01-01,,Fair", "needs its 'source'"),
    ],
)
def test_a_wrong_row_is_named(
    tiny_workspace: Workspace, tiny: Programme, row: str, said: str
) -> None:
    write(tiny_workspace, HEAD + ROWS + row + "\n")
    with pytest.raises(WorkspaceError, match=said) as told:
        read_events(tiny_workspace, tiny)
    assert "row 5" in told.value.where


def test_a_missing_column_is_named(tiny_workspace: Workspace, tiny: Programme) -> None:
    write(tiny_workspace, "kind,areas\n")
    with pytest.raises(WorkspaceError, match="no column 'authority'"):
        read_events(tiny_workspace, tiny)


def test_the_verb_lists_them(tiny_workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    write(tiny_workspace, HEAD + ROWS)
    place = ["--workspace", str(tiny_workspace.root), "--programme", "tiny", "ledger", "events"]
    with pytest.raises(SystemExit):
        main([*place, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert [one["from"] for one in told] == ["2025-04-01", "2026-01-15", "2026-07-01"]
    assert told[0]["areas"] == ["E01", "E05"] and told[0]["to"] is None
    with pytest.raises(SystemExit):
        main(place)
    assert "2026-01-15 to 2026-03-31  benefit roll-out, A3" in capsys.readouterr().out


def test_the_package_knows_of_breaks_and_mergers(tiny_workspace: Workspace) -> None:
    """Each row reads as an event of the programme that it is for; those of others are left out."""
    import csv

    from evaluation.ledger.events import as_register, known_events
    from evaluation.workspace import packaged_schemas

    folder = tiny_workspace.studies / "tiny"
    declared = (folder / "programme.yaml").read_text("utf-8")
    areas = (folder / "areas.csv").read_text("utf-8")
    (folder / "programme.yaml").write_text(declared.replace("2025 Q1", "2018 Q1"), "utf-8")
    (folder / "areas.csv").write_text(areas.replace(",A3,", ",Craven,"), "utf-8")
    programme = Programme.load(tiny_workspace, "tiny")
    found = known_events(programme)
    assert {one.into for one in found if one.authority} == {"North Yorkshire"}
    assert any("administrative earnings threshold" in one.what for one in found)
    assert not any("homelessness_duties" in one.outcomes for one in found)
    (folder / "events.csv").write_text(as_register(found), "utf-8")
    assert read_events(tiny_workspace, programme) == found
    with (packaged_schemas() / "known_events.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 50 and all(row["source"] and row["what"] for row in rows)
    mergers = [row for row in rows if row["kind"] == "authority merger"]
    assert all(row["authority"] and row["into"] != row["authority"] for row in mergers)


def test_a_register_is_not_written_over(tiny_workspace: Workspace) -> None:
    from tests.journey.at_the_command_line import newstart, told

    root, path = tiny_workspace.root, tiny_workspace.root / "events.csv"
    newstart(root, "--programme", "tiny", "ledger", "events", "--known", "-o", str(path))
    assert path.read_text("utf-8").startswith("kind,areas,authority,outcomes,from,to,what,source")
    code, _, err = told(root, "--programme", "tiny", "ledger", "events", "--known", "-o", str(path))
    assert code == 2 and "not written over" in err


def test_each_known_event_says_that_it_is_from_memory() -> None:
    """On every row, so that it goes with the row wherever that is copied."""
    with (packaged_schemas() / "known_events.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 50
    assert all(row["source"].endswith("(from memory: not yet looked up there)") for row in rows)
