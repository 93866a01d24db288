"""Prices, rates and shares as dated data: the tables beside this file, none of them in code.

Every row carries its source, its vintage, how sure it is and whether it is approximate; several
vintages of a rate live side by side and a result names the one that it used.
"""

from evaluation.value.parameters.sources import FIELDS, read_gmca
from evaluation.value.parameters.vintage import Cashable, Parameters, Spread, UnitCost

__all__ = ["FIELDS", "Cashable", "Parameters", "Spread", "UnitCost", "read_gmca"]
