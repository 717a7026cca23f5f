"""The named figures: which columns each reads, and how it is computed anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fmaudit.reporting.verify import (
    agreement,
    ambiguous,
    associations,
    changes,
    classifier,
    descriptors,
    ece,
    explanations,
    fairness,
    language,
    membership,
    noise,
    probabilities,
    sentence_sets,
    stereoset,
    swaps,
    toxicity,
    written,
)
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.gaps import gap
from fmaudit.reporting.verify.rows import Rows
from fmaudit.types import Estimate


@dataclass(frozen=True)
class Figure:
    """`columns` must have a value; `positive`: one class against the rest."""

    compute: Callable[[Rows, Ask], Estimate]
    columns: tuple[str, ...]
    positive: bool = False


_DECIDED = ("label", "predicted")
_SCORED = ("label", "probs")
_ODDS = {
    "true_positive_rate": classifier.TRUE_POSITIVE,
    "false_positive_rate": classifier.FALSE_POSITIVE,
}
_SELECTION = {"selection_rate": classifier.SELECTION}

_AVERAGES = {
    **{
        f"{score}_{kind}": Figure(classifier.average(score, kind), _DECIDED)
        for score in ("precision", "recall", "f1")
        for kind in ("macro", "weighted")
    },
    **{f"{s}_micro": Figure(classifier.accuracy, _DECIDED) for s in ("precision", "recall", "f1")},
    "balanced_accuracy": Figure(classifier.average("recall", "macro"), _DECIDED),
}

_RATES = {
    "selection_rate": Figure(classifier.SELECTION.estimate, ("predicted",), positive=True),
    "base_rate": Figure(classifier.BASE.estimate, ("label",), positive=True),
    "true_positive_rate": Figure(classifier.TRUE_POSITIVE.estimate, _DECIDED, positive=True),
    "recall": Figure(classifier.TRUE_POSITIVE.estimate, _DECIDED, positive=True),
    "false_positive_rate": Figure(classifier.FALSE_POSITIVE.estimate, _DECIDED, positive=True),
    "positive_predictive_value": Figure(classifier.PREDICTIVE.estimate, _DECIDED, positive=True),
    "precision": Figure(classifier.PREDICTIVE.estimate, _DECIDED, positive=True),
    "f1": Figure(classifier.f1, _DECIDED, positive=True),
    "accuracy": Figure(classifier.accuracy, _DECIDED),
}

_PROBABILITIES = {
    "auroc": Figure(probabilities.ranking(probabilities.auroc, macro=False), _SCORED, True),
    "auroc_macro": Figure(probabilities.ranking(probabilities.auroc, macro=True), _SCORED),
    "auprc": Figure(probabilities.ranking(probabilities.auprc, macro=False), _SCORED, True),
    "auprc_macro": Figure(probabilities.ranking(probabilities.auprc, macro=True), _SCORED),
    "log_loss": Figure(probabilities.log_loss, _SCORED),
    "brier": Figure(probabilities.brier, _SCORED),
    "ece": Figure(ece.ece, _SCORED),
    "calibration_in_the_large": Figure(probabilities.in_the_large, _SCORED, positive=True),
    "calibration_slope": Figure(probabilities.slope, _SCORED, positive=True),
}

_GAPS = {
    "demographic_parity_difference": Figure(gap(_SELECTION, "difference"), ("predicted",), True),
    "demographic_parity_ratio": Figure(gap(_SELECTION, "ratio"), ("predicted",), True),
    "equal_opportunity_difference": Figure(
        gap({"true_positive_rate": classifier.TRUE_POSITIVE}, "difference"), _DECIDED, True
    ),
    "false_positive_rate_difference": Figure(
        gap({"false_positive_rate": classifier.FALSE_POSITIVE}, "difference"), _DECIDED, True
    ),
    "equalized_odds_difference": Figure(gap(_ODDS, "difference"), _DECIDED, True),
    "equalized_odds_ratio": Figure(gap(_ODDS, "ratio"), _DECIDED, True),
    "accuracy_difference": Figure(gap({"accuracy": classifier.ACCURACY}, "difference"), _DECIDED),
}

_SWAPS = {
    "flip_rate": Figure(swaps.flips("flip"), ("flip",)),
    "control_flip_rate": Figure(swaps.flips("control_flip"), ("control_flip",)),
    "excess_flip_rate": Figure(swaps.excess("flip", "control_flip"), ("flip", "control_flip")),
    "mean_gap": Figure(swaps.gap(lambda r: r.columns["gap"], -1.0, 1.0), ("gap",)),
    "mean_absolute_gap": Figure(swaps.gap(lambda r: abs(r.columns["gap"]), 0.0, 1.0), ("gap",)),
    "excess_absolute_gap": Figure(
        swaps.gap(lambda r: abs(r.columns["gap"]) - abs(r.columns["control_gap"]), -1.0, 1.0),
        ("gap", "control_gap"),
    ),
}

_MAPS = {
    "converged_share": Figure(explanations.converged, ("converged",)),
    "mean_comprehensiveness": Figure(
        explanations.average("comprehensiveness"), ("comprehensiveness",)
    ),
    "mean_sufficiency": Figure(explanations.average("sufficiency"), ("sufficiency",)),
    "excess_comprehensiveness": Figure(
        explanations.over_random("comprehensiveness"),
        ("comprehensiveness", "random_comprehensiveness"),
    ),
    "excess_sufficiency": Figure(
        explanations.over_random("sufficiency"), ("sufficiency", "random_sufficiency")
    ),
    "mean_special_share": Figure(explanations.average("special_share", 0.0), ("special_share",)),
    "map_agreement": Figure(explanations.average("agreement"), ("agreement",)),
}

_NOISE = {
    "flips_over_floor": Figure(swaps.excess("flip", "repeat_flip"), ("flip", "repeat_flip")),
    "noisy_accuracy": Figure(swaps.flips("noisy_correct"), ("noisy_correct",)),
    "accuracy_drop": Figure(noise.drop("correct", "noisy_correct"), ("correct", "noisy_correct")),
    "excess_accuracy_drop": Figure(
        noise.drop("repeat_correct", "noisy_correct"), ("repeat_correct", "noisy_correct")
    ),
}

_RATED = ("member", "score", "blind", "blind_p", "overlap", "drawn")
_MEMBERSHIP = {
    "tpr_at_1_percent_fpr": Figure(membership.rate(0.01), _RATED),
    "tpr_at_0_1_percent_fpr": Figure(membership.rate(0.001), _RATED),
    "membership_auc": Figure(membership.area("score"), ("member", "score")),
    "blind_auc": Figure(membership.area("blind"), ("member", "blind")),
    "membership_advantage": Figure(membership.advantage, _RATED),
}


def _rate(column: str) -> Figure:
    return Figure(swaps.flips(column), (column,))


def _mean(first: str, second: str = "", **span: float) -> Figure:
    return Figure(language.average(first, second, **span), (first, second) if second else (first,))


def _change(first: str, second: str) -> Figure:
    return Figure(changes.change(first, second), (first, second))


_LANGUAGE = {
    "perplexity": Figure(language.perplexity, ("nats", "scored_tokens")),
    "bits_per_byte": Figure(language.bits_per_byte, ("nats", "bytes")),
    "bits_per_byte_change": Figure(language.bits_per_byte_change, ("nats", "base_nats", "bytes")),
    "accuracy_per_byte": _rate("correct_per_byte"),
    "accuracy_change": _change("correct", "base_correct"),
    "exact_match": _rate("exact"),
    "exact_match_change": _change("exact", "base_exact"),
    **{name: _mean(name, low=0, high=1) for name in ("token_f1", "rouge_1", "rouge_2", "rouge_l")},
    "chrf": _mean("chrf", low=0, high=100),
    "unfinished_share": _rate("unfinished"),
}

_PREFERENCE = {
    "stereotype_share": _mean("stereotyped", low=0, high=1),
    "stereotype_share_change": _change("stereotyped", "base_stereotyped"),
    "mean_preference": _mean("preference"),
    "mean_preference_change": _mean("preference", "base_preference"),
}


def _by_term(figure: Figure) -> Figure:
    return Figure(stereoset.by_term(figure.compute), figure.columns)


_TERMS = ("meaningful", "stereotyped")
_STEREOSET = {
    "language_modelling_score": _by_term(_mean("meaningful", low=0, high=1)),
    "language_modelling_score_change": _by_term(_change("meaningful", "base_meaningful")),
    "stereotype_score": _by_term(_mean("stereotyped", low=0, high=1)),
    "stereotype_score_change": _by_term(_change("stereotyped", "base_stereotyped")),
    "icat": Figure(stereoset.index(""), _TERMS),
    "icat_change": Figure(
        stereoset.index("", "base_"), (*_TERMS, *(f"base_{name}" for name in _TERMS))
    ),
}

_LEANS = ("ambiguous", "lean")
_BOTH_LEAN = (*_LEANS, "base_lean")
_AMBIGUOUS = {
    "bias_score_ambiguous": Figure(ambiguous.ambiguous, _LEANS),
    "bias_score_ambiguous_change": Figure(ambiguous.ambiguous_change, _BOTH_LEAN),
    "bias_score_disambiguated": Figure(ambiguous.disambiguated, _LEANS),
    "bias_score_disambiguated_change": Figure(ambiguous.disambiguated_change, _BOTH_LEAN),
    "cbbq_bias_score": Figure(ambiguous.cbbq, _LEANS),
    "cbbq_bias_score_change": Figure(ambiguous.cbbq_change, _BOTH_LEAN),
    "unmatched_share": _rate("unmatched"),
    "unmatched_share_change": _change("unmatched", "base_unmatched"),
    "unnamed_share": _rate("unnamed"),
}

_SIDES = ("more_logprob", "less_logprob")
_OCCUPATIONS = ("women", "occupation")
_KINDS = ("about", "stereotype")
_SENTENCE_SETS = {
    "stereotype_share_strict": Figure(sentence_sets.strict, _SIDES),
    "stereotype_share_untied": Figure(sentence_sets.untied, _SIDES),
    "female_pronoun_share": _mean("prefers_female", low=0, high=1),
    "majority_pronoun_share": _mean("prefers_majority", low=0, high=1),
    "majority_pronoun_share_change": _change("prefers_majority", "base_prefers_majority"),
    "occupation_correlation": Figure(
        sentence_sets.correlation("preference"), ("preference", *_OCCUPATIONS)
    ),
    "occupation_correlation_change": Figure(
        sentence_sets.correlation("preference", "base_preference"),
        ("preference", "base_preference", *_OCCUPATIONS),
    ),
    "masculine_score": Figure(sentence_sets.score, ("log_ratio",)),
    "stereotype_rate": Figure(sentence_sets.rate("log_ratio"), ("log_ratio", *_KINDS)),
    "stereotype_rate_change": Figure(
        sentence_sets.rate("log_ratio", "base_log_ratio"),
        ("log_ratio", "base_log_ratio", *_KINDS),
    ),
}

_TEST = ("language", "test", "side", "words_a", "words_b", "dropped")
_ASSOCIATION = {
    "association_effect": Figure(associations.effect, ("association", *_TEST)),
    "association_effect_change": Figure(
        associations.effect_change, ("association", "base_association", *_TEST)
    ),
    "association_gap": Figure(associations.difference, ("association", *_TEST)),
}

_RATED_TEXTS = ("toxic", "score")
_TOXICITY = {
    "tests_passed": _rate("right"),
    "toxic_found": _rate("found"),
    "harmless_spared": _rate("spared"),
    "toxicity_auroc": Figure(toxicity.area("overall"), _RATED_TEXTS),
    **{
        f"{kind}_auc": Figure(toxicity.area(kind), _RATED_TEXTS)
        for kind in ("subgroup", "bpsn", "bnsp")
    },
    **{
        f"{kind}_auc_generalised_mean": Figure(toxicity.mean(kind), _RATED_TEXTS)
        for kind in ("subgroup", "bpsn", "bnsp")
    },
}

_NAMED = ("attribute", "descriptor", "frame")
_DESCRIPTORS = {
    "descriptor_spread": Figure(descriptors.spread("nats"), ("nats", *_NAMED)),
    "descriptor_spread_change": Figure(
        descriptors.spread("nats", "base_nats"), ("nats", "base_nats", *_NAMED)
    ),
    "descriptor_gap": _mean("above"),
    "descriptor_gap_change": _mean("above", "base_above"),
    "likelihood_bias": Figure(descriptors.different, ("nats", *_NAMED)),
}

_AGREEMENT = {
    "agreement_share": _mean("agreement", low=0, high=1),
    "control_agreement_share": _mean("control_agreement", low=0, high=1),
    "excess_agreement": _mean("excess", low=-1, high=1),
    "excess_agreement_change": Figure(agreement.change, ("excess", "base_excess")),
    "agreement_margin": _mean("margin"),
    "agreement_margin_change": _mean("margin", "base_margin"),
}

_WRITTEN = {
    "flagged_share": Figure(written.FLAGGED.estimate, ("flagged",)),
    "flagged_share_change": _change("flagged", "base_flagged"),
    "flagged_share_difference": Figure(written.between_groups, ("flagged", "about_group")),
    "mean_answer_score": _mean("score", low=0, high=1),
    "mean_answer_score_change": _mean("score", "base_score", low=-1, high=1),
    "mean_answer_length": _mean("written", low=0, high=math.inf),
    "mean_length_gap": _mean("written_gap"),
    "excess_flip_rate_change": _mean("excess", "base_excess", low=-2, high=2),
    "scorer_auroc": Figure(written.scorer_auroc, ("known", "check_score")),
    "scorer_found_share": _rate("found"),
    "scorer_spared_share": _rate("spared"),
    "score_distance": Figure(written.distance, ("p_base", "gap")),
}

_EXTRACTION = {
    "extraction_rate": _rate("extracted"),
    "base_extraction_rate": _rate("base_extracted"),
    "excess_extraction_rate": _change("extracted", "base_extracted"),
    "discoverable_rate": _rate("discoverable"),
    "base_discoverable_rate": _rate("base_discoverable"),
    "excess_discoverable_rate": _change("discoverable", "base_discoverable"),
}

FIGURES: Mapping[str, Figure] = {
    **_AVERAGES,
    **_RATES,
    **_PROBABILITIES,
    **_GAPS,
    **{name: Figure(*made) for name, made in fairness.FIGURES.items()},
    **_SWAPS,
    **_NOISE,
    **_MAPS,
    **_MEMBERSHIP,
    **_LANGUAGE,
    **_PREFERENCE,
    **_SENTENCE_SETS,
    **_AMBIGUOUS,
    **_STEREOSET,
    **_TOXICITY,
    **_ASSOCIATION,
    **_EXTRACTION,
    **_WRITTEN,
    **_AGREEMENT,
    **_DESCRIPTORS,
}
