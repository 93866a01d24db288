"""From an estimate to a verdict with its reasons, in words that say no more than figures."""

from evaluation.finding.judge import Finding, Judged, judge
from evaluation.finding.models import adjust

__all__ = ["Finding", "Judged", "adjust", "judge"]
