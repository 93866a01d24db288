"""How strong the evidence is: Maryland scale, and the inputs to ROBINS-I and GRADE.

The level is computed as the What Works Centre for Local Economic Growth scores it (Guide to scoring
evidence using the Maryland Scientific Methods Scale, 2016): difference-in-differences and synthetic
control reach 3 at most, and only where pilots and comparisons can be shown to have been on one
path. Risk of bias (ROBINS-I: Sterne et al. 2016, BMJ 355: i4919) and certainty (GRADE) are judged
by a person, who signs ``grade.yaml``; what is computed here is what that person reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import ProtocolError
from evaluation.wording import Sentence, percent

FILE = "grade.yaml"
HIGHEST = 3
"""What these designs can reach; 4 needs as-good-as-random variation, 5 a random allocation."""
# A path of fewer than four periods cannot be shown to be one; five cells in a hundred may lack a
# figure.
FEWEST_BEFORE, COMPLETE = 4, 0.95
Domain = Literal[
    "confounding",
    "selection",
    "classification",
    "deviations",
    "missing data",
    "measurement",
    "selective reporting",
]
Met = Literal["met", "unmet", "cannot tell"]


class Signature(Frozen):
    """Who judged, as what, and when."""

    name: str = Field(min_length=1)
    role: str = Field(min_length=1)
    date: date


class DomainJudgement(Frozen):
    """One judgement with its reason."""

    judgement: Literal["low", "moderate", "serious", "critical", "no information"]
    why: str = Field(min_length=1)


class Certainty(Frozen):
    """The certainty of the evidence by GRADE; observational evidence starts at low."""

    certainty: Literal["very low", "low", "moderate", "high"]
    why: str = Field(min_length=1)


class Judgement(Frozen):
    """What a person says: why the comparison is a fair one, and the judgements, once signed."""

    comparison_argued: str = ""
    signed: Signature | None = None
    robins_i: dict[Domain, DomainJudgement] = Field(default_factory=dict)
    grade: Certainty | None = None

    @classmethod
    def load(cls, folder: Path) -> Judgement:
        """Read ``grade.yaml`` from a study's folder; an empty judgement where there is none.

        Raises
        ------
        ProtocolError : it has another shape, or judges without a signature.
        """
        path = folder / FILE
        if not path.is_file():
            return cls()
        held = validated(cls, read_yaml(path), path, ProtocolError)
        # A judgement counts only with a name under it.
        if (held.robins_i or held.grade) and held.signed is None:
            raise ProtocolError(
                "the evidence is judged and nobody has signed.",
                where=str(path),
                expected="signed: {name: ..., role: ..., date: 2026-11-24}",
            )
        return held


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a grade is computed from, for one outcome of one study.

    periods_before : before the first start. trend : the pre-trend check (result, sentence).
    complete : share of cells with a figure. agree, others : estimators that agree with the primary
    one in sign and lie in its range, of how many. controls, spillover : those checks' results and
    sentences, where made. excludes_none : whether the range excludes no change. fixed_before :
    whether the look is confirmatory.
    """

    one_instrument: bool
    pilot_areas: int
    comparison_areas: int
    periods_before: int
    trend: tuple[str, str]
    complete: float
    agree: int
    others: int
    excludes_none: bool
    fixed_before: bool
    how_chosen: str
    deviations: int = 0
    controls: tuple[tuple[str, str], ...] = ()
    spillover: tuple[str, str] = ("cannot tell", "Not tested.")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition of the level: met or not, why, and what would meet it."""

    code: str
    title: str
    met: Met
    reason: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class Grade:
    """The evidence on one outcome.

    level : on the Maryland scale. conditions : those it rests on. raises : what would raise it, or
    make it firmer. robins_i, certainty : what a person has to read for each domain.
    """

    level: int
    conditions: tuple[Condition, ...]
    sentence: str
    raises: tuple[str, ...]
    robins_i: Mapping[Domain, str] = field(default_factory=dict)
    certainty: Mapping[str, str] = field(default_factory=dict)
    judgement: Judgement = field(default_factory=Judgement)

    def as_dict(self) -> dict[str, Any]:
        """As written in results and printed for programs."""
        return {
            "level": self.level,
            "sentence": self.sentence,
            "raises": list(self.raises),
            "conditions": [asdict(one) for one in self.conditions],
            "robins_i": dict(self.robins_i),
            "certainty": dict(self.certainty),
            "judgement": self.judgement.model_dump(mode="json"),
        }


def grade(evidence: Evidence, judgement: Judgement) -> Grade:
    """Grade one outcome's evidence."""
    conditions = _conditions(evidence, judgement)
    level, why = _level({one.code: one for one in conditions})
    open_ones = [one for one in conditions if one.met != "met"]
    raises = tuple(one.mend for one in open_ones if one.mend)
    are = "is" if len(open_ones) == 1 else "are"
    asked = f"{len(open_ones)} of {len(conditions)} conditions"
    # One of which it cannot be told is not unmet.
    unmet = f" {asked} {are} not shown to be met." if open_ones else ""
    return Grade(
        level=level,
        conditions=conditions,
        raises=raises,
        sentence=f"Level {level} of 5 on the Maryland scale (at most {HIGHEST} for this design): "
        f"{why}.{unmet}",
        robins_i=_robins(evidence),
        certainty=_certainty(evidence),
        judgement=judgement,
    )


