"""A record made by hand: every verdict, every section, figures of every shape."""

from __future__ import annotations

import pytest

from fmaudit.types import AuditRecord, Coverage, Estimate, Exhibit, Finding, Rule

OUTCOMES, SWAPS, BASICS = (
    "bias.group_outcomes",
    "bias.counterfactual_terms",
    "performance.classification",
)


def estimate(value: float, half: float, **more: object) -> Estimate:
    """An estimate whose interval reaches `half` to both sides."""
    fields = {
        "value": value,
        "low": value - half,
        "high": value + half,
        "low_adj": value - 1.2 * half,
        "high_adj": value + 1.2 * half,
        "n": 1200,
        "clusters": 1200,
        "method": "wilson",
    }
    return Estimate(**{**fields, **more})  # type: ignore[arg-type]


def finding(
    probe: str, measure: str, slice_: dict[str, str], found: Estimate | None, **more: object
) -> Finding:
    """A finding of that probe; measured where nothing else is said."""
    fields = {"rule": None, "verdict": "measured", "evidence": f"evidence/{probe}.parquet"}
    return Finding(
        probe=probe,
        family=probe.split(".")[0],
        measure=measure,
        slice=slice_,
        estimate=found,
        **{**fields, **more},  # type: ignore[arg-type]
    )


def card(title: str) -> dict[str, object]:
    return {
        "title": title,
        "claim": "People of every group are treated alike by the model.",
        "harm": "People of one group are refused more often than others who are alike.",
        "citation": [
            {"text": "Hardt, Price, Srebro 2016", "url": "https://arxiv.org/abs/1610.02413"},
            {"text": "A book without an address", "url": None, "doi": None},
        ],
        "limits": ["It sees only the groups that the data name."],
        "method": "group_outcomes",
        "method_digest": "ab" * 32,
        "card_digest": "cd" * 32,
        "params": {"threshold": 0.5},
        "measures": [],
        "controls": ["nist-ai-rmf:MEASURE-2.11"],
    }


AUDIT = {
    "name": "income",
    "started": "2026-01-05T10:00:00Z",
    "finished": "2026-01-05T10:04:31Z",
    "seed": 0,
    "fmaudit": "0.1.0",
    "spec_digest": "12" * 32,
    "command": "fmaudit audit spec.yaml",
    "families": {"bias": 3, "performance": 0},
    "exit_code": 1,
}
MODEL = {
    "path": "./income-model",
    "name": "income-model",
    "adapter": "classifier",
    "digest": "34" * 32,
    "device": "cpu",
    "dtype": "float32",
    "attention": "sdpa",
    "window": 256,
    "parameters": 22713986,
    "classes": ["<=50K", ">50K"],
    "positive": ">50K",
    "notes": [],
    "libraries": {"torch": "2.9", "transformers": "5.0"},
    "base": None,
}
DATA = {
    "source": "file:validation.csv",
    "rows": 1200,
    "attributes": ["sex", "race"],
    "columns": {"text": "text", "label": "label"},
    "dropped": {"no text": 3},
    "digest": "56" * 32,
    "positive": ">50K",
    "cut_texts": 4,
}
COSTS = {
    "requests": {"asked": 4800, "merged": 2400, "cached": 0, "run": 2400, "saved": 0.5},
    "batches": 76,
    "tokens": 110000,
    "padded_tokens": 121000,
    "halvings": 0,
    "model_seconds": 61.2,
    "wall_seconds": 88.0,
    "peak_memory_bytes": 1_500_000_000,
}
FLOOR = {
    "target": {
        "classify": {
            "items": 500,
            "answered": {"alone": 500, "padded": 500, "again": 500},
            "largest": {"alone": 2.4e-7, "padded": 4.8e-7, "again": 0.0},
            "flips": {"alone": 0.0, "padded": 0.0, "again": 0.0},
        }
    }
}


def findings() -> tuple[Finding, ...]:
    gate, swap_gate = Rule("<=", 0.1), Rule("<=", 0.05)
    gaps = {"clusters": 1200, "method": "newcombe_simultaneous"}
    return (
        *(
            finding(BASICS, name, {}, estimate(value, 0.02), positive=positive)
            for name, value, positive in (
                ("accuracy", 0.832, None),
                ("f1", 0.643, ">50K"),
                ("ece", 0.031, None),
            )
        ),
        *(
            finding(OUTCOMES, name, {"sex": sex}, estimate(value, 0.03), positive=">50K")
            for name in ("selection_rate", "true_positive_rate")
            for sex, value in (("Female", 0.21), ("Male", 0.43))
        ),
        finding(
            OUTCOMES,
            "equal_opportunity_difference",
            {"attribute": "sex"},
            estimate(
                0.22,
                0.05,
                p_fail=1e-5,
                p_pass=1.0,
                details={"pair": ["Female", "Male"], "permutation_p": 0.001},
                **gaps,
            ),
            rule=gate,
            verdict="fail",
            positive=">50K",
        ),
        finding(
            OUTCOMES,
            "equal_opportunity_difference",
            {"attribute": "race"},
            estimate(0.08, 0.06, p_fail=0.9, p_pass=0.3, **gaps),
            rule=gate,
            verdict="inconclusive",
            reason="0.02 to 0.14 does not settle on which side of 0.1 the value lies",
            needed_n=1400,
            positive=">50K",
        ),
        finding(
            OUTCOMES,
            "equal_opportunity_difference",
            {"attribute": "race", "left out": "Other"},
            None,
            verdict="not_tested",
            reason="7 rows with the positive label, fewer than the 50 asked for",
        ),
        finding(
            SWAPS,
            "excess_flip_rate",
            {"attribute": "sex"},
            estimate(0.01, 0.012, clusters=400, p_fail=1.0, p_pass=0.001),
            rule=swap_gate,
            verdict="pass",
        ),
        finding(
            SWAPS,
            "excess_flip_rate",
            {"attribute": "race"},
            None,
            rule=swap_gate,
            verdict="not_tested",
            reason="no rows",
        ),
    )


@pytest.fixture
def record() -> AuditRecord:
    """An audit of two families, with every verdict but `error`."""
    return by_hand()


def by_hand() -> AuditRecord:
    """The record that the tests of the report share."""
    return AuditRecord(
        audit=AUDIT,
        model=MODEL,
        data=DATA,
        environment={
            "python": "3.11.9",
            "platform": "Linux",
            "cpu": "2 cores",
            "gpu": None,
            "packages": {"numpy": "2.4.6"},
        },
        floor=FLOOR,
        findings=findings(),
        exhibits=(
            Exhibit(
                SWAPS,
                "examples",
                "Largest changes",
                {"sort": "gap", "absolute": True, "top": 2, "columns": ["input", "gap"]},
            ),
        ),
        coverage=(
            Coverage(OUTCOMES, "bias", "ran", cases=1200, rows=1200),
            Coverage(SWAPS, "bias", "ran", cases=1200, rows=900, failed_rows=2),
            Coverage(BASICS, "performance", "ran", cases=1200, rows=1200),
            Coverage("bias.other", "bias", "not_tested", "it needs groups"),
            Coverage("privacy.canaries", "privacy", "not_asked"),
        ),
        costs=COSTS,
        probes={
            OUTCOMES: card("Outcomes of groups"),
            SWAPS: card("Identity swaps"),
            BASICS: card("How well it classifies"),
        },
    )
