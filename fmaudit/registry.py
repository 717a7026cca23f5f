"""The one registry: methods and adapters by name, loaded when they are first used.

Built-in plug-ins are named here as "module:attribute"; another package adds its own by an
entry point in the group `fmaudit.methods` or `fmaudit.adapters`. Nothing is imported until
it is asked for, so that `fmaudit --help` stays quick and torch stays out.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

import msgspec

from fmaudit.errors import SpecError, UnknownName
from fmaudit.seeds import Seeds
from fmaudit.types import Asks, Case, Row

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "methods": {
        "predictions": "fmaudit.performance.predictions:predictions",
        "language_modelling": "fmaudit.performance.language_modelling:language_modelling",
        "multiple_choice": "fmaudit.performance.multiple_choice:multiple_choice",
        "written_answers": "fmaudit.performance.written_answers:written_answers",
        "group_outcomes": "fmaudit.bias.group_outcomes:group_outcomes",
        "group_numbers": "fmaudit.bias.group_numbers:group_numbers",
        "conditional_outcomes": "fmaudit.bias.conditional_outcomes:conditional_outcomes",
        "local_law_144": "fmaudit.bias.local_law_144:local_law_144",
        "counterfactual_terms": "fmaudit.bias.counterfactual_terms:counterfactual_terms",
        "counterfactual_texts": "fmaudit.bias.counterfactual_texts:counterfactual_texts",
        "counterfactual_answers": "fmaudit.bias.counterfactual_answers:counterfactual_answers",
        "written_about_groups": "fmaudit.bias.written_about_groups:written_about_groups",
        "filled_about_groups": "fmaudit.bias.filled_about_groups:filled_about_groups",
        "sentence_preference": "fmaudit.bias.sentence_preference:sentence_preference",
        "masked_preference": "fmaudit.bias.masked_preference:masked_preference",
        "descriptor_likelihood": "fmaudit.bias.descriptor_likelihood:descriptor_likelihood",
        "stereotype_agreement": "fmaudit.bias.stereotype_agreement:stereotype_agreement",
        "pronoun_preference": "fmaudit.bias.pronoun_preference:pronoun_preference",
        "masked_pronoun_preference": (
            "fmaudit.bias.masked_pronoun_preference:masked_pronoun_preference"
        ),
        "speaker_gender": "fmaudit.bias.speaker_gender:speaker_gender",
        "masked_speaker_gender": "fmaudit.bias.masked_speaker_gender:masked_speaker_gender",
        "ambiguous_questions": "fmaudit.bias.ambiguous_questions:ambiguous_questions",
        "ambiguous_answers": "fmaudit.bias.ambiguous_answers:ambiguous_answers",
        "embedding_association": "fmaudit.bias.embedding_association:embedding_association",
        "stereoset_likelihood": "fmaudit.bias.stereoset_likelihood:stereoset_likelihood",
        "stereoset_masked": "fmaudit.bias.stereoset_masked:stereoset_masked",
        "toxicity_tests": "fmaudit.bias.toxicity:toxicity_tests",
        "character_noise": "fmaudit.robustness.character_noise:character_noise",
        "prompt_format": "fmaudit.robustness.prompt_format:prompt_format",
        "option_order": "fmaudit.robustness.option_order:option_order",
        "integrated_gradients": "fmaudit.explanations.integrated_gradients:integrated_gradients",
        "partition_shap": "fmaudit.explanations.partition_shap:partition_shap",
        "answer_span": "fmaudit.explanations.answer_span:answer_span",
        "membership_loss": "fmaudit.privacy.membership_loss:membership_loss",
        "membership_base_ratio": "fmaudit.privacy.membership_base_ratio:membership_base_ratio",
        "verbatim_extraction": "fmaudit.privacy.verbatim_extraction:verbatim_extraction",
    },
    "adapters": {
        "classifier": "fmaudit.models.classifier:open_model",
        "causal": "fmaudit.models.causal:open_model",
        "masked": "fmaudit.models.masked:open_model",
        "seq2seq": "fmaudit.models.seq2seq:open_model",
        "callable": "fmaudit.models.callable:open_model",
        "fake": "fmaudit.models.fakes:open_model",
    },
}

_SHARED = ("scoring.py", "prompts.py", "segments.py")
_FAMILIES = tuple(
    f"fmaudit.{family}."
    for family in ("performance", "bias", "robustness", "privacy", "explanations")
)
_ATTRIBUTIONS = ("models/gradients.py", "models/quadrature.py")


SCORER = "scorer:"
"""The role of a model that scores texts: this, and its name."""


class Scorer(msgspec.Struct, frozen=True):
    """A model that scores texts.

    `classes`: of its logits. `positive`: the index of the class whose probability is the score.
    `at`: from this score on, a text is flagged.
    """

    classes: tuple[str, ...]
    positive: int
    at: float = 0.5


class Context(msgspec.Struct, frozen=True):
    """What a method may know beside its cases.

    `seeds` is keyed by the probe. `classes` are the model's class names in the order of its
    logits; `positive` is the index of the favourable class (None: none was named and the
    model is not binary). `floor` is the noise floor: the largest change of a logit that the
    same input shows between batch shapes, 0.0 where nothing moved. `capabilities`: the kinds of
    request that the target model answers; `beside`: role → those of another model in the audit
    ("base"). `chat`: prompts are conversations, which the target reads by its chat template.
    `random_members`: a draw at random, which is on record, decided which cases are members of the
    training data. `scorers`: name → what scores the texts that the model writes.
    """

    seeds: Seeds
    classes: tuple[str, ...] = ()
    positive: int | None = None
    floor: float = 0.0
    capabilities: frozenset[str] = frozenset()
    beside: Mapping[str, frozenset[str]] = msgspec.field(default_factory=dict)
    chat: bool = False
    random_members: bool = False
    scorers: Mapping[str, Scorer] = msgspec.field(default_factory=dict)


Run = Callable[[Sequence[Case], Any, Context], Asks[list[Row]]]


class NoParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A method without parameters."""


