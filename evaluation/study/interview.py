"""Ask an evaluator what a protocol needs, and write a filled draft with the words of the questions.

Every question has a default, taken from the programme where it can be, so that a draft is never
empty; what is left at its default is what ``newstart protocol check`` will ask about.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evaluation.errors import ProtocolError
from evaluation.programme import Programme, read_yaml
from evaluation.protocol import Protocol
from evaluation.study.lock import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evaluation.workspace import Workspace

ASKED = (
    ("title", "Title", "What the study will be called in the book.", ""),
    ("question", "Question", "One sentence that the primary outcomes answer.", ""),
    ("contact", "Contact", "Who answers for it.", ""),
    ("registered", "Registration", "Registry and number, or empty until it has one.", ""),
    ("data_seen", "Data seen so far", "Which outcome figures anyone of the team has seen.", ""),
    (
        "how_pilots_were_chosen",
        "How were the pilots chosen?",
        "Nothing matters more: who chose, by what, and whether any place asked or was refused.",
        "",
    ),
    ("intervention", "What do the sites do?", "What a site does that others do not.", ""),
    (
        "primary",
        "Primary outcomes (one to three)",
        "Those on which the programme is judged; each measured alike in both arms.",
        "",
    ),
    ("secondary", "Secondary outcomes", "Reported whatever they show.", ""),
    (
        "negative_control",
        "Outcomes that it cannot move",
        "If one moves, the comparison is at fault.",
        "",
    ),
    (
        "window",
        "Periods after the start, first and last",
        "One number is the answer: the mean effect over these.",
        "[0, 7]",
    ),
    (
        "estimand",
        "Estimand in words",
        "Population, contrast, periods.",
        "Mean effect on everyone who lives in the pilot areas, over the window, against what would"
        " have been without the programme.",
    ),
    (
        "hoped_percent",
        "Effect hoped for, in percent, with its sign, by outcome",
        "What the programme would call success; below it the study may see nothing.",
        "{}",
    ),
    (
        "default_margin_percent",
        "Smallest change that would matter, in percent",
        'The X of "no effect larger than X".',
        "5",
    ),
    (
        "estimators",
        "Estimators, the primary one first",
        "Chosen by fit before the start alone.",
        "[synthetic_did, did, synthetic_control]",
    ),
    (
        "looks",
        "Looks",
        "How many quarterly looks, and the alpha kept for later ones.",
        "{spending: obrien_fleming, horizon: 8, reserve: 0.01, harm_margin: 2}",
    ),
    (
        "assignments",
        "Assignments",
        "How many, within which strata, from which seed.",
        "{n: 9999, strata: [], seed: 20260101}",
    ),
    (
        "missing",
        "Missing figures",
        "What is done with a figure that is not there.",
        "Left out, counted and shown; nothing is filled in.",
    ),
    (
        "suppressed",
        "Withheld small counts",
        "What is done with them.",
        "Left out; both ends of what they could be are shown beside the result.",
    ),
    ("decision_rules", "Decision rules", "Who does what on which verdict.", ""),
    ("publication", "Publication date", "Whatever the result.", "null"),
    ("value", "Is value to be estimated?", "Pounds, by agency.", "false"),
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question: the field it fills, what is asked and why, and the answer if none is given.

    The answer is read as YAML, so that ``[0, 7]`` is a list and ``yes`` a truth.
    """

    field: str
    text: str
    why: str
    default: str


def questions(workspace: Workspace, name: str) -> tuple[Question, ...]:
    """The questions for a study of a programme, with defaults from its declarations.

    Raises
    ------
    ProtocolError : the name has another form, or the study has a protocol already.
    """
    programme_name, _, study = name.partition("/")
    if not study or "/" in study:
        raise ProtocolError(f"no study can be named {name!r}.", expected="PROGRAMME/STUDY")
    path = workspace.studies / programme_name / study / PROTOCOL
    if path.exists():
        raise ProtocolError(
            "there is a protocol already.", where=str(path), mend="give the study another name"
        )
    programme = Programme.load(workspace, programme_name)
    first = [o.code for o in programme.outcomes if _may_be_primary(programme, o.code)]
    controls = [o.code for o in programme.outcomes if o.negative_control]
    rest = [c for c in first[1:] if c not in controls]
    own = {
        "title": f"{study} of {programme.title}",
        "question": programme.question,
        "primary": _list(first[:1]),
        "secondary": _list(rest),
        "negative_control": _list(controls),
    }
    return tuple(
        Question(field=field, text=text, why=why, default=own.get(field, default))
        for field, text, why, default in ASKED
    )


def _may_be_primary(programme: Programme, code: str) -> bool:
    outcome = programme.outcome_by_code[code]
    return (
        not outcome.negative_control
        and outcome.polarity != "care"
        and outcome.measured_in == "all areas"
        and outcome.frequency == "quarter"
    )


def _list(codes: list[str]) -> str:
    return "[" + ", ".join(codes) + "]"


def read_answers(path: Path, asked: tuple[Question, ...]) -> dict[str, Any]:
    """Answers from a YAML file; a question without one keeps its default.

    Raises
    ------
    ProtocolError : an answer to a question that is not asked.
    WorkspaceError : the file cannot be read.
    """
    given = read_yaml(path)
    fields = {*(one.field for one in asked), *Protocol.model_fields}
    if odd := sorted(set(given) - fields):
        raise ProtocolError(
            f"{odd[0]!r} answers no question.", where=str(path), expected=", ".join(sorted(fields))
        )
    return {one.field: one.default for one in asked} | given


def draft(workspace: Workspace, name: str, answers: Mapping[str, Any]) -> Path:
    """Write ``protocol.yaml`` from answers (text is read as YAML); returns the file.

    Raises
    ------
    ProtocolError : an answer cannot be read.
    """
    programme, _, study = name.partition("/")
    asked = questions(workspace, name)
    why = {one.field: one.why for one in asked}
    primary = _value("primary", answers.get("primary")) or []
    untouched = {one.field for one in asked if answers.get(one.field) == one.default}
    lines = [f"study: {study}", f"programme: {programme}"]
    for field, answer in answers.items():
        if field in ("study", "programme"):
            continue
        value = _value(field, answer)
        if field == "secondary" and field in untouched:  # a default gives way to what was chosen
            value = [code for code in value or [] if code not in primary]
        if value in ("", None, {}, []) and field not in why:
            continue
        inside = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10_000)
        text = f"{field}: {inside.strip()[1:-1]}"
        lines += [f"# {why[field]}" if field in why else "", text]
    folder = workspace.studies / programme / study
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PROTOCOL
    path.write_text("\n".join(line for line in lines if line) + "\n", encoding="utf-8")
    return path


def _value(field: str, answer: Any) -> Any:
    if not isinstance(answer, str):
        return answer
    plain = Protocol.model_fields[field].annotation is str
    if plain:
        return answer
    try:
        return yaml.safe_load(answer) if answer.strip() else None
    except yaml.YAMLError as error:
        raise ProtocolError(
            f"the answer for {field} cannot be read: {answer!r}.",
            expected="a number, [a, list], or {names: values}",
        ) from error
