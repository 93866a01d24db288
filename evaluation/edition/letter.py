"""The letter to a site: one page a quarter, in plain words, in English or Welsh.

It says what the site sent, what moved in its own areas with the range, what cannot be told and
when, what other sites tried, and asks one question. No other site's figure stands in it, no rank
and no scale of colours. Its words are those of the catalogue (`evaluation.edition.letter_words`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2

from evaluation.edition import answers, words
from evaluation.edition.letter_words import Said, Speaker
from evaluation.edition.pages.learning import known as learned_of
from evaluation.errors import BookError
from evaluation.learning.practice import Delivery, SitePeriod, latest
from evaluation.ledger.calendar import calendar, due
from evaluation.quarters import Period, parse_instant
from evaluation.returns.monthly import counted
from evaluation.wording import apart_digits, percent_digits

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition
    from evaluation.programme import Programme, Site
    from evaluation.study.learned import Learned
    from evaluation.study.record import EffectRow, OutcomeResult, Results
    from evaluation.workspace import Workspace

# So many entries of other sites: a letter is one page.
MOST_SHARED = 3
# In per cent: a range with less than this at its lower end has no limit there (`release.scale`).
_ALL_OF_IT = -99.9


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the letter: its heading and its sentences."""

    heading: Said
    sentences: tuple[Said, ...]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter as it is printed."""

    language: str
    title: Said
    head: tuple[Said, ...]
    parts: tuple[Part, ...]
    foot: tuple[Said, ...]
    translated_by: str
    instant: int


def letter(
    workspace: Workspace, edition: Edition, site: str, quarter: Period, *, language: str = "en"
) -> Letter:
    """The letter to a site about a quarter.

    Raises
    ------
    BookError : the programme has no such site, the results are of another quarter, or there is no
        catalogue in the language.
    """
    speaker, study = Speaker.of(language), edition.headline
    known = edition.programme.site_by_code
    if site not in known:
        raise BookError(f"{edition.programme.name} has no site {site}.", expected=", ".join(known))
    if quarter.label != study.sample.last:
        raise BookError(
            f"the results that there are go up to {study.sample.last}, and the letter is asked "
            f"for {quarter.label}.",
            expected=study.sample.last,
            mend="ask for that quarter, or run the study once the returns of this one are in",
        )
    found = learned_of(workspace, edition)
    if found is None:
        raise BookError(
            f"what {study.programme}/{study.study} has learned is not at hand.",
            expected="the study's protocol.yaml beside its results",
        )
    writer = _Writer(
        speaker=speaker,
        programme=edition.programme,
        study=study,
        site=known[site],
        quarter=quarter,
        learned=found,
        counts=_latest_counts(edition, site),
        sent=_sent(edition, site, quarter),
    )
    return writer.letter()


def _latest_counts(edition: Edition, site: str) -> dict[str, float]:
    """Outcome -> events, or people at a time, in the site's areas in the last quarter, as printed.

    None of a count that is hidden.
    """
    study = edition.headline
    made = edition.released[f"{study.programme}/{study.study}"]
    found = {}
    for one in study.with_role("primary"):
        count = made.counts.get((one.code, site, study.sample.last))
        if count is not None and count.printed is not None:
            found[one.code] = float(count.printed)
    return found


class _Sent(NamedTuple):
    """How many returns of a site came for a quarter and its months, and agencies that lack one."""

    came: int
    lacking: tuple[str, ...]


def _sent(edition: Edition, site: str, quarter: Period) -> _Sent:
    programme = edition.programme
    agencies = programme.site_by_code[site].agencies
    came = {
        (one["agency"], one["quarter"])
        for one in edition.receipts
        if one["site"] == site
        and one["agency"] in agencies
        and counted(Period.parse(one["quarter"]), programme) == quarter
    }
    today = parse_instant(edition.headline.vintage).date()
    lacking = {
        one.agency
        for one in calendar(programme, edition.receipts, today)
        if (one.site, one.received) == (site, None) and counted(one.quarter, programme) == quarter
    }
    named = (programme.agencies.get(one, one) for one in agencies if one in lacking)
    return _Sent(came=len(came), lacking=tuple(named))


@dataclass(frozen=True, kw_only=True)
class _Writer:
    speaker: Speaker
    programme: Programme
    study: Results
    site: Site
    quarter: Period
    learned: Learned
    counts: dict[str, float]
    sent: _Sent

    def letter(self) -> Letter:
        """All of it, in the order in which it is read."""
        say, study = self.speaker.say, self.study
        known = parse_instant(study.vintage)
        parts = (
            ("head_told", self._told()),
            ("head_moved", self._moved()),
            ("head_cannot", self._cannot()),
            ("head_others", self._others()),
            ("head_question", [self._question()]),
        )
        head = [say("written", day=self.speaker.day(known.date()))]
        if study.synthetic:
            head.append(say("invented"))
        return Letter(
            language=self.speaker.language,
            title=say("title", site=self.site.name, quarter=self.speaker.quarter(self.quarter)),
            head=tuple(head),
            parts=tuple(Part(heading=say(name), sentences=tuple(s)) for name, s in parts),
            foot=(say("foot"),),
            translated_by=self.speaker.held.languages[self.speaker.language].translated_by,
            instant=int(known.timestamp()),
        )

    def _told(self) -> Iterator[Said]:
        missing = self.sent.lacking
        yield self.speaker.say(
            "returns", n=self.sent.came, quarter=self.speaker.quarter(self.quarter)
        )
        if missing:
            yield self.speaker.say("missing", n=len(missing), names=", ".join(missing))
        if self.learned.practice is not None:
            yield self.speaker.say(_PRACTICE[latest(self.learned.strips, self.site.code)])
        if inside := self.learned.changed_inside.get(self.site.code):
            yield self.speaker.say("changes", n=len(inside))

    def _moved(self) -> Iterator[Said]:
        told = [said for one in self.study.with_role("primary") for said in self._of_outcome(one)]
        if not told:
            yield self.speaker.say("nothing_yet")
            return
        yield from told
        areas = next(one.areas for one in self.study.sites if one.code == self.site.code)
        yield self.speaker.say("areas", n=areas)

    def _of_outcome(self, one: OutcomeResult) -> Iterator[Said]:
        row = next((row for row in one.estimate.site if row.site == self.site.code), None)
        if row is None:
            return
        change = _percent(one, row)
        if change is None:
            yield self.speaker.of_outcome("no_range", one.code, one.plain_title)
            return
        yield self.speaker.of_outcome(
            _side(change, "fell", "rose", "either"),
            one.code,
            one.plain_title,
            **_ends(change, _percentage),
        )
        count = self.counts.get(one.code)
        # A range that ends where everything is gone says nothing of how many there were.
        if count and change[0] > _ALL_OF_IT:
            # What would have been is what came over one plus the change.
            people = tuple(count * (1 - 1 / (1 + end / 100)) for end in change)
            said = _side(change, "people_fewer", "people_more", "people_either")
            # A stock is so many at any one time: no period adds to it.
            when = f"a_{self.study.period_word}" if one.kind == "flow" else "at_a_time"
            yield self.speaker.say(
                f"{said}_{when}", people=one.people, **_ends((people[0], people[1]), _people)
            )

    def _cannot(self) -> Iterator[Said]:
        main = {one.code for one in self.study.with_role("primary")}
        unknown = [one for one in answers.unknowns(self.study) if one.code in main]
        for one in unknown:
            yield self.speaker.of_outcome("open_outcome", one.code, one.plain_title)
        if not unknown:
            yield self.speaker.say("all_told")
        following = due(self.quarter + 1, self.programme).date()
        yield self.speaker.say("next_look", day=self.speaker.day(following))

    def _others(self) -> Iterator[Said]:
        held = [
            one.held.entry
            for one in self.learned.entries
            if one.held.entry.shared and one.held.entry.site not in ("", self.site.code)
        ]
        for entry in held[-MOST_SHARED:]:
            # As it was written: nobody translates another's words unasked.
            mark = self.speaker.say("in_english").text
            yield Said(text=f"{entry.what}: {entry.why}", language="en", mark=mark)
        if not held:
            yield self.speaker.say("none_shared")

    def _question(self) -> Said:
        """The first that applies: what is missing, below its floor, open, or a surprise."""
        if self.sent.lacking:
            return self.speaker.say("question_missing")
        own = [one for one in self.learned.strips if one.site == self.site.code]
        if own and (below := _below(own[-1:])):
            title = self.programme.outcome_by_code[below].plain_title
            return self.speaker.say("question_component", title=title)
        for one in self.learned.entries:
            entry = one.held.entry
            over = entry.by_when and Period.parse(entry.by_when) <= self.quarter
            if entry.site == self.site.code and over and not one.outcomes:
                return self.speaker.say("question_entry", what=entry.what)
        return self.speaker.say("question_surprise")


_PRACTICE = {
    Delivery.AS_DESIGNED: "practice_as_designed",
    Delivery.PARTLY: "practice_partly",
    Delivery.NOT: "practice_not",
    Delivery.NOT_KNOWN: "practice_not_known",
    Delivery.NOT_DUE: "practice_not_due",
}


def _below(last: Sequence[SitePeriod]) -> str:
    """The first component that does not reach its floor; "" where all do."""
    for one in last:
        for cell in one.cells:
            if cell.state is Delivery.NOT:
                return cell.component.figure
    return ""


def _percent(one: OutcomeResult, row: EffectRow) -> tuple[float, float] | None:
    """A site's range in per cent of what would have been, as the book has it."""
    shown = words.compared(one, row)
    if words.tick_unit(words.compared_on(one)) != "%" or None in (shown["low"], shown["high"]):
        return None
    return shown["low"], shown["high"]


