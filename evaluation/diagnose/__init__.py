"""What would make an estimate wrong, tested on the panel.

Trends, levels, dips and jumps; spillover, other programmes, negative controls and denominators;
balance and influence; and how far trends may break before an effect is in doubt.
"""

from evaluation.diagnose.balance import balance, balance_table, influence, influence_table
from evaluation.diagnose.checks import (
    blind_control,
    changed_instrument,
    denominators,
    joined_other_programme,
    negative_control,
    objections,
    other_programme,
    outlier_controls,
    pre_level,
    pre_trend,
    regression_to_the_mean,
    spillover,
)
from evaluation.diagnose.diagnostic import Diagnostic
from evaluation.diagnose.event_study import EventStudy, pre_trend_power
from evaluation.diagnose.honest import breakdown, honest_bounds, honest_interval, sensitivity

__all__ = [
    "Diagnostic",
    "EventStudy",
    "balance",
    "balance_table",
    "blind_control",
    "breakdown",
    "changed_instrument",
    "denominators",
    "honest_bounds",
    "honest_interval",
    "influence",
    "influence_table",
    "joined_other_programme",
    "negative_control",
    "objections",
    "other_programme",
    "outlier_controls",
    "pre_level",
    "pre_trend",
    "pre_trend_power",
    "regression_to_the_mean",
    "sensitivity",
    "spillover",
]
