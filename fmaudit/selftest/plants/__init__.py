"""The planted models, one file a family; each is named by the method that it answers for."""

from __future__ import annotations

from collections.abc import Mapping

from fmaudit.selftest.plants import (
    bias,
    bias_lm,
    explanations,
    explanations_lm,
    performance_lm,
    privacy,
    privacy_lm,
    robustness,
    robustness_lm,
)
from fmaudit.selftest.plants.base import CLASSES, LEVELS, Level, Plant, Planted

PLANTS: Mapping[str, Plant] = {
    "multiple_choice": performance_lm.MULTIPLE_CHOICE,
    "group_outcomes": bias.GROUP_OUTCOMES,
    "counterfactual_terms": bias.COUNTERFACTUAL_TERMS,
    "sentence_preference": bias_lm.SENTENCE_PREFERENCE,
    "masked_preference": bias_lm.MASKED_PREFERENCE,
    "character_noise": robustness.CHARACTER_NOISE,
    "prompt_format": robustness_lm.PROMPT_FORMAT,
    "option_order": robustness_lm.OPTION_ORDER,
    "membership_loss": privacy.MEMBERSHIP_LOSS,
    "membership_base_ratio": privacy_lm.MEMBERSHIP_BASE_RATIO,
    "verbatim_extraction": privacy_lm.VERBATIM_EXTRACTION,
    "integrated_gradients": explanations.INTEGRATED_GRADIENTS,
    "partition_shap": explanations.PARTITION_SHAP,
    "answer_span": explanations_lm.ANSWER_SPAN,
}
"""Method → its plant."""

__all__ = ["CLASSES", "LEVELS", "PLANTS", "Level", "Plant", "Planted"]
