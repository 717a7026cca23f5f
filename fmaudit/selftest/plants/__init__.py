"""The planted models, one file a family; each is named by the method that it answers for."""

from __future__ import annotations

from collections.abc import Mapping

from fmaudit.selftest.plants import bias, explanations, privacy, robustness
from fmaudit.selftest.plants.base import CLASSES, LEVELS, Level, Plant, Planted

PLANTS: Mapping[str, Plant] = {
    "group_outcomes": bias.GROUP_OUTCOMES,
    "counterfactual_terms": bias.COUNTERFACTUAL_TERMS,
    "character_noise": robustness.CHARACTER_NOISE,
    "membership_loss": privacy.MEMBERSHIP_LOSS,
    "integrated_gradients": explanations.INTEGRATED_GRADIENTS,
    "partition_shap": explanations.PARTITION_SHAP,
}
"""Method → its plant."""

__all__ = ["CLASSES", "LEVELS", "PLANTS", "Level", "Plant", "Planted"]
