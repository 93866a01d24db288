"""What a study reads: its programme and protocol, its panel of a vintage, and that as a table."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from evaluation.errors import PanelError, ProtocolError
from evaluation.panel import Panel, area_table
from evaluation.programme import Programme
from evaluation.protocol import Protocol
from evaluation.quarters import format_instant

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.workspace import Workspace


def load_study(workspace: Workspace, name: str) -> tuple[Programme, Protocol]:
    """The programme and protocol of ``programme/study``.

    Where the protocol names its sites, the programme has those alone: a site that joins later has a
    study, assignments and an alpha of its own, and its areas are nobody's comparison.

    Raises
    ------
    ProtocolError : the name has another form, or an outcome or a site of the protocol is not the
        programme's.
    """
    programme_name, _, study = name.partition("/")
    folder = workspace.studies / programme_name / study
    if not study or not folder.is_dir():
        raise ProtocolError(
            f"no study {name!r}.",
            expected="PROGRAMME/STUDY, a folder under studies/",
            where=str(workspace.studies),
        )
    programme, protocol = Programme.load(workspace, programme_name), Protocol.load(folder)
    known = programme.outcome_by_code
    if unknown := [code for code in protocol.outcomes if code not in known]:
        raise ProtocolError(
            f"{programme_name} has no outcome {unknown[0]!r}.",
            where=str(folder / "protocol.yaml"),
            expected=", ".join(known),
        )
    return of_sites(programme, protocol.sites, where=str(folder / "protocol.yaml")), protocol


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
        }
    )


def study_panel(
    programme: Programme, protocol: Protocol, observations: pd.DataFrame, as_of: datetime | None
) -> Panel:
    """The panel of a study: eligible areas, every outcome of the protocol."""
    vintage = format_instant(as_of) if as_of else str(observations["received"].max())
    return Panel.from_observations(
        observations, programme, protocol.outcomes, vintage=vintage
    ).eligible()


def long_table(observations: pd.DataFrame, programme: Programme) -> pd.DataFrame:
    """Observations as others read them: one row an area, period and outcome, with the area's role.

    Columns ``area_code, site, authority, role, start_quarter, quarter, outcome, numerator,
    denominator, value, status, received, return_id``; ``value`` is in the outcome's unit.
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
    rate = per * table["numerator"] / table["denominator"].where(is_ratio.astype(bool), 1.0)
    table["value"] = rate.where(is_ratio.astype(bool), table["numerator"])
    return table[
        [
            "area_code",
            "site",
            "authority",
            "role",
            "start_quarter",
            "quarter",
            "outcome",
            "numerator",
            "denominator",
            "value",
            "status",
            "received",
            "return_id",
        ]
    ].sort_values(["outcome", "area_code", "quarter"], ignore_index=True)
