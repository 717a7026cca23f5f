"""A classifier whose reasons are known: one or two planted words decide between three classes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fmaudit.types import Case

CLASSES = ("metal", "colour", "fruit")
CUES = (
    ["iron", "copper", "silver", "tin", "lead", "zinc"],
    ["red", "green", "blue", "yellow", "purple", "orange"],
    ["apple", "pear", "plum", "cherry", "grape", "melon"],
)
TEXT = """
the a is was in of and very this that it house street river people walked slowly under old new
today morning evening table chair window door letter story city garden winter summer quiet long
short road bridge boat train found kept left near far small large many few
"""
FILLER = TEXT.split()


@dataclass(frozen=True)
class Planted:
    """`texts` with their `labels`; `places`: the planted words among each text's words."""

    folder: Path
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    places: tuple[frozenset[int], ...]

    @property
    def cases(self) -> list[Case]:
        return [
            Case(f"t{k}", text, target)
            for k, (text, target) in enumerate(zip(self.texts, self.labels, strict=True))
        ]

    def rows(self, path: Path) -> Path:
        """The texts as a CSV file with the columns text and label."""
        with path.open("w", newline="", encoding="utf-8") as stream:
            out = csv.writer(stream)
            out.writerow(["text", "label"])
            out.writerows(zip(self.texts, self.labels, strict=True))
        return path

    def precision(self, maps) -> float:
        """Mean area under the precision-recall curve of word scores against planted words.

        `maps`: one a text, in order, the signed scores of its words.
        """
        from sklearn.metrics import average_precision_score

        areas = [
            average_precision_score([k in places for k in range(len(scores))], scores)
            for places, scores in zip(self.places, maps, strict=True)
        ]
        return float(np.mean(areas))


def draw(rng, label: int | None) -> tuple[str, frozenset[int]]:
    """A text of 8 to 20 words of which one or two are cues of the class `label`; None has none."""
    words = list(rng.choice(FILLER, rng.integers(8, 21)))
    count = 0 if label is None else rng.integers(1, 3)
    places = rng.choice(len(words), count, replace=False)
    for place in places:
        words[place] = str(rng.choice(CUES[label]))
    return " ".join(words), frozenset(int(p) for p in places)


def tokenizer_of_words():
    """One token a word, lower case, between [CLS] and [SEP]."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = dict.fromkeys([*specials, *FILLER, *(word for cues in CUES for word in cues)])
    ids = {word: k for k, word in enumerate(vocabulary)}
    inner = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=48,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip


def untrained(words: int):
    """A small BERT with random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=words, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=48, num_labels=len(CLASSES),
            id2label=dict(enumerate(CLASSES)), label2id={n: k for k, n in enumerate(CLASSES)},
            pad_token_id=0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            initializer_range=0.15,
        )
    )  # fmt: skip


def trained(folder: Path, steps: int = 150) -> Path:
    """The same, trained on fresh texts until the planted words decide, each class by its own.

    A third of the texts have no cue and any label, and half of those are mask tokens in part: the
    absence of a cue, or of a word, speaks for no class.
    """
    import torch

    tokenizer = tokenizer_of_words()
    model = untrained(len(tokenizer)).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rng = np.random.default_rng(1)
    for _ in range(steps):
        labels = rng.integers(0, len(CLASSES), 48)
        texts = [draw(rng, label)[0] for label in labels[:32]]
        texts += [draw(rng, None)[0] for _ in range(8)]
        texts += [masked(rng, draw(rng, None)[0]) for _ in range(8)]
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        losses = torch.nn.functional.cross_entropy(
            model(**batch).logits, torch.tensor(labels), reduction="none"
        )
        optimiser.zero_grad()
        losses.mean().backward()
        optimiser.step()
    learnt = losses[:32].mean().item()
    assert learnt < 0.1, f"the planted words were not learnt: loss {learnt:.3f}"
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def masked(rng, text: str) -> str:
    """Some of its words, up to all, in place of which stands the mask token."""
    share = rng.random()
    return " ".join("[MASK]" if rng.random() < share else word for word in text.split())


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> Planted:
    """A trained toy and 120 texts that it has not seen."""
    folder = trained(tmp_path_factory.mktemp("planted"))
    rng = np.random.default_rng(2)
    labels = [k % len(CLASSES) for k in range(120)]
    drawn = [draw(rng, label) for label in labels]
    return Planted(
        folder=folder,
        texts=tuple(text for text, _ in drawn),
        labels=tuple(CLASSES[label] for label in labels),
        places=tuple(places for _, places in drawn),
    )


@pytest.fixture(scope="session")
def untrained_folder(tmp_path_factory) -> Path:
    """The same model with random weights: the planted words mean nothing to it."""
    folder = tmp_path_factory.mktemp("untrained")
    tokenizer = tokenizer_of_words()
    untrained(len(tokenizer)).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
