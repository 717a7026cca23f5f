"""How far a written answer agrees with its references: exact match, token F1, ROUGE, chrF.

Of several references the best counts, for each figure by itself. Words are those of `segments`:
in scripts without spaces each character is one.

exact, token F1   of words in lower case without punctuation and articles: SQuAD's (Rajpurkar et
                  al. 2016, https://doi.org/10.18653/v1/D16-1264), and in other scripts MLQA's,
                  for which all of Unicode's punctuation goes (Lewis et al. 2020,
                  https://doi.org/10.18653/v1/2020.acl-main.653). What would leave nothing of a
                  text is left undone: "A" and "the" are different answers, and "+" is one.
ROUGE-1, -2, -L   F of common words, pairs of words, the longest common subsequence (Lin 2004,
                  https://aclanthology.org/W04-1013), by the package rouge-score. Its own
                  tokenizer drops every letter beyond ASCII; here they are kept, and ASCII text
                  is cut as it cuts it.
chrF              F2 of runs of up to six characters, from 0 to 100 (Popović 2015,
                  https://doi.org/10.18653/v1/W15-3049), by the package sacrebleu.
"""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from fmaudit.segments import JOINER, spans

Words = tuple[str, ...]

ROUGE = {"rouge_1": ("rouge1", 1), "rouge_2": ("rouge2", 2), "rouge_l": ("rougeL", 1)}
"""Column → rouge-score's name, and how many words a text must have for it."""

_JOINERS = ("\u200c", JOINER)


def normal(text: str, articles: Collection[str] = ()) -> Words:
    """The words that an answer is compared by.

    >>> normal("The U.S. Navy!", {"the"}), normal("答案是：手机。"), normal("A", {"a"})
    (('us', 'navy'), ('答', '案', '是', '手', '机'), ('a',))
    """
    lower = unicodedata.normalize("NFC", text).lower()
    words = _words("".join(c for c in lower if not _punctuation(c))) or _words(lower)
    return tuple(word for word in words if word not in articles) or words


def token_f1(answer: Words, reference: Words) -> float:
    """Harmonic mean of the shares of both texts' words that the other has too, 0 to 1.

    >>> token_f1(("us", "navy"), ("navy",))
    0.6666666666666666
    """
    common = sum((Counter(answer) & Counter(reference)).values())
    return 2 * common / (len(answer) + len(reference)) if common else 0.0


def rouge(answer: str, references: Sequence[str], *, stem: bool = False) -> dict[str, float | None]:
    """`rouge_1`, `rouge_2`, `rouge_l`, 0 to 1; None where no reference has words enough for it.

    `stem`: words of ASCII letters are stemmed (Porter).
    """
    longest = max(len(_tokenizer(stem).tokenize(text)) for text in references)
    found = _rouge(stem).score_multi(list(references), answer)
    return {
        column: float(found[name].fmeasure) if longest >= least else None
        for column, (name, least) in ROUGE.items()
    }


def chrf(answer: str, references: Sequence[str], *, word_order: int = 0) -> float:
    """Sentence chrF2, 0 to 100. `word_order` 2 counts runs of words too: chrF++."""
    return float(_chrf(word_order).sentence_score(answer, list(references)).score)


def _words(text: str) -> Words:
    return tuple(text[start:end] for start, end in spans(text))


def _punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


class _Tokenizer:
    """The words of a text, lower-cased, without signs; those in ASCII as rouge-score has them."""

    def __init__(self, stem: bool) -> None:
        from rouge_score.tokenizers import DefaultTokenizer

        self._ascii = DefaultTokenizer(use_stemmer=stem)

    def tokenize(self, text: str) -> list[str]:
        """What rouge-score calls."""
        lower = unicodedata.normalize("NFC", text).lower()
        words = _words("".join(c if _spoken(c) else " " for c in lower))
        return [token for word in words for token in self._token(word)]

    def _token(self, word: str) -> list[str]:
        return self._ascii.tokenize(word) if word.isascii() else [word]


def _spoken(char: str) -> bool:
    """A letter, a digit, or what belongs to one."""
    return unicodedata.category(char)[0] in "LNM" or char in _JOINERS


@cache
def _tokenizer(stem: bool) -> _Tokenizer:
    return _Tokenizer(stem)


@cache
def _rouge(stem: bool) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([name for name, _ in ROUGE.values()], tokenizer=_tokenizer(stem))


@cache
def _chrf(word_order: int) -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=word_order)
