"""History in one go: folders and tables, by the same check and chain as a return sent alone."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from evaluation.check.history import Surprise
from evaluation.check.report import problem
from evaluation.cli import main
from evaluation.errors import ReturnFileError, UserError, WorkspaceError
from evaluation.ledger import intake
from evaluation.ledger.calendar import calendar
from evaluation.ledger.intake import (
    MOST_EXTREME,
    Asked,
    Reasons,
    gather,
    load_returns,
    most_extreme,
    read_reasons,
    why_alone,
)
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.tidy import AS_RETURNED, TableColumns, read_mapping, split_tables
from evaluation.workspace import Workspace

HEAD = "area_code,area_name,quarter,outcome,numerator,denominator,status,note\n"
QUARTERS = [Period.parse("2025 Q1") + step for step in range(6)]
BELOW = {"E01": 5000, "E02": 6000}
LEVEL = {("E01", "ae_attendances"): 210, ("E02", "ae_attendances"): 260}
LEVEL |= {("E01", "crisis_contacts"): 25, ("E02", "crisis_contacts"): 31}
MAPPING = TableColumns(
    area="place",
    period="when",
    outcomes={"attended": "ae_attendances", "crises": "crisis_contacts"},
    denominator="people",
)


def figure(area: str, outcome: str, step: int) -> int:
    """Usual figures that move a little and never repeat."""
    return LEVEL[area, outcome] + (3 * step + len(outcome)) % 7


def lay_returns(folder: Path, changed: dict[tuple[str, str, str], int] | None = None) -> Path:
    """S01's NHS returns of six quarters; ``changed`` are figures by area, outcome and quarter."""
    folder.mkdir(parents=True, exist_ok=True)
    for step, period in enumerate(QUARTERS):
        rows = [
            f"{area},,{period},{outcome},"
            f"{(changed or {}).get((area, outcome, str(period)), figure(area, outcome, step))},"
            f"{BELOW[area]},,"
            for area, outcome in LEVEL
        ]
        path = folder / f"S01_nhs_{period.slug}.csv"
        path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    return folder


def table() -> pd.DataFrame:
    """The same figures, outcomes side by side, as another programme would write them."""
    return pd.DataFrame(
        {
            "place": area,
            "when": period.label.replace(" ", ""),
            "attended": figure(area, "ae_attendances", step),
            "crises": figure(area, "crisis_contacts", step),
            "people": BELOW[area],
        }
        for step, period in enumerate(QUARTERS)
        for area in BELOW
    )


def load(
    workspace: Workspace, path: Path, columns: TableColumns | None = None, **more: Any
) -> intake.Loaded:
    programme = Programme.load(workspace, "tiny")
    found = gather(path, columns, programme)
    given = more.pop("reasons", Reasons())
    return load_returns(workspace, programme, found.returns, given, progress=lambda _: None, **more)


def hashes(workspace: Workspace) -> list[str]:
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        assert ledger.verify().ok
        return [one.content_hash for one in ledger.receipts("tiny")]


def reasons(tmp_path: Path, *rows: dict[str, str]) -> Reasons:
    path = tmp_path / "reasons.csv"
    names = ["rule", "reason", "by", "area_code", "quarter", "outcome"]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return read_reasons(path)


