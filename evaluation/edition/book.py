"""The generated pages, family by family, written from the edition through templates."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import yaml

from evaluation.edition import answers, figures, words
from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated, OutcomePage
from evaluation.edition.formats.export import write_downloads
from evaluation.edition.html_tables import link, table
from evaluation.edition.pages import (
    changes,
    evidence,
    for_whom,
    measured,
    money,
    outcomes,
    places,
    quality,
    questions,
)
from evaluation.edition.pages.claim_page import ClaimPages, page_of
from evaluation.edition.pages.claims import Claims, chance
from evaluation.edition.pages.measured import machinery
from evaluation.errors import BookError
from evaluation.study.record import EstimateResult, OutcomeResult, Results, SiteResult
from evaluation.workspace import Workspace


def view(edition: Edition, out: Generated) -> dict[str, Any]:
    """Everything that its template asks for."""
    study = edition.headline
    standing = {one.outcome.code: one for one in evidence.standings(study)}
    strip = [
        {
            "outcome": o,
            "verdict": words.verdict(o.finding),
            "spark": outcomes.spark(OutcomePage(study=study, outcome=o, out=out, root="")),
            "standing": standing.get(o.code),
            "moved": answers.moved(o),
            "href": f"_edition/outcomes/{o.code}.html",
        }
        for o in study.with_role("primary")
    ]
    return {
        "study": study,
        "strip": strip,
        "points": [f"points.{k}" for k, _ in enumerate(answers.main_points(study), start=1)],
        "losses": evidence.losses(study),
        "earns": evidence.earns(study),
        "unknowns": questions.open_questions(edition),
        "gains": money.gains_chart(study, out, ""),
        "agencies": money.agency_table(study.value) if study.value else "",
        "changes": quality.newest_changes(edition),
    }


REAL_BAND = "Real public data: real places, published figures."


class Pages:
    """Writes the pages of one edition into the generated folder."""

    def __init__(self, workspace: Workspace, edition: Edition) -> None:
        self.workspace, self.edition = workspace, edition
        self.out = Generated(workspace.book / "_edition")
        self.claims = Claims(edition)
        self.bands: dict[str, str] = {}
        self.footers: dict[str, str] = {}
        self.families: dict[str, list[dict[str, Any]]] = {}
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
            "chance": chance,
            "edition": edition,
            "table": table,
            "effects": words,
            "link": link,
            "asked": questions,
            "asked_on": questions.on_page,
        }

    def write(self) -> None:
        """Every page, the claims, the bands, and the table of contents."""
        self._front()
        self._outcomes()
        self._sites()
        self._page("money", "money.md.j2", **money.view(self.edition, self.out))
        self._page("editions", "editions.md.j2", **changes.view(self.edition, self.out))
        self._page("data-quality", "quality.md.j2", **quality.view(self.edition, self.out))
        self._page(
            "machinery",
            "machinery.md.j2",
            **machinery(self.edition, self.out),
            **measured.view(self.workspace.book),
            **measured.precision_view(self.workspace.book),
            **measured.neighbourhoods_view(self.workspace.book),
            **measured.inference_cost_view(self.workspace.book, self.out),
            **measured.ledger_size_view(self.workspace.book, self.out),
            **measured.published_view(self.workspace.book),
        )
        self._critics()
        self._cases()
        self._studies()
        self._claims()
        self._page("data-dictionary", "dictionary.md.j2", outcomes=self.edition.outcomes)
        self._page("rules", "rules.md.j2", **quality.rule_pages_view(self.workspace.book, self.out))
        self._decisions()
        self._downloads()
        self._frame()
        self.out.finish()

    def _page(self, page: str, template: str, **content: Any) -> None:
        root = "" if page.startswith("parts/") else "../" * (1 + page.count("/"))
        claim = functools.partial(self.claims.html, root=root)
        text = self._templates.get_template(template).render(**content, claim=claim)
        self.out.text(f"{page}.md", text + "\n")

    def _family(self, name: str, index: str, pages: Sequence[str]) -> None:
        self.families[name] = [_entry(index, [{"file": page} for page in pages])]

    def _front(self) -> None:
        self._page(
            "parts/front",
            "front.md.j2",
            **view(self.edition, self.out),
            **changes.front(self.edition, self.out),
        )

    def _outcomes(self) -> None:
        study, pages = self.edition.headline, []
        order = ("primary", "secondary", "negative_control")
        ordered = sorted(study.outcomes, key=lambda o: order.index(o.role))
        for outcome in ordered:
            name = f"outcomes/{outcome.code}"
            shown = OutcomePage(study=study, outcome=outcome, out=self.out, root="../../")
            self._page(name, "outcome.md.j2", outcome=outcome, seen=outcomes.view(shown, ""))
            pages.append(f"_edition/{name}")
        chart = self._all_outcomes(study, ordered)
        self._page("outcomes/index", "outcomes.md.j2", study=study, outcomes=ordered, chart=chart)
        self._family("outcomes", "_edition/outcomes/index", pages)

    def _all_outcomes(self, study: Results, ordered: Sequence[OutcomeResult]) -> str:
        rows = [
            figures.ForestRow(
                o.plain_title,
                o.finding.effect_percent.plain(),
                o.role == "primary",
                words.effect_with_range(o.finding.effect_percent, words.signed_percent),
            )
            for o in ordered
        ]
        said = "All outcomes fixed for this study, on one scale, whatever they show."
        said += f" {_left_out(rows)}"
        name, kind = f"{study.study}/all-outcomes", "Effects in per cent with ranges"
        return self.out.chart(name, "../../", kind, said, figures.forest, rows, "%") if rows else ""

    def _sites(self) -> None:
        study = self.edition.headline
        ordered = sorted(study.sites, key=lambda site: (site.start, site.code))
        for site in ordered:
            self._page(
                f"sites/{site.code}",
                "site.md.j2",
                study=study,
                site=site,
                rows=_site_outcomes(study, site),
                returns=quality.of_site(self.edition, site.code),
                chart=self._site_chart(study, site),
            )
        self._page("sites/index", "sites.md.j2", study=study, sites=ordered)
        self._family(
            "sites", "_edition/sites/index", [f"_edition/sites/{site.code}" for site in ordered]
        )

    def _site_chart(self, study: Results, site: SiteResult) -> str:
        rows = [
            figures.ForestRow(
                o.plain_title, row, o.role == "primary", words.shown_with_range(e, row)
            )
            for o, e, row in _site_outcomes(study, site)
            if e.scale == "log"
        ]
        if not rows:
            return ""
        said = f"{site.name} alone, {words.counted(site.areas, 'area')}. {_left_out(rows)}"
        if len(rows) < len(_site_outcomes(study, site)):
            said += " Effects that are not in per cent stand in the table."
        name, kind = f"{study.study}/site-{site.code}", "Effects by outcome with ranges, per cent"
        return self.out.chart(name, "../../", kind, said, figures.forest, rows, "%")

    def _critics(self) -> None:
        """The pages behind the ten questions, and those that a critic asks for."""
        edition, study = self.edition, self.edition.headline
        self._page("questions", "questions.md.j2")
        self._page("equity", "equity.md.j2", **for_whom.view(study, self.out))
        self._page("evidence", "evidence.md.j2", **evidence.view(study))
        self._page("unknown", "unknown.md.j2", **questions.view(edition))
        self._page("map", "map.md.j2", **places.view(edition, self.out))
        self._page("chosen", "chosen.md.j2", **places.chosen_view(edition, self.out))
        self._page("deviations", "deviations.md.j2", studies=self.edition.studies)
        self._page("new-site", "new-site.md.j2", **for_whom.new_site_view(study, self.out))

    def _cases(self) -> None:
        pages = []
        for study in self.edition.cases:
            name = f"cases/{study.study}"
            open_data = self.edition.may_be_passed_on(study)
            views = [
                outcomes.view(
                    OutcomePage(study=study, outcome=o, out=self.out, root="../../"),
                    f"{study.study}.",
                    open_data=open_data,
                )
                for o in study.outcomes
            ]
            self._page(
                name,
                "case.md.j2",
                study=study,
                views=views,
                published=outcomes.published_table(study),
            )
            self._banded(f"_edition/{name}", study)
            pages.append(f"_edition/{name}")
        known = measured.published_view(self.workspace.book)
        self._page("cases/index", "cases.md.j2", cases=self.edition.cases, **known)
        self.bands["_edition/cases/index"] = REAL_BAND
        self.footers["_edition/cases/index"] = self._footer(*self.edition.cases)
        self._family("cases", "_edition/cases/index", pages)

    def _studies(self) -> None:
        pages = []
        for study in self.edition.studies:
            name = f"studies/{study.programme}-{study.study}"
            notebook = self._notebook(study)
            below = [{"file": page} for page in (self._case_made(study, name), notebook) if page]
            self._page(
                name,
                "study.md.j2",
                study=study,
                notebook=notebook,
                case_made=len(below) > bool(notebook),
            )
            pages.append(_entry(f"_edition/{name}", below))
            if notebook:
                self._banded(notebook, study)
            self._banded(f"_edition/{name}", study)
        self._page("studies/index", "studies.md.j2", studies=self.edition.studies)
        self.families["studies"] = [_entry("_edition/studies/index", pages)]

    def _case_made(self, study: Results, name: str) -> str | None:
        """The page of the theory and of the attacks; None where no theory is drawn."""
        folder = self.workspace.studies / study.programme / study.study
        seen = evidence.case_made_view(folder, study, self.out)
        if seen["theory"] is None:
            return None
        self._page(f"{name}-case", "case_made.md.j2", **seen)
        self._banded(f"_edition/{name}-case", study)
        return f"_edition/{name}-case"

    def _notebook(self, study: Results) -> str | None:
        """Copy a study's notebook; returns its page, or None where there is none."""
        source = self.workspace.studies / study.programme / study.study / "study.md"
        if not source.is_file():
            return None
        # Not below a folder called studies, which would make the notebook's own folder look like
        # a workspace.
        name = f"_edition/notebooks/{study.programme}-{study.study}"
        text = source.read_text(encoding="utf-8")
        self.out.text(f"{name.removeprefix('_edition/')}.md", _stamped(text, study))
        return name

    def _claims(self) -> None:
        made = ClaimPages(self.workspace, self.edition, self.claims)
        for key in self.claims.headline():
            self._page(
                page_of(key).removeprefix("_edition/"), "claim.md.j2", **made.view(key, self.out)
            )
        self._page("claims/index", "claims.md.j2", listed=made.index(), gone=made.withdrawn())
        self._family(
            "claims", "_edition/claims/index", [page_of(k) for k in self.claims.headline()]
        )

    def _downloads(self) -> None:
        place = self.out.folder / "files/downloads"
        held = write_downloads(self.workspace, self.edition, self.claims, place)
        self.out.adopt(f"files/downloads/{one.name}" for one in held)
        self._page("downloads", "downloads.md.j2", downloads=held)

    def _decisions(self) -> None:
        found = sorted((self.workspace.book / "decisions").glob("*.md"))
        listed = [
            {"page": path.stem, "title": _title(path.read_text(encoding="utf-8"), path.stem)}
            for path in found
        ]
        self._page("decisions", "decisions.md.j2", decisions=listed)
        self._family("decisions", "_edition/decisions", [f"decisions/{p.stem}" for p in found])

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
            "footer": self._footer(edition.headline),
            "footers": self.footers,
            "bands": self.bands,
            "band": words.SYNTHETIC if edition.headline.synthetic else "",
        }
        self.out.text("book.json", json.dumps(book, indent=1, sort_keys=True))
        self.out.text("claims.json", json.dumps(self.claims.as_json(), indent=1, sort_keys=True))
        frame = yaml.safe_load((self.workspace.book / "_toc.yml").read_text(encoding="utf-8"))
        for part in frame["parts"]:
            part["chapters"] = [
                filled
                for chapter in part["chapters"]
                for filled in self.families.get(chapter.get("generated"), [chapter])
            ]
        self.out.text("toc.yml", yaml.safe_dump(frame, sort_keys=False))