@dataclass(frozen=True)
class Method:
    """One way of measuring: a generator of requests that returns rows.

    `needs`: role → capabilities the model of that role must offer. `data`: what each case
    must have ("text", "target", "groups", "member": the cases are members and non-members of
    the training data, "number": the model predicts a number, and the label is one). `columns`:
    name → type (float, int, bool, str, list[float], list[int], or Input) of the values in its
    rows. `whole`: called once over all cases, not once a chunk. `params`: a frozen
    `msgspec.Struct`; a card's parameters are checked against it. `choosing`: those of them that
    choose what is tried and leave a trial as it is, so that the errors measured under others hold.
    """

    name: str
    run: Run
    needs: Mapping[str, frozenset[str]]
    data: frozenset[str]
    columns: Mapping[str, Any]
    params: type = NoParams
    whole: bool = False
    choosing: frozenset[str] = frozenset()
    summary: str = ""

    @property
    def kind(self) -> Literal["classifier", "masked", "language", "any"]:
        """Which models it is for: those that give class scores, hidden tokens, or likelihoods.

        "any" is whatever has hidden states to make vectors of.
        """
        asked = self.needs.get("target", frozenset())
        if asked == {"embed"}:
            return "any"
        if asked & {"masked_logprobs", "fill_mask"}:
            return "masked"
        return "language" if asked & {"token_logprobs", "generate"} else "classifier"

    def digest(self) -> str:
        """sha256 of the source that its figures stand on.

        That is its module with what it imports of its own package and of other families, what all
        families share, and for a method that needs attributions what computes them.
        """
        root = Path(__file__).parent
        home = Path(str(sys.modules[self.run.__module__].__file__))
        files = _reached(home, self.run.__module__.rpartition(".")[0])
        beside = list(_SHARED)
        if any("attribute" in kinds for kinds in self.needs.values()):
            beside += _ATTRIBUTIONS
        total = hashlib.sha256()
        for file in (*sorted(files), *(root / name for name in beside)):
            total.update(file.read_bytes())
        return total.hexdigest()


def _reached(start: Path, package: str) -> set[Path]:
    """A module's file and those of its package, and of families, that it imports, however far."""
    files, waiting = set(), {start}
    while waiting:
        file = waiting.pop()
        files.add(file)
        waiting |= _imported(file, package) - files
    return files


def _imported(file: Path, package: str) -> set[Path]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            module = f"{package}.{node.module or ''}".rstrip(".") if node.level else node.module
            names = [str(module), *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        inside = [name.removeprefix(f"{package}.") for name in names]
        for name, inner in zip(names, inside, strict=True):
            if name != inner:
                found.add(file.parent / f"{inner.replace('.', '/')}.py")
            elif name.startswith(_FAMILIES):  # a method that stands on another family's
                found.add(Path(__file__).parents[1] / f"{name.replace('.', '/')}.py")
    return {path for path in found if path.is_file()}


def method(
    name: str,
    *,
    needs: Mapping[str, set[str]],
    data: set[str],
    columns: Mapping[str, Any],
    params: type = NoParams,
    whole: bool = False,
    choosing: Collection[str] = (),
) -> Callable[[Run], Method]:
    """Make a generator function a `Method` (see there for the arguments)."""

    def wrap(run: Run) -> Method:
        return Method(
            name=name,
            run=run,
            needs={role: frozenset(kinds) for role, kinds in needs.items()},
            data=frozenset(data),
            columns=dict(columns),
            params=params,
            whole=whole,
            choosing=frozenset(choosing),
            summary=(inspect.getdoc(run) or "").split("\n\n")[0].replace("\n", " "),
        )

    return wrap


@cache
def known(kind: str) -> Mapping[str, str]:
    """Name → "module:attribute" of every plug-in of a kind ("methods" or "adapters")."""
    found = dict(BUILT_IN[kind])
    for point in entry_points(group=f"fmaudit.{kind}"):
        if point.name in found and found[point.name] != point.value:
            raise SpecError(
                f"two plug-ins are called {point.name!r}: {found[point.name]} and {point.value}. "
                "Rename the entry point of the one that is yours."
            )
        found[point.name] = point.value
    return found


def load(kind: str, name: str, where: str = "") -> Any:
    """The plug-in of that kind and name. Raises `UnknownName` with the nearest right one."""
    names = known(kind)
    if name not in names:
        raise UnknownName(kind.rstrip("s"), name, names, where)
    module, _, attribute = names[name].partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"the plug-in {name!r} ({names[name]}) cannot be loaded: {error}. "
            "Mend or remove the package that brings it."
        ) from error


def load_method(name: str, where: str = "") -> Method:
    """The method of that name."""
    found: Method = load("methods", name, where)
    return found
