"""What would make an estimate wrong, tested on the panel: trends, levels, spillover, controls."""

from evaluation.diagnose.checks import (
    Diagnostic,
    negative_control,
    objections,
    pre_level,
    pre_trend,
    spillover,
)

__all__ = [
    "Diagnostic",
    "negative_control",
    "objections",
    "pre_level",
    "pre_trend",
    "spillover",
]