def test_a_folder_goes_in_at_once_and_is_held_the_next_time(
    tiny_workspace: Workspace, tmp_path: Path
) -> None:
    folder = lay_returns(tmp_path / "sent")
    first = load(tiny_workspace, folder)
    assert (first.accepted, first.already_held, first.refused, first.rows) == (6, 0, 0, 24)
    assert first.problems == ()
    again = load(tiny_workspace, folder)
    assert (again.accepted, again.already_held, again.refused) == (0, 6, 0)
    assert len(hashes(tiny_workspace)) == 6
    assert len(list(tiny_workspace.receipts.glob("*.json"))) == 6


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "xlsx", "parquet"])
def test_a_table_holds_the_same_as_the_returns(
    tiny_workspace: Workspace, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"history.{ending}"
    if ending == "xlsx":
        table().to_excel(path, index=False, startrow=2)
    elif ending == "parquet":
        table().assign(crises=table()["crises"].astype(float)).to_parquet(path)
    else:
        table().to_csv(path, index=False)
    done = load(tiny_workspace, path, MAPPING)
    assert (done.accepted, done.refused, done.rows) == (6, 0, 24)
    sent = Workspace(root=tmp_path / "other")
    (sent.root).mkdir()
    (sent.root / "studies").symlink_to(tiny_workspace.studies)
    load(sent, lay_returns(tmp_path / "sent"))
    assert hashes(tiny_workspace) == hashes(sent)


def test_history_is_not_late_and_what_comes_after_it_is(
    tiny_workspace: Workspace, tiny: Programme, tmp_path: Path
) -> None:
    load(tiny_workspace, lay_returns(tmp_path / "sent"))
    with Ledger.open(tiny_workspace.database, tiny_workspace.raw) as ledger:
        receipts = [one.as_dict() for one in ledger.receipts("tiny")]
    assert all(one["history"] for one in receipts)
    day = Period.parse("2026 Q4").last_day
    moved = [{**one, "received": "2026-12-01T09:00:00.000000Z"} for one in receipts]
    owed = [one for one in calendar(tiny, moved, day) if (one.site, one.agency) == ("S01", "nhs")]
    assert [one.state for one in owed if one.received] == ["received"] * 6
    alone = [{**one, "history": False} for one in moved]
    assert {one.state for one in calendar(tiny, alone, day) if one.received} == {"late"}
    # The submitter was there before: what is loaded of later quarters was due from it.
    early = {**moved[0], "received": "2025-04-02T09:00:00.000000Z"}
    states = [one.state for one in calendar(tiny, [early, *moved[1:]], day) if one.received]
    assert states == ["received"] + ["late"] * 5


def test_a_load_that_was_stopped_goes_on(
    tiny_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, calls, real = lay_returns(tmp_path / "sent"), [0], intake.accept_into

    def dies(*given: Any, **more: Any) -> Any:
        calls[0] += 1
        if calls[0] == 4:
            raise KeyboardInterrupt
        return real(*given, **more)

    monkeypatch.setattr(intake, "accept_into", dies)
    with pytest.raises(KeyboardInterrupt):
        load(tiny_workspace, folder)
    assert len(hashes(tiny_workspace)) == 3
    monkeypatch.undo()
    done = load(tiny_workspace, folder)
    assert (done.accepted, done.already_held, done.refused) == (3, 3, 0)
    assert len(hashes(tiny_workspace)) == 6


def test_what_was_withdrawn_is_not_brought_back(tiny_workspace: Workspace, tmp_path: Path) -> None:
    folder, said = lay_returns(tmp_path / "sent"), list[str]()
    load(tiny_workspace, folder)
    with Ledger.open(tiny_workspace.database, tiny_workspace.raw) as ledger:
        first = ledger.receipts("tiny")[0]
        ledger.withdraw(first.return_id, reason="Another site's.", received=tiny_workspace.now())
    programme = Programme.load(tiny_workspace, "tiny")
    found = gather(folder, None, programme).returns
    done = load_returns(tiny_workspace, programme, found, Reasons(), progress=said.append)
    assert (done.accepted, done.already_held) == (0, 6)
    assert [text for text in said if "withdrawn" in text] == [
        f"{folder / 'S01_nhs_2025-Q1.csv'} was withdrawn and is not brought back; "
        "newstart submit does that"
    ]


AFTER, TENFOLD, BEFORE = (
    ("E01", "ae_attendances", "2025 Q4"),
    ("E02", "crisis_contacts", "2025 Q2"),
    ("E01", "ae_attendances", "2025 Q2"),
)
"""The site starts in 2025 Q3."""


def test_a_reason_for_a_rule_answers_neither_started_pilots_nor_slips(
    tiny_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_EXTREME", 0)
    changed = {AFTER: 620, TENFOLD: 340, BEFORE: 620}
    folder = lay_returns(tmp_path / "sent", changed)
    given = reasons(tmp_path, {"rule": "R060", "reason": "A ward opened.", "by": "Ada"})
    done = load(tiny_workspace, folder, reasons=given)
    assert (done.accepted, done.refused) == (4, 2)
    assert {(one.asked, one.alone) for one in done.problems} == {
        (Asked("R060", AFTER[0], AFTER[2], AFTER[1]), "a pilot area after its start"),
        (
            Asked("R060", TENFOLD[0], TENFOLD[2], TENFOLD[1]),
            "about ten times more or less than usual",
        ),
    }
    assert done.questions is not None
    rows = list(csv.DictReader(done.questions.read_text("utf-8").splitlines()))
    assert [row["quarter"] for row in rows] == ["2025 Q2", "2025 Q4"]
    for row in rows:
        row |= {"reason": "It was counted twice over.", "by": "Bea"}
    answers = [{k: r[k] for k in ("rule", "reason", "by", *Asked._fields[1:])} for r in rows]
    blanket = {"rule": "R060", "reason": "A ward opened.", "by": "Ada"}
    done = load(tiny_workspace, folder, reasons=reasons(tmp_path, blanket, *answers))
    assert (done.accepted, done.already_held, done.refused, done.questions) == (2, 4, 0, None)
    with Ledger.open(tiny_workspace.database, tiny_workspace.raw) as ledger:
        kept = [one for r in ledger.receipts("tiny") for one in r.confirmations]
        assert ledger.verify().ok
    assert {(one["by"], one.get("scope", "")) for one in kept} == {("Ada", "rule"), ("Bea", "")}
    (wide,) = [one for one in kept if one.get("scope") == "rule"]
    assert (wide["area_code"], wide["outcome"]) == BEFORE[:2]


def test_what_was_written_into_the_list_of_questions_stays_while_it_is_needed(
    tiny_workspace: Workspace, tmp_path: Path
) -> None:
    """One of a return's questions answered in the list itself, which is given as the reasons."""
    other = ("E02" if BEFORE[0] == "E01" else "E01", *BEFORE[1:])
    folder = lay_returns(tmp_path / "sent", {BEFORE: 620, other: 810})
    path = load(tiny_workspace, folder).questions
    assert path is not None
    answers = {BEFORE[0]: "A ward opened.", other[0]: "It closed again."}
    for area, reason in answers.items():
        rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        assert {row["area_code"] for row in rows} >= set(answers)
        for row in rows:
            if row["area_code"] == area:
                row |= {"reason": reason, "by": "Bea"}
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows([*rows, dict.fromkeys(rows[0], "") | OF_A_RULE])
        done = load(tiny_workspace, folder, reasons=intake.read_reasons(path))
        held = path.read_text("utf-8") if path.is_file() else ""
        assert (done.refused == 0) or (reason in held and "Nobody was missed." in held)
    assert (done.refused, path.exists()) == (0, False)


OF_A_RULE = {"rule": "R058", "reason": "Nobody was missed.", "by": "Ada"}


def test_the_most_surprising_are_answered_singly(tiny_workspace: Workspace, tmp_path: Path) -> None:
    folder = lay_returns(tmp_path / "sent", {BEFORE: 620})
    given = reasons(tmp_path, {"rule": "R060", "reason": "A ward opened.", "by": "Ada"})
    done = load(tiny_workspace, folder, reasons=given)
    assert [one.alone for one in done.problems] == ["among the fifty most surprising figures"]


def test_which_fifty_does_not_hang_on_the_order() -> None:
    def question(number: int, size: float) -> intake._Question:
        return intake._Question(
            asked=Asked("R060", f"E{number:03d}", "2026 Q1", "arrears"),
            problem=problem("R060", "So.", sheet=None),
            surprise=Surprise(size, 2.0, 9.0),
            pilot=False,
        )

    asked = [question(number, 4.0 + number % 60) for number in range(180)]
    chosen = most_extreme(asked)
    assert len(chosen) == MOST_EXTREME and chosen == most_extreme(asked[::-1])
    apart = {one.asked for one in asked if why_alone(one, chosen)}
    assert apart == chosen


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"rule": "R060", "reason": "Yes."}, "who gives it"),
        ({"rule": "R060", "by": "Ada"}, "who gives it"),
        ({"rule": "R999", "reason": "Yes.", "by": "Ada"}, "no rule is 'R999'"),
    ],
)
def test_a_reason_has_a_rule_a_text_and_a_name(
    tmp_path: Path, row: dict[str, str], said: str
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        reasons(tmp_path, row)
    assert "row 2" in str(caught.value)


def test_an_error_refuses_its_return_alone_and_is_told_at_the_row_of_the_table(
    tiny_workspace: Workspace, tmp_path: Path
) -> None:
    wrong = table()
    wrong.loc[3, "attended"] = -7
    wrong.to_csv(tmp_path / "history.csv", index=False)
    done = load(tiny_workspace, tmp_path / "history.csv", MAPPING)
    assert (done.accepted, done.refused) == (5, 1)
    (one,) = done.problems
    assert one.place is not None and (one.place.row, one.place.column) == (5, "attended")
    refused = tiny_workspace.incoming("tiny") / "refused" / "S01_nhs_2025-Q2.csv"
    assert "-7" in refused.read_text("utf-8") and one.file == refused.name


def test_rows_that_are_in_no_return_are_told(
    tiny_workspace: Workspace, tiny: Programme, tmp_path: Path
) -> None:
    more = pd.DataFrame(
        [
            {"place": "X99", "when": "2025Q1", "attended": 1, "crises": 1, "people": 9},
            {"place": "E01", "when": "2019Q1", "attended": 1, "crises": 1, "people": 9},
        ]
    )
    pd.concat([table(), more]).to_csv(tmp_path / "history.csv", index=False)
    found = gather(tmp_path / "history.csv", MAPPING, tiny)
    assert len(found.returns) == 6
    assert [text.partition(" (")[0] for text in found.left_out] == [
        "1 rows are left out, of areas that are not the programme's",
        "1 rows are left out, of periods outside the programme",
    ]


def test_long_tables_symbols_and_fixed_words(tiny: Programme, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("lad,q,n,d\nE05,2025-Q1,,5100\nE06,2025-Q1,12.0,4900\n", encoding="utf-8")
    columns = TableColumns(
        area="lad",
        period="q",
        outcome="ae_attendances",
        numerator="n",
        denominator="d",
        missing="[c]",
    )
    (one,) = split_tables([path], columns, tiny).returns
    for divider in (";", "\t"):
        other = tmp_path / "other.csv"
        other.write_text(path.read_text("utf-8").replace(",", divider), encoding="utf-8-sig")
        (same,) = split_tables([other], columns, tiny).returns
        assert same.raw.rows == one.raw.rows
    assert one.raw.guide["site"] == "OPEN" and one.raw.guide["agency"] == "nhs_england"
    assert [row.values[3:7] for row in one.raw.rows] == [
        ("ae_attendances", None, "5100", "[c]"),
        ("ae_attendances", "12.0", "4900", None),
    ]


def test_what_a_mapping_gets_wrong_is_said(tiny: Programme, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    table().to_csv(path, index=False)
    with pytest.raises(ReturnFileError, match="no column 'area'"):
        split_tables([path], MAPPING.model_copy(update={"area": "area"}), tiny)
    with pytest.raises(ReturnFileError, match="no outcome 'attendances'"):
        split_tables(
            [path], MAPPING.model_copy(update={"outcomes": {"attended": "attendances"}}), tiny
        )
    with pytest.raises(ReturnFileError, match=r"history\.csv, row 2: '210' is no period"):
        split_tables([path], MAPPING.model_copy(update={"period": "attended"}), tiny)
    (tmp_path / "m.yaml").write_text("area: a\nperiod: b\nnumerator: c\n", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="name either outcome"):
        read_mapping(tmp_path / "m.yaml")
    path.write_bytes(b"PAR1 no table")
    with pytest.raises(ReturnFileError):
        split_tables([path.rename(tmp_path / "history.parquet")], MAPPING, tiny)


def test_the_verb_prints_json_and_its_exit_code_says_whether_all_went_in(
    tiny_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lay_returns(tmp_path / "sent" / "deep", {TENFOLD: 340})
    book = openpyxl.Workbook()
    book.active.title = "Return"
    book.save(tmp_path / "sent" / "empty.xlsx")
    command = ["--workspace", str(tiny_workspace.root), "--programme", "tiny", "load"]
    with pytest.raises(SystemExit) as ended:
        main([*command, str(tmp_path / "sent"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert {k: said[k] for k in ("accepted", "already_held", "refused", "rows")} == {
        "accepted": 5,
        "already_held": 0,
        "refused": 2,
        "rows": 20,
    }
    assert [one["rule"] for one in said["problems"]] == ["R001", "R060"]
    (tmp_path / "sent" / "empty.xlsx").unlink()
    lay_returns(folder)
    with pytest.raises(SystemExit) as ended:
        main([*command, str(folder)])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("1 returns accepted (4 figures), 5 held already")


ODD = "area_code,quarter,outcome,numerator,denominator\n"
ODD_ROWS = "E01,2025 Q1,ae_attendances,215,5000\nE02,2025 Q1,ae_attendances,216,6000\n"


@pytest.mark.parametrize(
    "harm", ["cut short", "overwritten", "a cell too many", "commas at the end"]
)
def test_a_table_that_is_damaged_is_refused_and_not_read_in_part(
    tiny: Programme, tmp_path: Path, harm: str
) -> None:
    packed = gzip.compress((ODD + 200 * ODD_ROWS).encode())
    contents = {
        "cut short": packed[:-20],
        "overwritten": packed[:40] + bytes(20) + packed[60:],
        "a cell too many": (ODD + ODD_ROWS.replace("6000", "6000,more")).encode(),
        "commas at the end": (ODD + ODD_ROWS.replace("0\n", "0,\n")).encode(),
    }
    path = tmp_path / ("figures.csv.gz" if contents[harm].startswith(packed[:2]) else "figures.csv")
    path.write_bytes(contents[harm])
    with pytest.raises(ReturnFileError, match="cannot be read"):
        split_tables([path], AS_RETURNED, tiny)


def test_what_is_missing_in_a_parquet_file_is_missing_whatever_its_column_is(
    tiny: Programme, tmp_path: Path
) -> None:
    frame = pd.DataFrame(
        {
            "area_code": pd.array(["E01", "E02"], dtype="string"),
            "quarter": ["2025 Q1", "2025 Q1"],
            "outcome": ["ae_attendances", "ae_attendances"],
            "numerator": pd.array([215, None], dtype="Int64"),
            "denominator": pd.array([5000.0, None], dtype="Float64"),
        }
    )
    path = tmp_path / "figures.parquet"
    frame.to_parquet(path)
    (one,) = split_tables([path], AS_RETURNED, tiny).returns
    assert [row.values[4:6] for row in one.raw.rows] == [("215", "5000"), (None, None)]
    frame["quarter"] = [pd.Timestamp("2025-01-01"), pd.NaT]
    frame.to_parquet(path)
    with pytest.raises(ReturnFileError, match="row 3: '' is no period"):
        split_tables([path], AS_RETURNED, tiny)