def _level(by_code: Mapping[str, Condition]) -> tuple[int, str]:
    """1: one side of the contrast is missing; 2: no evidence of one path; else 3."""
    # In the order of the scale: a level is reached only where all below it are.
    if by_code["comparison"].met != "met" or by_code["before"].met == "unmet":
        return 1, "pilots are not compared both with their past and with other areas"
    # "Cannot tell" is not enough: the scale asks for evidence of one path, not for none against it.
    if by_code["path"].met != "met":
        return 2, "it is not shown that pilots and comparisons were on one path"
    if by_code["argued"].met != "met":
        return 2, "it is not argued why the comparison areas are like the pilots"
    return HIGHEST, "pilots are compared with their past and with areas that were on the same path"


def _conditions(e: Evidence, judgement: Judgement) -> tuple[Condition, ...]:
    short = max(0, FEWEST_BEFORE - e.periods_before)
    argued = judgement.comparison_argued.strip()
    compared = e.comparison_areas > 0 and e.one_instrument
    return (
        Condition(
            code="before",
            title="Figures of pilots before and after the start",
            met="met" if e.periods_before >= 1 else "unmet",
            reason=f"{_periods(e.periods_before)} before the first start.",
            mend="" if e.periods_before >= 1 else "Figures of before the start.",
        ),
        Condition(
            code="comparison",
            title="A comparison group, measured alike",
            met="met" if compared else "unmet",
            reason=f"{e.comparison_areas} comparison areas, "
            f"{'one instrument' if e.one_instrument else 'another instrument'} in both arms.",
            mend="" if compared else "One instrument for pilot and comparison areas.",
        ),
        Condition(
            code="argued",
            title="The choice of comparison areas is argued",
            met="met" if argued else "unmet",
            reason=argued or "Nobody has written down why they are like the pilots.",
            mend="" if argued else "Say in grade.yaml why comparison areas are like the pilots.",
        ),
        _path(e, short),
        _timing(e),
        _untouched(e),
        _complete(e),
        Condition(
            code="controls",
            title="Nothing moved that the programme cannot move",
            met=_worst([result for result, _ in e.controls]),
            reason=" ".join(said for _, said in e.controls) or "No negative control was named.",
            mend=_controls_mend(e),
        ),
    )


def _path(e: Evidence, short: int) -> Condition:
    result, said = e.trend
    if short:
        more = f"{_periods(short, 'more ')} before the start"
        return Condition(
            code="path",
            title="One path before the start",
            met="cannot tell",
            reason=f"{_periods(e.periods_before)} before the start are too few to show a path.",
            mend=f"{more}.",
        )
    met: Met = "met" if result == "holds" else "unmet" if result == "fails" else "cannot tell"
    mend = "" if met == "met" else "Comparison areas that were on the pilots' path."
    return Condition(
        code="path", title="One path before the start", met=met, reason=said, mend=mend
    )


