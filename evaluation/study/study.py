"""A study at a vintage: what was declared and locked, what was known, what it is judged against.

Whatever is done with a study (a run, a look, a lock, an edition, a challenge) begins with `Study`.
Its declarations are read when it is loaded; the ledger, the lock and the kept assignments when they
are first needed, and each once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import fingerprint
from evaluation.errors import PanelError, ProtocolError
from evaluation.finance import lines_of, with_money
from evaluation.ledger.ledger import Ledger
from evaluation.panel import Panel, area_table
from evaluation.programme import Programme
from evaluation.protocol import Protocol
from evaluation.quarters import format_instant
from evaluation.returns.form import lineage_of
from evaluation.study.interim_analyses import LookSeries
from evaluation.study.lock import Lock
from evaluation.study.stored_assignments import Store, by_plan

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.estimate.assignments import Assignments
    from evaluation.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class StudyName:
    """``programme/study``, as the command line, files and pages name a study.

    study : ``""`` where a name has no second part, which no folder answers to.
    """

    programme: str
    study: str

    @classmethod
    def parse(cls, text: str) -> StudyName:
        """The two parts of a name; whether there is such a study is asked where it is read."""
        programme, _, study = text.partition("/")
        return cls(programme=programme, study=study)

    def __str__(self) -> str:
        return f"{self.programme}/{self.study}"

    def folder(self, workspace: Workspace) -> Path:
        """Where the study is declared: its protocol, lock, deviations, theory."""
        return workspace.studies / self.programme / self.study

    def results(self, workspace: Workspace) -> Path:
        """Where its results are written."""
        return workspace.results(self.programme, self.study)

    def series(self, workspace: Workspace, series: str) -> Path:
        """Where one series of its looks lies, with the assignments that they are judged by."""
        return workspace.looks(self.programme, self.study) / series


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """A study, as it was declared, locked and known at an instant.

    Attributes
    ----------
    name : ``programme/study``. folder : where it is declared. programme : with the sites of the
        study alone. store : its kept assignments. looks : those taken under these assignments.
    as_of : the instant, inclusive; None for all that the ledger knows.
    given : observations that stand for the ledger's, where a state of an edition brings its own.
    """

    workspace: Workspace
    name: str
    folder: Path
    programme: Programme
    protocol: Protocol
    store: Store
    looks: LookSeries
    as_of: datetime | None = None
    given: pd.DataFrame | None = None

    @classmethod
    def load(cls, workspace: Workspace, name: str, *, as_of: datetime | None = None) -> Study:
        """The declarations of ``programme/study``; the rest is read when it is asked for.

        Where the protocol names its sites, the programme has those alone: a site that joins later
        has a study, assignments and an alpha of its own, and its areas are nobody's comparison.

        Raises
        ------
        ProtocolError : the name has another form, or an outcome or a site of the protocol is not
            the programme's.
        """
        parts = StudyName.parse(name)
        folder = parts.folder(workspace)
        if not parts.study or not folder.is_dir():
            raise ProtocolError(
                f"no study {name!r}.",
                expected="PROGRAMME/STUDY, a folder under studies/",
                where=str(workspace.studies),
            )
        programme, protocol = Programme.load(workspace, parts.programme), Protocol.load(folder)
        where, known = str(folder / "protocol.yaml"), programme.outcome_by_code
        if unknown := [code for code in protocol.outcomes if code not in known]:
            raise ProtocolError(
                f"{parts.programme} has no outcome {unknown[0]!r}.",
                where=where,
                expected=", ".join(known),
            )
        programme = of_sites(programme, protocol.sites, where=where)
        return cls.of(workspace, programme, protocol, as_of=as_of)

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        programme: Programme,
        protocol: Protocol,
        *,
        as_of: datetime | None = None,
    ) -> Study:
        """The study of declarations that were read already."""
        programme = with_known_money(workspace, programme, as_of)
        name = StudyName(programme=programme.name, study=protocol.study)
        series = name.series(workspace, _series(programme, protocol))
        return cls(
            workspace=workspace,
            name=str(name),
            folder=name.folder(workspace),
            programme=programme,
            protocol=protocol,
            store=Store(folder=series),
            looks=LookSeries(folder=series),
            as_of=as_of,
        )

    def at(self, as_of: datetime | None) -> Study:
        """The same study at another vintage; its assignments stay read."""
        programme = with_known_money(self.workspace, self.programme, as_of)
        return replace(self, programme=programme, as_of=as_of, given=None)

    @cached_property
    def lock(self) -> Lock | None:
        """The lock beside the protocol; None where it was never frozen."""
        return Lock.read(self.folder)

    def ledger(self) -> Ledger:
        """The ledger that the study rests on, opened."""
        return Ledger.open(self.workspace.database, self.workspace.raw)

    def blinded(self, *content: object) -> str:
        """A hash that may leave where a bare one could be tried: under the programme's salt."""
        return blinded(self.workspace, self.programme, *content)

    @cached_property
    def observations(self) -> pd.DataFrame:
        """The outcomes of the protocol as they were known: one row a figure, in its last version.

        Figures of areas that the study sets aside are among them.
        """
        if self.given is not None:
            return self.given
        with self.ledger() as ledger:
            return ledger.observations(
                self.programme.name, as_of=self.as_of, outcomes=list(self.protocol.outcomes)
            )

    @cached_property
    def restated(self) -> dict[str, int]:
        """Outcome -> figures of the panel that stand otherwise than they were first sent.

        None are counted where observations were given, which have no earlier versions.
        """
        if self.given is not None:
            return {}
        with self.ledger() as ledger:
            found = ledger.restated(
                self.programme.name, as_of=self.as_of, outcomes=list(self.protocol.outcomes)
            )
        inside = found[found["area_code"].isin(self.panel.areas.index)]
        return {str(code): int(count) for code, count in inside["outcome"].value_counts().items()}

    @cached_property
    def received(self) -> str:
        """The instant at which the newest of these figures came in, or of what was paid."""
        newest = str(self.observations["received"].max())
        codes = [line.code for line in lines_of(self.programme)]
        if self.given is not None or not codes:
            return newest
        # Else what is read back as known then would lack the costs that were known.
        with self.ledger() as ledger:
            paid = ledger.observations(self.programme.name, as_of=self.as_of, outcomes=codes)
        return max([newest, *map(str, paid["received"])])

    @cached_property
    def panel(self) -> Panel:
        """Eligible areas by periods, every outcome of the protocol."""
        vintage = format_instant(self.as_of) if self.as_of else self.received
        return Panel.from_observations(
            self.observations,
            self.programme,
            self.protocol.outcomes,
            vintage=vintage,
            partial=self.protocol.partial or "drop",
        ).eligible()

    @cached_property
    def assignments(self) -> Assignments:
        """The assignments on the panel, for the sites that have started in it.

        Where looks are planned they are drawn once, for every declared site, and kept.
        """
        # Without looks nothing has to be followed, and the panel as it is now may be drawn on.
        if self.protocol.looks is None:
            return by_plan(self.panel, self.protocol.assignments)
        kept = self.store.kept_or_drawn(self.programme, self.protocol, self.panel)
        return kept.on(self.panel).known(self.panel)


