"""What effects are worth, to whom: pounds by agency, from the same draws as the effects."""

from evaluation.value.accounts import Value
from evaluation.value.lives import Wellbeing, wellbeing
from evaluation.value.parameters import Parameters
from evaluation.value.worth import Assumptions, worth

__all__ = ["Assumptions", "Parameters", "Value", "Wellbeing", "wellbeing", "worth"]
