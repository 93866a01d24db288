"""The evidence of a study, outcome by outcome, from its written results: what a grade reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evaluation.finding.grade import Evidence, Grade, Judgement, grade
from evaluation.quarters import Period

if TYPE_CHECKING:
    from evaluation.workspace import Workspace


def graded(workspace: Workspace, results: dict[str, Any]) -> dict[str, Grade]:
    """Primary outcome -> its grade, from results as they were written.

    Raises
    ------
    ProtocolError : ``grade.yaml`` has another shape, or judges without a signature.
    """
    judgement = Judgement.load(workspace.studies / results["programme"] / results["study"])
    return {
        outcome["code"]: grade(evidence_of(results, outcome), judgement)
        for outcome in results["outcomes"]
        if outcome["role"] == "primary"
    }


def evidence_of(results: dict[str, Any], outcome: dict[str, Any]) -> Evidence:
    """What the results say of one outcome, as a grade needs it."""
    checks = {one["code"]: one for one in outcome["diagnostics"]}
    primary, *others = (one["overall"] for one in outcome["estimates"])
    sample, data = results["sample"], outcome["data"]
    first = min(Period.parse(site["start"]) for site in results["sites"])
    effect = outcome["finding"]["effect_percent"]
    ends = [effect["low"], effect["high"]]
    absent = {"result": "cannot tell", "sentence": "Not tested."}
    trend, spillover = checks.get("pre_trend", absent), checks.get("spillover", absent)
    return Evidence(
        one_instrument=bool(outcome["instrument"]) and outcome["measured_in"] == "all areas",
        pilot_areas=sample["pilot_areas"],
        comparison_areas=sample["comparison_areas"],
        periods_before=max(0, first - Period.parse(sample["first"])),
        trend=(trend["result"], trend["sentence"]),
        complete=1 - (data["missing"] + data["suppressed"]) / max(data["cells"], 1),
        agree=sum(_agrees(primary, one) for one in others),
        others=len(others),
        excludes_none=None not in ends and (ends[0] > 0 or ends[1] < 0),
        fixed_before=results["label"] == "confirmatory",
        how_chosen=results["how_pilots_were_chosen"],
        deviations=len(results.get("deviations", ())),
        controls=tuple(
            (one["result"], one["sentence"])
            for one in outcome["diagnostics"]
            if one["code"] == "negative_control"
        ),
        spillover=(spillover["result"], spillover["sentence"]),
    )


def _agrees(primary: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether another estimate has the primary one's sign and lies in its range."""
    low, high = primary["low"], primary["high"]
    inside = (low is None or low <= other["effect"]) and (high is None or other["effect"] <= high)
    return bool(inside and primary["effect"] * other["effect"] > 0)
