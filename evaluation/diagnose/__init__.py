"""What would make an estimate wrong, tested on the panel: trends, levels, spillover, controls."""

from evaluation.diagnose.checks import (
    Diagnostic,
    negative_control,
    objections,
    pre_level,
    pre_trend,
    spillover,
)
from evaluation.diagnose.event_study import EventStudy
from evaluation.diagnose.honest import breakdown, honest_interval, sensitivity

__all__ = [
    "Diagnostic",
    "EventStudy",
    "breakdown",
    "honest_interval",
    "negative_control",
    "objections",
    "pre_level",
    "pre_trend",
    "sensitivity",
    "spillover",
]
