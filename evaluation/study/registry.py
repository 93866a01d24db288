"""A protocol as a registry asks for it: Markdown to read, JSON to enter.

The fields are those of the UK's Evaluation Registry (title, evaluation type, intervention, design,
outcomes, dates, publication) and, under ``preregistration``, of the template of the Open Science
Framework (study information, design plan, sampling plan, variables, analysis plan, other).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.protocol import ESTIMATOR_NAMES
from evaluation.study.lock import VINTAGE_RULES, Lock, text_hash
from evaluation.study.panels import load_study

if TYPE_CHECKING:
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol
    from evaluation.workspace import Workspace

NOT_STATED = "Not stated."


def write_record(workspace: Workspace, name: str, output: Path | None = None) -> tuple[Path, Path]:
    """Write the record of ``programme/study`` as Markdown and JSON; returns both files.

    Parameters
    ----------
    output : an existing folder; by default ``var/registry/<programme>``.
    """
    programme, protocol = load_study(workspace, name)
    folder = workspace.studies / programme.name / protocol.study
    content = record(programme, protocol, Lock.read(folder), text_hash(folder))
    target = output or workspace.var / "registry" / programme.name
    target.mkdir(parents=True, exist_ok=True)
    paths = tuple(target / f"{protocol.study}{ending}" for ending in (".md", ".json"))
    paths[0].write_text(as_markdown(content), encoding="utf-8")
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
            "Registration": protocol.registered or NOT_STATED,
            "Contact": protocol.contact or NOT_STATED,
            "Evaluation type": "Impact evaluation, quasi-experimental"
            + (", with value for money" if protocol.value else ""),
            "Intervention": protocol.intervention or NOT_STATED,
            "Research question": protocol.question,
            "Sites and start dates": [f"{s.name} ({s.code}): {s.start}" for s in programme.sites],
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


def _sampling(programme: Programme, protocol: Protocol) -> dict[str, Any]:
    looks = protocol.looks
    plan = (
        "One look."
        if looks is None
        else (
            f"{looks.horizon} looks, one a period; {looks.spending} spending; {looks.reserve:g} "
            f"kept for later looks; harm watched apart from {looks.harm_margin:g} % on."
        )
    )
    return {
        "Calendar": f"{programme.first} to {programme.last}",
        "Looks and stopping": plan,
        "Vintage rule": VINTAGE_RULES[protocol.vintage_rule],
    }


def _variables(programme: Programme, protocol: Protocol) -> dict[str, Any]:
    def told(code: str) -> str:
        outcome = programme.outcome_by_code[code]
        return (
            f"{outcome.title} ({outcome.unit}; better is {outcome.polarity}; {outcome.instrument}; "
            f"scale {protocol.scale_of(code)}; margin {protocol.margin_of(code):g} %)"
        )

    return {
        "Primary outcomes": [told(code) for code in protocol.primary],
        "Secondary outcomes": [told(code) for code in protocol.secondary] or ["None."],
        "Negative controls": [told(code) for code in protocol.negative_control] or ["None."],
    }


def _analysis(protocol: Protocol) -> dict[str, Any]:
    plan = protocol.assignments
    return {
        "Estimators": [ESTIMATOR_NAMES[name] for name in protocol.estimators],
        "Window": f"event times {protocol.window[0]} to {protocol.window[1]}",
        "Inference": f"{plan.n} assignments, strata {', '.join(plan.strata) or 'none'}, "
        f"seed {plan.seed}, level {protocol.level:g}",
        "Multiplicity": "Primary outcomes by closed testing over the same assignments; secondary "
        "ones by false discovery rate.",
        "Held fixed": list(protocol.adjust_for) or NOT_STATED,
        "Missing data": protocol.missing or NOT_STATED,
        "Withheld counts": protocol.suppressed or NOT_STATED,
        "Subgroups": list(protocol.subgroups) or ["None planned."],
        "Decision rules": protocol.decision_rules or NOT_STATED,
    }


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