def _periods(count: int, more: str = "") -> str:
    return f"{count} {more}period{'' if count == 1 else 's'}"


def _timing(e: Evidence) -> Condition:
    return Condition(
        code="timing",
        title="The time of the start was fixed before the result was known",
        met="met" if e.fixed_before else "unmet",
        reason="The analysis was locked before figures of after the start were seen."
        if e.fixed_before
        else "The analysis was not locked before the figures were seen.",
        mend="" if e.fixed_before else "A protocol locked before the first start.",
    )


def _untouched(e: Evidence) -> Condition:
    result, said = e.spillover
    met: Met = "met" if result == "holds" else "unmet" if result == "fails" else "cannot tell"
    mends = {
        "met": "",
        "unmet": "Comparison areas farther away.",
        "cannot tell": "Coordinates of the areas and a ring in the protocol.",
    }
    return Condition(
        code="untouched",
        title="Comparison areas are not touched by the programme",
        met=met,
        reason=said,
        mend=mends[met],
    )


def _complete(e: Evidence) -> Condition:
    share, wanted = percent(100 * e.complete, 0), percent(100 * COMPLETE, 0)
    met = e.complete >= COMPLETE
    return Condition(
        code="complete",
        title="Figures are complete",
        met="met" if met else "unmet",
        reason=Sentence.of("{share} of the cells hold a figure.", share=share),
        mend=""
        if met
        else Sentence.of("Completeness from {share} to {wanted}.", share=share, wanted=wanted),
    )


def _worst(results: list[str]) -> Met:
    if not results:
        return "cannot tell"
    # One control that fails outweighs any number that hold.
    return "unmet" if "fails" in results else "met" if "holds" in results else "cannot tell"


def _controls_mend(e: Evidence) -> str:
    results = [result for result, _ in e.controls]
    if not results:
        return "Name an outcome that the programme cannot move."
    if _worst(results) == "cannot tell":
        return "A control that can see a change of the size in question: of more events, or areas."
    return ""


def _robins(e: Evidence) -> dict[Domain, str]:
    """For each domain of ROBINS-I the figures that bear on it."""
    controls = " ".join(said for _, said in e.controls) or "No negative control was named."
    locked = "locked before the results were seen" if e.fixed_before else "not locked beforehand"
    return {
        "confounding": f"Pilots were chosen thus: {e.how_chosen} {e.trend[1]} {controls}",
        "selection": f"{e.pilot_areas} pilot and {e.comparison_areas} comparison areas; every "
        "eligible area that returned a figure is in.",
        "classification": "Areas and start periods are those declared in the programme; everyone "
        "who lives in an area counts.",
        "deviations": f"{e.deviations} deviations are noted. {e.spillover[1]}",
        "missing data": Sentence.of(
            "{share} of the cells hold a figure.", share=percent(100 * e.complete, 0)
        ),
        "measurement": "Pilots and comparisons are measured by "
        f"{'one instrument' if e.one_instrument else 'two instruments'}; a change of record in "
        "pilots alone cannot be seen.",
        "selective reporting": f"The analysis was {locked}; {e.agree} of {e.others} other "
        "estimators agree, and all are printed.",
    }


def _certainty(e: Evidence) -> dict[str, str]:
    """For each reason of GRADE to rate down the figures that bear on it."""
    reach = "excludes" if e.excludes_none else "includes"
    return {
        "start": "Observational evidence starts at low.",
        "risk of bias": "See the seven domains of ROBINS-I.",
        "inconsistency": f"{e.agree} of {e.others} other estimators agree in sign and lie in the "
        "range of the primary one.",
        "indirectness": "Pilot areas stand for themselves: they were not drawn at random.",
        "imprecision": f"The range {reach} no change, from {e.pilot_areas} pilot areas.",
        "publication": "Every outcome of the protocol is printed, whatever it shows"
        f"{'' if e.fixed_before else '; but no lock says which were chosen beforehand'}.",
    }
