"""From an estimate to a verdict with its reasons, and to words that say no more than the figures."""

from evaluation.finding.judge import Finding, Judged, judge
from evaluation.finding.models import adjust

__all__ = ["Finding", "Judged", "adjust", "judge"]