def _entry(page: str, below: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A line of the table of contents, which takes no empty list of pages below."""
    return {"file": page} | ({"sections": list(below)} if below else {})


def _left_out(rows: Sequence[figures.ForestRow]) -> str:
    """Which of the effects have a range without zero, if ranges can be given."""
    if all(row.figure["low"] is None or row.figure["high"] is None for row in rows):
        return "Re-drawn start dates can give none of these a range: read them as single guesses."
    clear = [words.within(row.label) for row in rows if words.leaves_out_zero(row.figure)]
    said = f"Ranges that leave out nought: {words.listed(clear) or 'none'}."
    without = [words.within(r.label) for r in rows if r.figure["low"] is None is r.figure["high"]]
    return f"{said} No range can be given for: {words.listed(without)}." if without else said


def _site_outcomes(
    study: Results, site: SiteResult
) -> list[tuple[OutcomeResult, EstimateResult, dict[str, Any]]]:
    found = []
    for outcome in study.outcomes:
        for row in outcome.estimate.site:
            if row.site == site.code and row.effect is not None:
                shown = words.shown(outcome.estimate, row)
                found.append((outcome, outcome.estimate, shown))
    return found


def _stamped(text: str, study: Results) -> str:
    """The notebook with a hidden first cell that names its results.

    The execution cache knows a notebook by its cells alone; with the fingerprints in a cell, new
    data or new code run it again.
    """
    prints = [one[:16] for one in study.fingerprints().values()]
    cell = f"```{{code-cell}} ipython3\n:tags: [remove-cell]\n\n# results {' '.join(prints)}\n```\n"
    head, fence, rest = text.partition("\n---\n")
    if not text.startswith("---\n") or "file_format: mystnb" not in head:
        raise BookError(
            "the study's text is no notebook.",
            where=f"{study.programme}/{study.study}/study.md",
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
    return next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), name)


def write(workspace: Workspace, edition: Edition) -> Mapping[str, str]:
    """Write the generated pages; returns the bands, by page."""
    pages = Pages(workspace, edition)
    pages.write()
    return pages.bands