def blinded(workspace: Workspace, programme: Programme, *content: object) -> str:
    """A hash of what holds counts, under the programme's salt, which stays in the ledger."""
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        salt = ledger.salt(programme.name)
    return fingerprint.hash_under(salt, list(content))


def _series(programme: Programme, protocol: Protocol) -> str:
    """The name of the folder of a study's looks: one for each plan of assignments and sites."""
    # What makes placebo assignments comparable; a change of any part begins a series of its own
    # instead of breaking one.
    plan = {
        "plan": protocol.assignments.model_dump(mode="json"),
        "sites": [[s.code, s.start.label] for s in programme.sites],
        "pilots": sorted(a.code for a in programme.areas if a.site),
    }
    # A folder's name: 64 bits are more than enough to tell one study's plans apart.
    return fingerprint.of_data(plan)[:16]


def with_known_money(
    workspace: Workspace, programme: Programme, as_of: datetime | None
) -> Programme:
    """The programme with what was paid and taken out as its returns of money told it by then."""
    codes = [line.code for line in lines_of(programme)]
    if not codes or not workspace.has_ledger:
        return programme
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        known = ledger.observations(programme.name, as_of=as_of, outcomes=codes)
    return with_money(programme, known[known["area_code"].isin(programme.site_by_code)])


