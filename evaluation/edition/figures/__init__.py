"""The charts of the book; matplotlib's only door, opened when a chart is drawn."""

from evaluation.edition.figures.canvas import NARROW, SPARK, WIDE, Size
from evaluation.edition.figures.charts import (
    cumulative,
    events,
    forest,
    gains,
    gaps,
    paths,
    spark,
    strip,
    trade_off,
)
from evaluation.edition.figures.money import fan, plane, tornado, waterfall

__all__ = [
    "NARROW", "SPARK", "WIDE", "Size", "cumulative", "events", "fan", "forest", "gains", "gaps",
    "paths", "plane", "spark", "strip", "tornado", "trade_off", "waterfall",
]  # fmt: skip
