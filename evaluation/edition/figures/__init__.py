"""The charts of the book; matplotlib's only door, opened when a chart is drawn."""

from evaluation.edition.figures.canvas import NARROW, SPARK, WIDE, Size
from evaluation.edition.figures.charts import (
    events,
    forest,
    gains,
    gaps,
    growth,
    paths,
    spark,
    strip,
    trade_off,
)
from evaluation.edition.figures.design import balance_before_after, detectable_by_look
from evaluation.edition.figures.money import fan, plane, tornado, waterfall
from evaluation.edition.figures.places import area_map, balance, equally_likely, returns_calendar
from evaluation.edition.figures.theory import causes
from evaluation.edition.figures.twins import (
    MOST_DONORS,
    donor_weights,
    twin_fit,
    twin_gap,
    twin_path,
)

__all__ = [
    "MOST_DONORS",
    "NARROW",
    "SPARK",
    "WIDE",
    "Size",
    "area_map",
    "balance",
    "balance_before_after",
    "causes",
    "detectable_by_look",
    "donor_weights",
    "equally_likely",
    "events",
    "fan",
    "forest",
    "gains",
    "gaps",
    "growth",
    "paths",
    "plane",
    "returns_calendar",
    "spark",
    "strip",
    "tornado",
    "trade_off",
    "twin_fit",
    "twin_gap",
    "twin_path",
    "waterfall",
]
