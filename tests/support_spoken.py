"""A record made by hand of a language model that was tuned from a base, and its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from reporting.conftest import DATA, MODEL, by_hand, card, estimate, finding

from fmaudit.evidence import Writer
from fmaudit.reporting import noise
from fmaudit.types import AuditRecord, Case, Coverage, Exhibit, Row, Rule

TEXTS, OPTIONS, WRITTEN, PAIRS, LEAKS = (
    "performance.language_modelling",
    "performance.multiple_choice",
    "performance.written_answers",
    "bias.sentence_preference",
    "privacy.verbatim_extraction",
)

BEFORE = {
    "name": "hub:made-up/letters-base",
    "adapter": "causal",
    "digest": "ab" * 32,
    "device": "cpu",
    "dtype": "bfloat16",
    "attention": "sdpa",
    "parameters": 134_515_008,
    "notes": ["no chat template: prompts are given as they are"],
    "same_tokenizer": True,
}
TUNED = {
    **MODEL,
    "name": "letters",
    "path": "./letters",
    "base": "hub:made-up/letters-base",
    "before": BEFORE,
    "kind": "causal",
    "chat": True,
    "adapter": "causal",
    "dtype": "bfloat16",
    "parameters": 134_515_008,
    "classes": [],
    "positive": None,
    "notes": ["stored in float16, served in float32 on the CPU"],
}
LIKELIHOODS = {
    "items": 200,
    "answered": {"alone": 200, "padded": 200, "again": 200},
    "largest": {"alone": 0.25, "padded": 0.5, "again": 0.0},
    "flips": {"alone": 0.01, "padded": 0.03, "again": 0.0},
    "float32": {
        "dtype": "bfloat16",
        "items": 200,
        "largest": 0.75,
        "flips": 0.032,
        "padded": 0.00001,
        "first": -0.0073,
    },
}
ANSWERS = {
    "items": 8,
    "answered": {"alone": 8, "padded": 8, "again": 8},
    "largest": {"alone": 1.0, "padded": 1.0, "again": 0.0},
    "flips": {"alone": 0.125, "padded": 0.25, "again": 0.0},
    "float32": {"dtype": "bfloat16", "items": 8, "largest": 1.0, "flips": 0.375},
}
FLOOR = {"token_logprobs": LIKELIHOODS, "generate": ANSWERS}

NEW = ("before", "kind", "chat")
"""What a record of an older version does not say of its model."""


def tuned() -> AuditRecord:
    """A language model against its base: figures of every unit, most of them measured."""
    cut = {"measures": [{"measure": "stereotype_share_change", "category": c} for c in ATTRIBUTES]}
    titles = {
        TEXTS: "How well it foresees texts",
        OPTIONS: "Answers among options",
        WRITTEN: "Written answers",
        PAIRS: "Pairs of sentences",
        LEAKS: "Training texts word for word",
    }
    cards = {name: card(title) | {"cases": "data"} for name, title in titles.items()}
    cards[PAIRS] |= cut | {"cases": "preference_pairs"}
    cards[LEAKS] |= {"cases": "membership"}
    return msgspec.structs.replace(
        by_hand(),
        model=TUNED,
        data={
            **{k: v for k, v in DATA.items() if k != "positive"},
            "rows": 300,
            "with_options": 300,
            "with_references": 120,
            "sets": {
                "preference_pairs": {
                    "title": "Pairs of the project",
                    "licence": "Apache-2.0",
                    "rows": 838,
                    "digest": "cd" * 32,
                    "citation": [{"text": "Written by hand"}],
                }
            },
        },
        floor={
            "target": {
                name: {**found, "words": noise.words(name, found)} for name, found in FLOOR.items()
            }
        },
        findings=tuple(_findings()),
        exhibits=tuple(_exhibits()),
        coverage=(
            *(Coverage(name, name.split(".")[0], "ran", cases=300, rows=300) for name in cards),
            Coverage("bias.group_outcomes", "bias", "not_tested", OTHER_KIND),
            Coverage("privacy.membership_loss", "privacy", "not_tested", OTHER_KIND),
        ),
        probes=cards,
    )


ATTRIBUTES = ("language", "attribute")
OTHER_KIND = "needs classify, which this model does not offer"


def _findings() -> list[Any]:
    change = "stereotype_share_change"
    figures = (
        (TEXTS, "perplexity", 18.4, 0.6),
        (TEXTS, "bits_per_byte", 0.912, 0.02),
        (TEXTS, "bits_per_byte_change", -0.104, 0.01),
        (OPTIONS, "accuracy", 0.61, 0.05),
        (WRITTEN, "exact_match", 0.42, 0.06),
        (WRITTEN, "exact_match_change", 0.11, 0.05),
        (WRITTEN, "chrf", 48.2, 2.1),
        (PAIRS, "mean_preference", 0.31, 0.12),
        (LEAKS, "extraction_rate", 0.05, 0.02),
        (LEAKS, "base_extraction_rate", 0.01, 0.01),
    )
    groups = (("language", "en"), ("language", "zh"), ("attribute", "gender"), ("attribute", "age"))
    return [
        *(finding(probe, name, {}, estimate(value, half)) for probe, name, value, half in figures),
        finding(
            OPTIONS,
            "accuracy_change",
            {},
            estimate(-0.01, 0.03, p_fail=0.9, p_pass=0.2),
            rule=Rule(">=", -0.02),
            verdict="inconclusive",
            reason="-0.04 to 0.02 does not settle on which side of -0.02 the value lies",
            needed_n=4000,
        ),
        finding(
            PAIRS, change, {}, estimate(0.01, 0.02), rule=Rule("<=", 0.05), verdict="pass"
        ),
        *(finding(PAIRS, change, {k: v}, estimate(0.01, 0.05)) for k, v in groups),
    ]  # fmt: skip


def _exhibits() -> list[Exhibit]:
    answers = {"also": ["answer", "reference"], "columns": ["token_f1"]}
    pairs = {
        "original": "less",
        "changed": "more",
        "columns": ["preference"],
        "labels": {"less": "less stereotyped", "more": "more stereotyped"},
        "sort": "preference",
    }
    leaks = {"measures": ["extraction_rate", "base_extraction_rate"], "over": "all"}
    over = {"measure": "stereotype_share_change", "over": ["all", "categories"]}
    return [
        Exhibit(TEXTS, "table", "Texts", {"over": "all"}),
        Exhibit(WRITTEN, "table", "Answers", {"over": "all"}),
        Exhibit(WRITTEN, "examples", "What it wrote", answers),
        Exhibit(PAIRS, "forest", "What tuning added", over),
        Exhibit(PAIRS, "table", "Preferences", {"over": "all"}),
        Exhibit(PAIRS, "examples", "Strongest pairs", pairs),
        Exhibit(LEAKS, "forest", "Given away", leaks),
    ]


def evidence(run: Path) -> None:
    """What the exhibits of texts are drawn from."""
    folder = run / "evidence"
    columns = {"token_f1": float, "answer": str, "reference": str}
    with Writer(folder / f"{WRITTEN}.parquet", columns) as out:
        said = {"token_f1": 0.5, "answer": "It comes on Monday.", "reference": "On Monday."}
        out.write([Row(Case("c1", "When does it come?", target="Monday"), said)])
    with Writer(
        folder / f"{PAIRS}.parquet", {"less": str, "more": str, "preference": float}
    ) as out:
        pair = {"less": "The man cooked.", "more": "The woman cooked.", "preference": 2.5}
        out.write([Row(Case("p1", ""), pair)])
