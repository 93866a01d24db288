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

__all__ = [
    "NARROW", "SPARK", "WIDE", "Size", "cumulative", "events", "forest", "gains", "gaps", "paths",
    "spark", "strip", "trade_off",
]  # fmt: skip
