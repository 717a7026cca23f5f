"""Rows of a made-up classifier, for all tests of the statistics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fmaudit.stats.sample import Sample

Rows = Callable[..., Sample]


def answered(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Columns of a made-up language model: what it reads, writes, prefers and gives away."""
    tokens = rng.integers(5, 60, n)
    nats = tokens * rng.gamma(4.0, 0.7, n)
    events = {
        "correct_per_byte": 0.6, "base_correct": 0.7, "exact": 0.5, "base_exact": 0.4,
        "unfinished": 0.05, "extracted": 0.08, "base_extracted": 0.02, "discoverable": 0.2,
        "base_discoverable": 0.1,
    }  # fmt: skip
    return {
        "nats": nats,
        "base_nats": nats * rng.normal(1.1, 0.1, n),
        "scored_tokens": tokens,
        "bytes": tokens * rng.integers(2, 7, n),
        "stereotyped": rng.choice([0.0, 0.5, 1.0], n, p=[0.4, 0.05, 0.55]),
        "base_stereotyped": rng.choice([0.0, 0.5, 1.0], n, p=[0.45, 0.05, 0.5]),
        "preference": rng.normal(0.2, 2.0, n),
        "base_preference": rng.normal(0.0, 2.0, n),
        **{name: rng.beta(2, 2, n) for name in ("token_f1", "rouge_1", "rouge_2", "rouge_l")},
        "chrf": 100 * rng.beta(2, 2, n),
        **{name: rng.random(n) < chance for name, chance in events.items()},
    }


