"""Programmes with a known truth: invented places, invented figures, stamped synthetic.

`places` lays out sites and areas, `figures` draws what would be recorded, keeps the truth and
writes the returns as sites and sources would send them. The truth goes to ``var/truth/`` and no
step of the pipeline opens it.
"""

from evaluation.simulate.figures import (
    Figures,
    Monthly,
    Switches,
    draw_figures,
    in_other_programme,
    panel_of,
    rows_of,
    truth_table,
    write_returns,
)
from evaluation.simulate.places import Scenario, invent_programme, write_programme

__all__ = [
    "Figures",
    "Monthly",
    "Scenario",
    "Switches",
    "draw_figures",
    "in_other_programme",
    "invent_programme",
    "panel_of",
    "rows_of",
    "truth_table",
    "write_programme",
    "write_returns",
]
