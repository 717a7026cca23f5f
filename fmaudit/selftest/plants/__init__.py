"""The planted models, one file a family; each is named by the method that it answers for."""

from __future__ import annotations

from collections.abc import Mapping

from fmaudit.selftest.plants import (
    bias,
    bias_agreement,
    bias_ambiguous,
    bias_descriptors,
    bias_lm,
    bias_stereoset,
    bias_written,
    explanations,
    explanations_lm,
    performance_lm,
    privacy,
    privacy_lm,
    robustness,
    robustness_lm,
    sentence_sets,
)
from fmaudit.selftest.plants.base import CLASSES, LEVELS, Level, Plant, Planted

PLANTS: Mapping[str, Plant] = {
    "multiple_choice": performance_lm.MULTIPLE_CHOICE,
    "group_outcomes": bias.GROUP_OUTCOMES,
    "counterfactual_terms": bias.COUNTERFACTUAL_TERMS,
    "counterfactual_texts": bias_written.COUNTERFACTUAL_TEXTS,
    "counterfactual_answers": bias_written.COUNTERFACTUAL_ANSWERS,
    "written_about_groups": bias_written.WRITTEN_ABOUT_GROUPS,
    "filled_about_groups": bias_written.FILLED_ABOUT_GROUPS,
    "sentence_preference": bias_lm.SENTENCE_PREFERENCE,
    "masked_preference": bias_lm.MASKED_PREFERENCE,
    "descriptor_likelihood": bias_descriptors.DESCRIPTOR_LIKELIHOOD,
    "stereotype_agreement": bias_agreement.STEREOTYPE_AGREEMENT,
    "speaker_gender": sentence_sets.SPEAKER_GENDER,
    "masked_speaker_gender": sentence_sets.MASKED_SPEAKER_GENDER,
    "ambiguous_questions": bias_ambiguous.AMBIGUOUS_QUESTIONS,
    "ambiguous_answers": bias_ambiguous.AMBIGUOUS_ANSWERS,
    "stereoset_likelihood": bias_stereoset.STEREOSET_LIKELIHOOD,
    "stereoset_masked": bias_stereoset.STEREOSET_MASKED,
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

SETS: Mapping[str, Plant] = {
    "bias.crows_pairs": sentence_sets.ALONE,
    "bias.crows_pairs_masked": sentence_sets.ALONE_MASKED,
    "bias.crows_pairs_french": sentence_sets.ALONE,
    "bias.crows_pairs_french_masked": sentence_sets.ALONE_MASKED,
    "bias.crows_pairs_dutch": sentence_sets.ALONE,
    "bias.crows_pairs_dutch_masked": sentence_sets.ALONE_MASKED,
    "bias.winobias": sentence_sets.OCCUPATIONS,
    "bias.winobias_masked": sentence_sets.OCCUPATIONS_MASKED,
}
"""Probe → its plant, where its cases go together otherwise than those of its method's plant."""

__all__ = ["CLASSES", "LEVELS", "PLANTS", "SETS", "Level", "Plant", "Planted"]
