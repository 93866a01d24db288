"""The documents around a protocol: questions and draft, first notebook, what a registry asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evaluation.declared import parsed_yaml, read_yaml
from evaluation.errors import ProtocolError
from evaluation.programme import Programme
from evaluation.protocol import ESTIMATOR_NAMES, LooksPlan, Protocol, Score
from evaluation.study.lock import PROTOCOL, VINTAGE_RULES, Lock, text_hash
from evaluation.study.study import Study, StudyName
from evaluation.study.survey_rules import what_could_be_found

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
        "What the programme would call success; printed beside what is found.",
        "{}",
    ),
    (
        "default_margin_percent",
        "Smallest change worth having, in percent",
        "A change is worth having if its whole range lies beyond it, and smaller than worth having "
        "if its whole range lies inside; a harm as large matters.",
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
    parts = StudyName.parse(name)
    # A second slash would name a folder inside another study's.
    if not parts.study or "/" in parts.study:
        raise ProtocolError(f"no study can be named {name!r}.", expected="PROGRAMME/STUDY")
    path = parts.folder(workspace) / PROTOCOL
    if path.exists():
        raise ProtocolError(
            "there is a protocol already.", where=str(path), mend="give the study another name"
        )
    programme = Programme.load(workspace, parts.programme)
    first = [o.code for o in programme.outcomes if _may_be_primary(programme, o.code)]
    controls = [o.code for o in programme.outcomes if o.negative_control]
    rest = [c for c in first[1:] if c not in controls]
    own = {
        "title": f"{parts.study} of {programme.title}",
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
        and not outcome.sampled
        and outcome.period_frequency == programme.first.frequency
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
    parts = StudyName.parse(name)
    asked = questions(workspace, name)
    why = {one.field: one.why for one in asked}
    primary = _value("primary", answers.get("primary")) or []
    untouched = {one.field for one in asked if answers.get(one.field) == one.default}
    lines = [f"study: {parts.study}", f"programme: {parts.programme}"]
    for field, answer in answers.items():
        if field in ("study", "programme"):
            continue
        value = _value(field, answer)
        if field == "secondary" and field in untouched:  # a default gives way to what was chosen
            value = [code for code in value or [] if code not in primary]
        if value in ("", None, {}, []) and field not in why:
            continue
        # Dumped inside a list and taken out again: alone, a plain word would end in a document
        # mark; the width keeps it on one line, and flow style on the line of its name.
        inside = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10_000)
        text = f"{field}: {inside.strip()[1:-1]}"
        lines += [f"# {why[field]}" if field in why else "", text]
    folder = parts.folder(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PROTOCOL
    path.write_text("\n".join(line for line in lines if line) + "\n", encoding="utf-8")
    return path


def _value(field: str, answer: Any) -> Any:
    if not isinstance(answer, str):
        return answer
    # A title such as "2026: a start" would be a mapping to YAML, and "no" a truth.
    plain = Protocol.model_fields[field].annotation is str
    if plain:
        return answer
    try:
        return parsed_yaml(answer) if answer.strip() else None
    except yaml.YAMLError as error:
        raise ProtocolError(
            f"the answer for {field} cannot be read: {answer!r}.",
            expected="a number, a day as 2027-06-30, [a, list], or {names: values}",
        ) from error


NOTEBOOK = "study.md"


def new_notebook(workspace: Workspace, name: str) -> Path:
    """Write ``study.md`` for ``programme/study``; returns its path.

    Raises
    ------
    ProtocolError : the study has no protocol yet, or a notebook already.
    """
    study = Study.load(workspace, name)
    protocol, path = study.protocol, study.folder / NOTEBOOK
    if path.exists():
        raise ProtocolError(
            "the study has a notebook already, and it is not written over.",
            where=str(path),
            mend="move it away first, or go on in it",
        )
    template = resources.files("evaluation") / "study" / "templates" / NOTEBOOK
    text = template.read_text(encoding="utf-8").format(
        title=f"{protocol.title}, step by step", name=name, outcome=protocol.primary[0]
    )
    path.write_text(text, encoding="utf-8")
    return path


NOT_STATED = "Not stated."
VERDICTS = (
    "One rule in two parts for every outcome. Direction (fell, rose, cannot tell): told where the "
    "family's test rejects no effect, every look counted, the range leaves it out, and no check "
    "objects. Size (worth having, smaller than worth having, cannot tell): the whole range beyond, "
    "or inside, what is worth having. What was hoped for is printed beside both."
)


def write_record(workspace: Workspace, name: str, output: Path | None = None) -> tuple[Path, Path]:
    """Write the record of ``programme/study`` as Markdown and JSON; returns both files.

    Parameters
    ----------
    output : an existing folder; by default ``var/registry/<programme>``.
    """
    study = Study.load(workspace, name)
    protocol = study.protocol
    content = record(study.programme, protocol, study.lock, text_hash(study.folder))
    target = output or workspace.var / "registry" / study.programme.name
    target.mkdir(parents=True, exist_ok=True)
    paths = tuple(target / f"{protocol.study}{ending}" for ending in (".md", ".json"))
    paths[0].write_text(as_markdown(content), encoding="utf-8")
    # Dates of a protocol are no JSON.
    text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
    paths[1].write_text(text + "\n", encoding="utf-8")
    return paths[0], paths[1]


def record(
    programme: Programme, protocol: Protocol, lock: Lock | None, sha256: str
) -> dict[str, Any]:
    """The record as plain data: section -> field -> text or list of texts."""
    return {
        "registry": {
            "Title": protocol.title,
            "Synthetic": "Yes: invented places and figures." if programme.synthetic else "No.",
            "Registration": (lock.registration if lock else "")
            or protocol.registered
            or NOT_STATED,
            "Contact": protocol.contact or NOT_STATED,
            "Evaluation type": "Impact evaluation, quasi-experimental"
            + (", with value for money" if protocol.value else ""),
            "Intervention": protocol.intervention or NOT_STATED,
            "Research question": protocol.question,
            "Sites and start dates": [
                f"{s.name} ({s.code}): {s.start}" + (f", on {s.began}" if s.began else "")
                for s in programme.sites
            ],
            "Planned publication": str(protocol.publication or NOT_STATED),
            "Protocol SHA-256": sha256,
            "Frozen": _frozen(lock),
        },
        "preregistration": {
            "Study information": _study(protocol),
            "Design plan": _design(programme, protocol),
            "Sampling plan": _sampling(programme, protocol),
            "Variables": _variables(programme, protocol),
            "Analysis plan": _analysis(protocol),
            "Other": {
                "Data protection": protocol.data_protection or NOT_STATED,
                "What it can bear": list(protocol.what_it_can_bear),
            },
        },
    }


def _frozen(lock: Lock | None) -> str:
    if lock is None:
        return "Not yet: this is a draft."
    again = len(lock.content["history"])
    clock = ", on a synthetic clock" if lock.content["synthetic_clock"] else ""
    clock += "; as exploratory" if lock.exploratory else ""
    return f"{lock.first['frozen']}{clock}; locked anew {again} times; lock {lock.hash}"


def _study(protocol: Protocol) -> dict[str, Any]:
    hoped = [f"{code}: {size:+g} %" for code, size in protocol.hoped_percent.items()]
    return {
        "Estimand": protocol.estimand or NOT_STATED,
        "Effect hoped for": hoped or NOT_STATED,
        "Data seen before": protocol.data_seen or NOT_STATED,
    }


def _design(programme: Programme, protocol: Protocol) -> dict[str, Any]:
    areas = [a for a in programme.areas if a.role != "excluded"]
    left = [f"{a.code}: {a.reason}" for a in programme.areas if a.role == "excluded"]
    return {
        "How pilots were chosen": protocol.how_pilots_were_chosen,
        "Pilot areas": str(sum(a.role == "pilot" for a in areas)),
        "Comparison areas": str(sum(a.role == "comparison" for a in areas)),
        "Excluded areas": left or ["None."],
        "Eligibility": protocol.eligibility.rule or NOT_STATED,
        "Randomisation": "None. Inference re-assigns the start quarters over comparable areas.",
    }


WEIGHED: dict[Score, str] = {
    "mean": "their mean",
    "gls": "generalised least squares on placebo assignments (gls)",
}


def _past(looks: LooksPlan) -> str:
    """What is kept for looks past the horizon."""
    # Open-ended spending never uses up alpha, and keeps no reserve.
    if looks.spending == "open_ended":
        return "which has no end"
    return f"with {looks.reserve:g} of alpha kept for looks past the horizon"


def _sampling(programme: Programme, protocol: Protocol) -> dict[str, Any]:
    looks = protocol.looks
    plan = (
        "One look."
        if looks is None
        else (
            f"{looks.horizon} looks, one a period; {looks.spending} spending, {_past(looks)}; "
            f"periods weighed by {WEIGHED[looks.score]}; harm watched apart from "
            f"{looks.harm_margin:g} % on."
        )
    )
    return {
        "Calendar": f"{programme.first} to {programme.last}",
        "Looks and stopping": plan,
        "Vintage rule": VINTAGE_RULES[protocol.vintage_rule],
    }


def _could_find(programme: Programme, protocol: Protocol) -> list[str]:
    """The smallest change of each survey item that would be found, as it is planned."""
    told = []
    for code in protocol.outcomes:
        outcome = programme.outcome_by_code[code]
        if outcome.sampled and (found := what_could_be_found(programme, outcome)) is not None:
            plan = found.plan
            told.append(
                f"{outcome.title}: a change of {found.mde:.2f} ({outcome.unit}) four times in "
                f"five, in {plan.waves} waves, {plan.before} of them before the first start, with "
                f"answers worth {plan.respondents} people an area and wave."
            )
    return told or ["No survey is planned."]


def _variables(programme: Programme, protocol: Protocol) -> dict[str, Any]:
    def hoped(code: str) -> str:
        size = protocol.hoped_percent.get(code)
        return "not stated" if size is None else f"{size:+g} %"

    def told(code: str) -> str:
        outcome = programme.outcome_by_code[code]
        return (
            f"{outcome.title} ({outcome.unit}; better is {outcome.polarity}; {outcome.instrument}; "
            f"scale {protocol.scale_of(code)}; hoped for {hoped(code)}; worth having from "
            f"{protocol.margin_of(code):g} %)"
        )

    return {
        "Primary outcomes": [told(code) for code in protocol.primary],
        "Secondary outcomes": [told(code) for code in protocol.secondary] or ["None."],
        "Lives, in people's own words": [told(code) for code in protocol.lives or ()] or ["None."],
        "What its survey could find": _could_find(programme, protocol),
        "Negative controls": [told(code) for code in protocol.negative_control] or ["None."],
    }


def _analysis(protocol: Protocol) -> dict[str, Any]:
    plan = protocol.assignments
    return {
        "Estimators": [ESTIMATOR_NAMES[name] for name in protocol.estimators],
        "Window": f"event times {protocol.window[0]} to {protocol.window[1]}",
        **_first_periods(protocol),
        "Inference": f"{plan.n} assignments, strata {', '.join(plan.strata) or 'none'}, "
        f"seed {plan.seed}, level {protocol.level:g}",
        "Verdicts": VERDICTS,
        "Multiplicity": "Primary outcomes by closed testing over the same assignments; secondary "
        "ones by false discovery rate.",
        "Held fixed": list(protocol.adjust_for) or NOT_STATED,
        "Missing data": protocol.missing or NOT_STATED,
        "Withheld counts": protocol.suppressed or NOT_STATED,
        "Subgroups": list(protocol.subgroups) or ["None planned."],
        "Decision rules": protocol.decision_rules or NOT_STATED,
    }


def _first_periods(protocol: Protocol) -> dict[str, str]:
    """What becomes of first periods treated in part, where the protocol says it."""
    said = {
        "drop": "A first period in which a site ran for a part is left out.",
        "scale": "The effect of a first period in which a site ran for a part is divided by the "
        "share.",
    }
    return {"First periods": said[protocol.partial]} if protocol.partial else {}


def as_markdown(content: dict[str, Any]) -> str:
    """The record as Markdown: a heading a section, a line a field."""
    lines = [f"# {content['registry']['Title']}", ""]
    lines += _fields(content["registry"])
    for section, fields in content["preregistration"].items():
        lines += ["", f"## {section}", "", *_fields(fields)]
    return "\n".join(lines) + "\n"


def _fields(fields: dict[str, Any]) -> list[str]:
    lines = []
    for name, value in fields.items():
        if isinstance(value, list):
            lines += [f"**{name}**", "", *(f"- {one}" for one in value), ""]
        else:
            lines += [f"**{name}**: {value}", ""]
    return lines