def _side(change: tuple[float, float], fell: str, rose: str, either: str) -> str:
    low, high = change
    return fell if high < 0 else rose if low > 0 else either


def _ends(ends: tuple[float, float], say: Callable[[float], str]) -> dict[str, Any]:
    """The ends as a sentence asks for them, without signs."""
    low, high = (say(abs(end)) for end in ends)
    small, large = map(say, sorted((abs(ends[0]), abs(ends[1]))))
    return {"fewer": low, "more": high, "small": small, "large": large}


def _percentage(value: float) -> str:
    """An end in the book's digits, without sign and without the per cent that its sentence has."""
    return words.number(value, percent_digits(value))


def _people(value: float) -> str:
    """People to two significant figures; never as 0 where the sentence says which way it went."""
    shown = words.rounded(value)
    return words.number(shown) if shown else words.number(value, apart_digits(value, (0.0,), 0))


def as_html(made: Letter) -> str:
    """The letter as a page of its own, without anything from elsewhere."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluation.edition"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("letter.html.j2").render(letter=made) + "\n"


def as_pdf(made: Letter) -> bytes:
    """The letter as a tagged PDF of one page, by typst."""
    from evaluation.edition.formats.briefing import SIZES, compiled, pages_of

    source = resources.files("evaluation.edition.formats") / "letter.typ"
    with tempfile.TemporaryDirectory(prefix="newstart-letter-") as folder:
        place = Path(folder)
        (place / "letter.typ").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
        for size in SIZES:
            content = json.dumps(asdict(made) | {"size": size}, ensure_ascii=False)
            (place / "letter.json").write_text(content, encoding="utf-8")
            pdf = compiled(place, "letter", made.instant)
            # The largest letters with which it stays one page.
            if pages_of(pdf) == 1:
                break
        return pdf