def of_sites(programme: Programme, sites: tuple[str, ...], *, where: str = "") -> Programme:
    """The programme with some of its sites; the areas of the others are excluded. None: all.

    Raises
    ------
    ProtocolError : the programme has no such site.
    """
    if not sites:
        return programme
    if unknown := [code for code in sites if code not in programme.site_by_code]:
        raise ProtocolError(
            f"{programme.name} has no site {unknown[0]!r}.",
            where=where,
            expected=", ".join(programme.site_by_code),
            mend="mend the list under sites:",
        )
    apart = {"role": "excluded", "site": None, "reason": "a site of another study"}
    # Not a copy of the object, which would keep what the whole programme has cached.
    held = {name: getattr(programme, name) for name in Programme.model_fields}
    return Programme(
        **held
        | {
            "sites": tuple(site for site in programme.sites if site.code in sites),
            "areas": tuple(
                area if area.site is None or area.site in sites else area.model_copy(update=apart)
                for area in programme.areas
            ),
            "costs": tuple(cost for cost in programme.costs if cost.site in sites),
            "planned_costs": tuple(one for one in programme.planned_costs if one.site in sites),
            "taken_out": tuple(one for one in programme.taken_out if one.site in sites),
        }
    )


LONG = [
    *("area_code", "site", "authority", "role", "start_quarter", "quarter", "outcome"),
    *("numerator", "denominator", "value", "status", "received", "return_id"),
]
"""The columns of a long table."""


def long_table(observations: pd.DataFrame, programme: Programme) -> pd.DataFrame:
    """Observations as others read them: one row an area, period and outcome, with the area's role.

    Columns as in `LONG`; ``value`` is in the outcome's unit. Where any figure is no figure of its
    source's own, ``lineage`` says of each whether it is exact, summed or apportioned; where a site
    began inside a period, ``exposure`` the share of it in which it ran.
    """
    if observations.empty:
        raise PanelError(
            "nothing was known then.", where=programme.name, mend="choose a later --as-of"
        )
    areas = area_table(programme, programme.areas)
    table = observations.merge(
        areas[["site", "authority", "role", "start"]], left_on="area_code", right_index=True
    ).rename(columns={"start": "start_quarter"})
    per = table["outcome"].map({o.code: o.per for o in programme.outcomes})
    is_ratio = table["outcome"].map({o.code: o.form == "ratio" for o in programme.outcomes})
    # An outcome in the form of a value has no denominator, and dividing by an empty one would lose
    # it.
    rate = per * table["numerator"] / table["denominator"].where(is_ratio.astype(bool), 1.0)
    table["value"] = rate.where(is_ratio.astype(bool), table["numerator"])
    columns = list(LONG)
    if "exposure" in areas:
        table["exposure"] = table["area_code"].map(areas["exposure"])
        columns += ["exposure"]
    if "note" in table:
        notes = table["note"].fillna("")
        # Millions of figures share a few notes: each is read once.
        table["lineage"] = notes.map({note: lineage_of(note) for note in notes.unique()})
        columns += ["lineage"] * bool(table["lineage"].ne("exact").any())
    return table[columns].sort_values(["outcome", "area_code", "quarter"], ignore_index=True)