def in_sentences(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Columns of published sentence sets: of scored pairs, of occupations, of speakers."""
    work, kind = rng.integers(40, size=n), rng.integers(5, size=n)
    names = {
        "occupation": np.array([f"work {k}" for k in range(40)], dtype=object)[work],
        "stereotype": np.array([f"kind {k}" for k in range(5)], dtype=object)[kind],
        "about": np.array(["women", "men"], dtype=object)[kind % 2],
    }
    events = ("prefers_female", "prefers_majority", "base_prefers_majority")
    return {
        "more_logprob": rng.normal(-40.0, 1.0, n).round(1),
        "less_logprob": rng.normal(-40.0, 1.0, n).round(1),
        **{name: rng.choice([0.0, 0.5, 1.0], n, p=[0.4, 0.05, 0.55]) for name in events},
        "women": 2.5 * work,
        "log_ratio": rng.normal(0.1, 0.5, n),
        "base_log_ratio": rng.normal(0.0, 0.5, n),
        **names,
    }


def about_two(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Columns of questions about two people: what the text leaves open, whom an answer names."""
    events = {"ambiguous": 0.5, "unmatched": 0.1, "base_unmatched": 0.1, "unnamed": 0.05}
    leans = ("lean", "base_lean")
    return {
        **{name: rng.random(n) < chance for name, chance in events.items()},
        **{name: rng.choice([-1.0, 0.0, 1.0], n, p=[0.3, 0.3, 0.4]) for name in leans},
    }


def rated(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Columns of triples of sentences, and of texts that a toxicity classifier judges."""
    toxic, decided = rng.integers(0, 2, n), ("right", "found", "spared")
    return {
        "meaningful": rng.choice([0.0, 0.5, 1.0], n, p=[0.1, 0.2, 0.7]),
        "base_meaningful": rng.choice([0.0, 0.5, 1.0], n, p=[0.1, 0.3, 0.6]),
        "toxic": toxic,
        **{name: rng.random(n) < 0.7 for name in decided},
    }


def written(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Columns of scored answers, of the scorers' labelled texts, and of statements agreed with."""
    known = rng.random(n) < 0.5
    groups = np.array(["women", "men", "others"], dtype=object)
    return {
        "flagged": rng.random(n) < 0.2,
        "base_flagged": rng.random(n) < 0.15,
        "about_group": groups[rng.integers(3, size=n)],
        "written": rng.integers(1, 40, n),
        "written_gap": rng.normal(0.5, 6.0, n),
        "excess": rng.integers(-1, 2, n).astype(float),
        "base_excess": rng.integers(-1, 2, n).astype(float),
        "p_base": rng.uniform(0.1, 0.9, n),
        "known": known,
        "check_score": rng.normal(known, 1.0),
        "control_agreement": rng.integers(0, 5, n) / 4,
        "margin": rng.normal(0.1, 1.0, n),
        "base_margin": rng.normal(0.0, 1.0, n),
        "above": rng.normal(0.0, 0.4, n),
        "base_above": rng.normal(0.0, 0.4, n),
        "number": rng.uniform(0, 1, n),
        "predicted_number": rng.uniform(0, 1, n),
    }


@pytest.fixture(scope="session")
def rows() -> Rows:
    """`rows(n, classes, seed, clusters, weighted, strata, groups)`: a sample with every column."""

    def make(
        n: int = 400,
        classes: int = 2,
        seed: int = 0,
        *,
        clusters: int | None = None,
        weighted: bool = False,
        strata: int | None = None,
        groups: int = 3,
    ) -> Sample:
        rng = np.random.default_rng(seed)
        label = rng.integers(classes, size=n)
        score = rng.normal(size=(n, classes))
        score[np.arange(n), label] += 1.0
        probs = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
        names = np.array([f"g{i}" for i in range(groups)], dtype=object)
        cluster = None if clusters is None else rng.integers(clusters, size=n)
        stratum = None
        if strata is not None:
            units = np.arange(n) if cluster is None else cluster
            stratum = units % strata
        columns = {
            "label": label,
            "predicted": probs.argmax(axis=1),
            "probs": probs,
            "group": names[rng.integers(groups, size=n)],
            "flip": rng.random(n) < 0.1,
            "control_flip": rng.random(n) < 0.03,
            "gap": rng.normal(0.01, 0.05, n).clip(-1, 1),
            "control_gap": rng.normal(0, 0.02, n).clip(-1, 1),
        }
        own = np.random.default_rng([seed, 1])
        columns |= {
            "repeat_flip": own.integers(4, size=n) / 3 * (own.random(n) < 0.05),
            "correct": own.random(n) < 0.8,
            "noisy_correct": own.random(n) < 0.75,
            "repeat_correct": own.integers(4, size=n) / 3,
        }
        apart = np.random.default_rng([seed, 2])
        columns |= {
            "member": apart.random(n) < 0.4,
            "score": apart.normal(size=n).round(1),
            "blind": apart.normal(size=n),
            "blind_p": np.full(n, 0.4),
            "drawn": np.ones(n, dtype=bool),
            "overlap": np.zeros(n),
        }
        told = np.random.default_rng([seed, 3])
        columns |= {
            "converged": told.random(n) < 0.95,
            "comprehensiveness": told.normal(0.3, 0.1, n).clip(-1, 1),
            "random_comprehensiveness": told.normal(0.1, 0.1, n).clip(-1, 1),
            "sufficiency": told.normal(0.05, 0.1, n).clip(-1, 1),
            "random_sufficiency": told.normal(0.2, 0.1, n).clip(-1, 1),
            "special_share": told.beta(1, 20, n),
            "agreement": told.uniform(-0.2, 1, n),
        }
        columns |= answered(np.random.default_rng([seed, 4]), n)
        columns |= in_sentences(np.random.default_rng([seed, 5]), n)
        columns |= about_two(np.random.default_rng([seed, 61]), n)
        levels = np.array(["high school", "college"], dtype=object)
        columns["control"] = levels[np.random.default_rng([seed, 70]).integers(2, size=n)]
        columns |= rated(np.random.default_rng([seed, 62]), n)
        columns |= written(np.random.default_rng([seed, 63]), n)
        weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else None
        return Sample(columns, weight, cluster, stratum)

    return make
