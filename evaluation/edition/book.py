"""The generated pages, family by family, written from the edition through templates."""

from __future__ import annotations

import functools
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from evaluation import fingerprint
from evaluation.edition import answers, shape, words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated, OutcomePage
from evaluation.edition.formats.export import write_downloads
from evaluation.edition.html_tables import Cell, link, table
from evaluation.edition.pages import (
    at_once,
    changes,
    charted_months,
    evidence,
    for_whom,
    learning,
    measured,
    money,
    outcomes,
    people,
    places,
    quality,
    questions,
)
from evaluation.edition.pages.claim_page import ClaimPages, page_of
from evaluation.edition.pages.claims import Claims
from evaluation.edition.pages.measured import machinery
from evaluation.errors import BookError
from evaluation.study.code import figures_fingerprint, source_fingerprint
from evaluation.study.record import Results, SiteResult
from evaluation.wording import half_away
from evaluation.workspace import Workspace, package, packaged_book, packaged_tutorial


def _front(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that the template of the front page asks for."""
    study = edition.headline
    return {
        "study": study,
        "main": study.with_role("primary"),
        "chart": at_once.front_chart(study, out),
        "sites": at_once.sites_chart(study, out),
        "how_many": answers.how_many(study),
        "undone": answers.undone_briefly(study),
        "ten": questions.QUESTIONS,
        **changes.front(edition),
    }


FOR_PROGRAMS = (".parquet", ".json")
"""Files that stand in the annex alone: the same again, as programs read it."""
_OTHER_DOCS = re.compile(r"\[([^\]]+)\]\(\.\./([\w-]+\.md)\)")
REAL_BAND = "Real public data: real places, published figures."


OF_THE_EDITION = ("changes", "revisions")
"""Charts of the programme that the edition is about, beside those of each study."""


def _under_charts(edition: Edition) -> dict[str, tuple[str, ...]]:
    """What stands in each chart of a programme, for whoever meets the chart alone."""
    said: dict[str, tuple[str, ...]] = {}
    for study in edition.studies:
        source = f"Source: evaluation of {edition.programmes[study.programme].title}."
        lines = (words.SYNTHETIC, source) if study.synthetic else (source,)
        said[study.study] = lines
        if study is edition.headline:
            said |= dict.fromkeys(OF_THE_EDITION, lines)
    return said


class Pages:
    """Writes the pages of one edition into the generated folder."""

    def __init__(self, workspace: Workspace, edition: Edition) -> None:
        self.workspace, self.edition = workspace, edition
        self.out = Generated(workspace.book / "_edition")
        self.out.below = _under_charts(edition)
        self.claims = Claims(edition)
        self.learned = learning.known(workspace, edition)
        self.bands: dict[str, str] = {}
        self.footers: dict[str, str] = {}
        self._written: list[tuple[str, str]] = []
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("evaluation.edition"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.do"],
        )
        self._templates.globals |= {
            "claim": self.claims.html,
            "words": words,
            "answers": answers,
            "chance": words.chance,
            "edition": edition,
            "table": table,
            "effects": words,
            "link": link,
            "asked": questions,
            "asked_on": questions.on_page,
        }

    def write(self) -> None:
        """Every page, the claims, the bands, and the table of contents."""
        self._shell()
        self._main()
        self._sites()
        self._outcomes()
        self._cases()
        self._studies()
        self._tutorial()
        self._claims()
        self._reference()
        self._page("annex/index", "annex.md.j2", parts_of_annex=self._parts())
        self._frame()
        self.out.finish()

    def _page(self, page: str, template: str, **content: Any) -> None:
        root = "../" * page.count("/")
        claim = functools.partial(self.claims.html, root=root)
        text = self._templates.get_template(template).render(**content, claim=claim) + "\n"
        self._text(page, text)

    def _text(self, page: str, text: str) -> None:
        annex = page.startswith(shape.ANNEX)
        self.out.text(f"{page}.md", shape.annexed(page, text) if annex else text)
        self._written.append((page, _title(text, page)))

    def _shell(self) -> None:
        """How the book is drawn lies beside its pages, as Jupyter Book asks for."""
        for name in shape.SHELL:
            held = self.workspace.book / name
            for path in [held, *held.rglob("*")]:
                if path.is_file() and "__pycache__" not in path.parts:
                    self.out.copy(path.relative_to(self.workspace.book).as_posix(), path)

    def _main(self) -> None:
        """The main pages; those of single sites stand apart."""
        edition, study, out = self.edition, self.edition.headline, self.out
        decided = learning.next_decision(self.learned, questions.next_edition(edition))
        self._page("index", "index.md.j2", **_front(edition, out), decided=decided)
        self._page("lives", "lives.md.j2", **self._lives())
        self._page(
            "people",
            "people.md.j2",
            **people.view(study, out),
            not_asked=questions.not_asked(edition),
        )
        accounts = money.view(edition, out)
        self._page("money", "money.md.j2", **accounts)
        if study.value is not None:
            self._page("annex/all-money", "all-money.md.j2", **accounts)
        by_fifth = for_whom.view(study, out)
        self._page("for-whom", "for-whom.md.j2", **by_fifth)
        learned = learning.view(self.learned, edition, self.claims, out)
        asked = questions.view(edition)
        self._page("learning", "learning.md.j2", **asked, **learned)
        if self.learned and self.learned.charts:
            drawn = charted_months.view(self.learned, edition.programme, out)
            self._page("annex/practice-charts", "practice-charts.md.j2", **drawn)
        undone = evidence.view(study) | places.chosen_view(edition, out)
        undone |= for_whom.new_site_view(study, out)
        self._page("undo", "undo.md.j2", **undone, objections=self._written_text("objections"))
        behind = {"detectable": asked["detectable"], "fifths": by_fifth["fifths"]}
        self._page("annex/how-sure", "how-sure.md.j2", **undone, **behind)
        changed = changes.view(edition, out)
        self._page("changes", "changes.md.j2", **changed)
        self._page("annex/update-log", "update-log.md.j2", **changed)
        out.binary("files/card.png", at_once.card(edition.programme.title, edition.quarter, study))
        place = out.folder / "files/downloads"
        decisions = learning.decisions_of(self.learned, edition)
        held = write_downloads(self.workspace, edition, self.claims, place, decisions)
        out.adopt(f"files/downloads/{one.name}" for one in held)
        kept = quality.view(edition, out)
        offered = [one for one in held if Path(one.name).suffix not in FOR_PROGRAMS]
        self._page("data", "data.md.j2", **kept, offered=offered)
        self._page("annex/returns", "returns.md.j2", **kept, downloads=held)
        self._page("how", "how.md.j2", study=study, reading=self._written_text("how-to-read"))

    def _written_text(self, name: str) -> str:
        """A text that a person wrote, one level down, to stand in a page of the edition."""
        own = self.workspace.book / f"{name}.md"
        held = own if own.is_file() else packaged_book() / own.name
        text = shape.body(held.read_text(encoding="utf-8"))
        return f"\n{text}".replace("\n## ", "\n### ").lstrip()

    def _lives(self) -> dict[str, Any]:
        """All outcomes on one page, a fold each."""
        study = self.edition.headline
        ordered = at_once.ordered(self.edition.headline)
        shown = [
            outcomes.fold(OutcomePage(study=study, outcome=one, out=self.out, root=""))
            for one in ordered
        ]
        chart = at_once.outcomes_chart(study, self.out)
        return {"study": study, "outcomes": ordered, "shown": shown, "chart": chart}

    def _outcomes(self) -> None:
        study = self.edition.headline
        for outcome in at_once.ordered(self.edition.headline):
            shown = OutcomePage(study=study, outcome=outcome, out=self.out, root="../../")
            seen = outcomes.view(shown, "")
            self._page(
                f"annex/outcomes/{outcome.code}", "outcome.md.j2", outcome=outcome, seen=seen
            )

    def _reference(self) -> None:
        """What whoever checks, sends or carries on looks up."""
        book = self.workspace.book
        self._page(
            "annex/machinery",
            "machinery.md.j2",
            **machinery(self.edition, self.out),
            **measured.view(book),
            **measured.precision_view(book),
            **measured.neighbourhoods_view(book),
            **measured.inference_cost_view(book, self.out),
            **measured.ledger_size_view(book, self.out),
            **measured.published_view(book),
        )
        study = self.edition.headline
        self._page(
            "annex/explore",
            "explore.md.j2",
            effects=at_once.every_effect(study),
            source=" ".join(self.out.below.get(study.study, ())),
            looked=any(one.finding.looked is not None for one in study.outcomes),
        )
        self._page("annex/feedback", "feedback.md.j2", **questions.feedback_view(self.edition))
        self._page("annex/dictionary", "dictionary.md.j2", outcomes=self.edition.outcomes)
        self._page("annex/protected", "protected.md.j2", **quality.protected_view(self.edition))
        self._page("annex/rules", "rules.md.j2", **quality.rule_pages_view(book, self.out))
        self._decisions()
        for name in shape.WRITTEN:
            held = book / f"{name}.md"
            # One begun elsewhere has no page about this repository's own cases.
            if held.is_file():
                self._text(f"annex/{name}", held.read_text(encoding="utf-8"))

    def _parts(self) -> list[dict[str, Any]]:
        """The parts of the annex and their pages: one where the part has a first page."""
        found = []
        for part in shape.PARTS:
            pages = [one for one in self._written if one[0].startswith(part.begins)]
            if part.first:
                pages = [one for one in pages if one[0] == part.first]
            if pages and part.begins != "annex/index":
                found.append({"part": part, "pages": pages})
        return found

    def _sites(self) -> None:
        study = self.edition.headline
        ordered = sorted(study.sites, key=lambda site: (site.start, site.code))
        for site in ordered:
            here = _site_outcomes(study, site)
            self._page(
                f"sites/{site.code}",
                "site.md.j2",
                study=study,
                site=site,
                rows=here,
                returns=quality.of_site(self.edition, site.code),
                chart=at_once.site_chart(study, site, here, self.out),
                practised=learning.of_site(self.learned, site.code),
            )
        self._page(
            "sites",
            "sites.md.j2",
            study=study,
            sites=self._site_rows(ordered),
            main=[o.plain_title for o in study.with_role("primary")],
            practised=bool(self.learned and self.learned.strips),
            chart=at_once.sites_chart(study, self.out),
        )

    def _site_rows(self, ordered: Sequence[SiteResult]) -> list[list[Cell]]:
        """One row a site: name, start, model, cost a resident, practice, changes, main effects."""
        study, codes = self.edition.headline, [site.code for site in ordered]
        strips = learning.strips(self.learned, codes)
        rows: list[list[Cell]] = []
        for site in ordered:
            row: list[Cell] = [link(f"sites/{site.code}.html", site.name), site.start, site.about]
            row.append(self._cost_a_resident(site.code))
            row += [strips[site.code]] if self.learned and self.learned.strips else []
            row.append(learning.changes_at(self.learned, site.code))
            here = {o.code: (on, effect) for o, on, effect in _site_outcomes(study, site)}
            row += [
                words.effect_at(site.code, o, *here[o.code]) if o.code in here else "not shown"
                for o in study.with_role("primary")
            ]
            rows.append(row)
        return rows

    def _cost_a_resident(self, site: str) -> str:
        """What a site cost to date over the people who live in its areas; where both are known."""
        value = self.edition.headline.value
        paid = {one.site: one.amount for one in value.site_costs} if value else {}
        living = [a.population for a in self.edition.programme.areas if a.site == site]
        people = sum(one or 0 for one in living)
        if site not in paid or not people or None in living:
            return "not known"
        return f"£{half_away(paid[site] / people):,.0f}"

    def _cases(self) -> None:
        for study in self.edition.cases:
            name = f"annex/cases/{study.study}"
            open_data = self.edition.may_be_passed_on(study)
            views = [
                outcomes.view(
                    OutcomePage(study=study, outcome=o, out=self.out, root="../../"),
                    f"{study.study}.",
                    open_data=open_data,
                )
                for o in study.outcomes
            ]
            published = outcomes.published_table(study)
            self._page(name, "case.md.j2", study=study, views=views, published=published)
            self._banded(name, study)
        known = measured.published_view(self.workspace.book)
        index = "annex/cases/index"
        self._page(index, "cases.md.j2", cases=self.edition.cases, **known)
        self.bands[index] = REAL_BAND
        self.footers[index] = self._footer(*self.edition.cases)

    def _studies(self) -> None:
        for study in self.edition.studies:
            name = f"annex/records/{study.programme}-{study.study}"
            notebook, made = self._notebook(study), self._case_made(study, name)
            self._page(
                name, "study.md.j2", study=study, notebook=notebook, case_made=made is not None
            )
            for page in (name, notebook, made):
                if page:
                    self._banded(page, study)
        self._page("annex/records/index", "studies.md.j2", studies=self.edition.studies)

    def _case_made(self, study: Results, name: str) -> str | None:
        """The page of the theory and of the attacks; None where no theory is drawn."""
        folder = self.workspace.studies / study.programme / study.study
        seen = evidence.case_made_view(folder, study, self.out)
        if seen["theory"] is None:
            return None
        self._page(f"{name}-case", "case_made.md.j2", **seen)
        return f"{name}-case"

    def _notebook(self, study: Results) -> str | None:
        """Copy a study's notebook; returns its page, or None where there is none to be shown.

        A notebook opens the panel, whose figures of single areas it may print: it is shown where
        they are open data, and stays inside elsewhere.
        """
        source = self.workspace.studies / study.programme / study.study / "study.md"
        if study.programme not in self.edition.open_data or not source.is_file():
            return None
        # Not below a folder called studies, which would make the notebook's own folder look like
        # a workspace.
        name = f"annex/notebooks/{study.programme}-{study.study}"
        self._text(name, _stamped(source.read_text(encoding="utf-8"), study))
        return name

    def _tutorial(self) -> None:
        """The tutorial's notebooks, where the real cases are: they read the same packages.

        Their text is the package's own, never the workspace's: so nothing that a programme holds is
        opened there.
        """
        if not shape.has_tutorial(self.edition):
            return
        for path in sorted(packaged_tutorial().glob("*.md")):
            text = _OTHER_DOCS.sub(r"\1 (`docs/\2`)", path.read_text(encoding="utf-8"))
            name = f"{shape.TUTORIAL}{'index' if path.stem == 'README' else path.stem}"
            if path.stem != "README":
                text = _marked(text, f"code {tutorial_code()[:16]}", path.name)
            self._text(name, text)
            self.bands[name], self.footers[name] = REAL_BAND, self._footer()

    def _claims(self) -> None:
        made = ClaimPages(self.workspace, self.edition, self.claims)
        for key in self.claims.headline():
            self._page(page_of(key), "claim.md.j2", **made.view(key, self.out))
        index = {"listed": made.index(), "gone": made.withdrawn()}
        self._page("annex/claims/index", "claims.md.j2", **index)

    def _decisions(self) -> None:
        listed = []
        for path in sorted((self.workspace.book / "decisions").glob("*")):
            if path.suffix == ".md":
                text = path.read_text(encoding="utf-8")
                self._text(f"annex/decisions/{path.stem}", text)
                listed.append({"page": path.stem, "title": _title(text, path.stem)})
            elif path.is_file():
                self.out.copy(f"annex/decisions/{path.name}", path)
        self._page("annex/decisions/index", "decisions.md.j2", decisions=listed)

    def _banded(self, page: str, study: Results) -> None:
        self.bands[page] = words.SYNTHETIC if study.synthetic else REAL_BAND
        self.footers[page] = self._footer(study)

    def _footer(self, *studies: Results) -> str:
        """Which edition, and the day on which the data of a page's own studies were known."""
        known = list(dict.fromkeys(words.day(study.vintage) for study in studies))
        of_day = f" Data as known on {words.listed(known)}." if known else ""
        return f"Edition {self.edition.quarter}.{of_day}"

    def _frame(self) -> None:
        edition = self.edition
        book = {
            "title": edition.programme.title,
            "says": edition.headline.question,
            "footer": self._footer(edition.headline),
            "footers": self.footers,
            "bands": self.bands,
            "band": words.SYNTHETIC if edition.headline.synthetic else "",
        }
        self.out.text("book.json", json.dumps(book, indent=1, sort_keys=True))
        self.out.text("claims.json", json.dumps(self.claims.as_json(), indent=1, sort_keys=True))
        sites = [page.removeprefix(shape.SITE) for page, _ in self._written if _of_site(page)]
        self.out.text("_toc.yml", yaml.safe_dump(shape.contents(sites), sort_keys=False))


def _of_site(page: str) -> bool:
    return page.startswith(shape.SITE)


def _site_outcomes(study: Results, site: SiteResult) -> list[at_once.SiteOutcome]:
    """The effect on each outcome at one site, in per cent, with what it is shown on."""
    found = []
    for outcome in study.outcomes:
        for row in outcome.estimate.site:
            if row.site == site.code and row.effect is not None:
                shown = words.compared(outcome, row)
                found.append(at_once.SiteOutcome(outcome, words.compared_on(outcome), shown))
    return found


def _stamped(text: str, study: Results) -> str:
    """The notebook with a hidden first cell that names its results.

    The execution cache knows a notebook by its cells alone; with the fingerprints in a cell, new
    data or new code run it again.
    """
    prints = [one[:16] for one in study.fingerprints().values()]
    return _marked(text, f"results {' '.join(prints)}", f"{study.programme}/{study.study}/study.md")


def tutorial_code() -> str:
    """SHA-256 over the code that the tutorial's cells go through."""
    drawn = source_fingerprint(package() / "drawing")
    return fingerprint.of_data([figures_fingerprint(), drawn])


def _marked(text: str, mark: str, where: str) -> str:
    """A notebook with a hidden first cell that holds a mark."""
    cell = f"```{{code-cell}} ipython3\n:tags: [remove-cell]\n\n# {mark}\n```\n"
    head, fence, rest = text.partition("\n---\n")
    if not text.startswith("---\n") or "file_format: mystnb" not in head:
        raise BookError(
            "the text is no notebook.",
            where=where,
            expected="a first block between --- lines with file_format: mystnb and its kernel",
        )
    before, title, after = _split_at_title(rest)
    return f"{head}{fence}{before}{title}\n{cell}{after}"


def _split_at_title(text: str) -> tuple[str, str, str]:
    """What is before the first heading, the heading's line, and what follows it."""
    lines = text.splitlines(keepends=True)
    place = next((k for k, line in enumerate(lines) if line.startswith("# ")), -1)
    return (
        "".join(lines[: max(place, 0)]),
        lines[place] if place >= 0 else "",
        "".join(lines[place + 1 :]),
    )


def _title(text: str, name: str) -> str:
    """A page's own heading, as it is read: templates write it in HTML."""
    held = (line[2:].strip() for line in text.splitlines() if line.startswith("# "))
    return html.unescape(next(held, name))


def write(workspace: Workspace, edition: Edition) -> Mapping[str, str]:
    """Write the generated pages; returns the bands, by page."""
    pages = Pages(workspace, edition)
    pages.write()
    return pages.bands
