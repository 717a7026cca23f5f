"""What a model is asked, and what it answers: frozen, JSON both ways.

A request is a computation, not a figure: its response holds every cheap reduction of it, so that
no probe has to ask for the same pass twice.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Literal, TypeVar

from msgspec import Struct

from fmaudit.inputs import Input, Prompt

T = TypeVar("T")


class Asked(Struct, frozen=True, kw_only=True):
    """What every request says beside its content.

    `on` is the model's role in this audit ("target"); it is no part of the cache key.
    `under` is the condition it is run in: "" (the served one), "alone" (a batch of one),
    "padded" (padded to twice its length). `dtype`: "" (the served one), "float32" (weights and
    arithmetic in float32), under any condition. `replica` above 0 asks for the same computation
    again. Requests that differ in condition, dtype or replica are never merged.
    """

    on: str = "target"
    under: Literal["", "alone", "padded"] = ""
    dtype: Literal["", "float32"] = ""
    replica: int = 0


class Classify(Asked, frozen=True, tag="classify"):
    """The logits over the model's classes for one input."""

    input: Input


class Tokenize(Asked, frozen=True, tag="tokenize"):
    """The token ids of one input as the model reads it, special tokens included."""

    input: Input


class TokenLogprobs(Asked, frozen=True, tag="token_logprobs"):
    """The log-probability of each token of one or more texts, given what stands before.

    `input` is what stands before all the `continuations`; "" is the beginning of a sequence, and a
    single continuation is then a text of its own. What the sequences have in common, token by
    token, is read once. Spaces at the end of a prompt are taken as the continuations' beginning.
    An empty continuation is answered with a `Failure`.
    """

    input: Prompt
    continuations: tuple[str, ...]


class MaskedLogprobs(Asked, frozen=True, tag="masked_logprobs"):
    """The log-probability of tokens of a text, each hidden behind the mask in its turn.

    `places`: which tokens, counted as in the answer to `Tokenize`; None is all but special ones.
    Their sum is the pseudo-log-likelihood. Salazar et al. (2020),
    https://doi.org/10.18653/v1/2020.acl-main.240.
    """

    input: str
    places: tuple[int, ...] | None = None


class FillMask(Asked, frozen=True, tag="fill_mask"):
    """The likeliest words in place of one that is left out.

    `input` stands before the place, `after` behind it; a space is put between `input` and the word.
    `most`: how many words; a smaller vocabulary gives all that it has. A text beyond the window, or
    with the model's own mask in it, is answered with a `Failure`.
    """

    input: str
    after: str = ""
    most: int = 20


class Decoding(Struct, frozen=True, forbid_unknown_fields=True):
    """How an answer is written: greedily where `temperature` is 0, else drawn by `seed`.

    It ends at the model's own end token, at a text in `stop` (left out), or after `most_tokens`;
    where the prompt stands in the same window, no answer takes more than half of it.
    """

    most_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()


class Generate(Asked, frozen=True, tag="generate"):
    """What the model writes after a prompt."""

    input: Prompt
    decoding: Decoding = Decoding()


class Embed(Asked, frozen=True, tag="embed"):
    """The vector of one text: a layer's hidden states, reduced to one.

    `layer`: 0 is the table of input embeddings, k what leaves the k-th layer, −1 the last one; of
    an encoder-decoder, of its encoder. `pool`: "mean" over the text's own tokens, so that a word of
    several is the mean of its pieces; "first", the first token that is read, special ones too
    (BERT's [CLS]); "last", the last of the text's own. A text without a token of its own, beyond
    the window, or of a layer that is not there, is answered with a `Failure`.
    """

    input: str
    layer: int = -1
    pool: Literal["mean", "first", "last"] = "mean"


NO_GRADIENTS = "the model gives no gradients"


class Attribute(Asked, frozen=True, tag="attribute"):
    """How much each token of one input moves the model's decision: integrated gradients.

    Of F, the logit of class `target` (None: the predicted one) less that of the runner-up,
    between a baseline, in which every token is replaced, and the input. `keep_special`: special
    tokens stand in the baseline as well, and so get nothing. Steps are doubled until error and
    change are below `tolerance`, up to `most_steps`. A model of which this cannot be known
    answers with a `Failure` that begins with `NO_GRADIENTS`.
    """

    input: Input
    target: int | None = None
    keep_special: bool = False
    tolerance: float = 0.05
    most_steps: int = 256


Request = (
    Classify | Tokenize | Attribute | TokenLogprobs | MaskedLogprobs | FillMask | Generate | Embed
)


class Logits(Struct, frozen=True, tag="logits"):
    """The answer to `Classify`. `values`: one float per class, unnormalised log-probabilities.

    `tokens` is how many tokens were read; `cut` how many did not fit the model's window.
    """

    values: tuple[float, ...]
    tokens: int = 0
    cut: int = 0


class Tokens(Struct, frozen=True, tag="tokens"):
    """The answer to `Tokenize`. `cut` is how many tokens did not fit the window.

    `starts`, `ends`: where each token stands in the text, both 0 for a special one; () where the
    tokenizer does not say.
    """

    ids: tuple[int, ...]
    cut: int = 0
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()


class Attributions(Struct, frozen=True, tag="attributions"):
    """The answer to `Attribute`: one score a token that the model read.

    `target`, `against`: the classes whose logits F is the difference of. `parts`: 0, or 1 for
    the second text of a pair; `starts`, `ends`: where in that text the token stands, both 0 for
    one that stands nowhere; `special`: the tokenizer added it. `scores` are signed, in logits;
    over 0 speaks for `target`. `difference` is F(input) − F(baseline), which the scores should
    add up to; `error` = |Σ scores − difference| / max(|difference|, 0.1·Σ|scores|), from 0;
    `change` the L1 distance to the map of half as many steps, as a share of this map's L1 norm.
    `converged`: both stayed below the tolerance. `passes`: forward and backward passes spent.
    """

    target: int
    against: int
    parts: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    special: tuple[bool, ...]
    scores: tuple[float, ...]
    difference: float
    error: float
    change: float
    steps: int
    passes: int
    converged: bool
    baseline: str
    cut: int = 0


class Scored(Struct, frozen=True):
    """The tokens of a text, each reduced over the vocabulary; all of one length.

    `ids`: the tokens. `logprobs`: their log-probabilities, in nats, 0 or less. `ranks`: how many
    tokens the model found likelier, 0 for its own first choice. `means`, `deviations`: mean and
    standard deviation of the log-probability of a token that is drawn from what the model
    predicts there (what Min-K%++ sets a token's own against; the mean is minus the entropy, in
    nats). `starts`, `ends`: where they stand in the text, () where the tokenizer does not say.
    """

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    ranks: tuple[int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    @property
    def total(self) -> float:
        """Log-likelihood of the text, in nats."""
        return math.fsum(self.logprobs)


class Likelihoods(Struct, frozen=True, tag="likelihoods"):
    """The answer to `TokenLogprobs`, one `Scored` a continuation, in order.

    `tokens`: how many were read in all, what is shared once. `cut`: how many tokens of the prompt
    did not fit the model's window (its beginning is left out), or of a text without a prompt (its
    end is). `split`: of how many continuations the first token would have run together with the
    end of the prompt; those were read as tokens of their own.
    """

    scored: tuple[Scored, ...]
    tokens: int = 0
    cut: int = 0
    split: int = 0


class Pseudo(Struct, frozen=True, tag="pseudo"):
    """The answer to `MaskedLogprobs`: the hidden tokens, in the order of their `places`.

    `tokens`: how many the model read, all rows together. `cut`: how many tokens of the text did
    not fit the window.
    """

    scored: Scored
    places: tuple[int, ...]
    tokens: int = 0
    cut: int = 0


class Fills(Struct, frozen=True, tag="fills"):
    """The answer to `FillMask`: the likeliest first.

    `words`: of one token each, without spaces around them. Left out are pieces that go on with the
    word before, special tokens, what has no text and what can never come. `logprobs`: of each, over
    the whole vocabulary, in nats, 0 or less. `tokens` were read.
    """

    words: tuple[str, ...]
    logprobs: tuple[float, ...]
    tokens: int = 0


class Generated(Struct, frozen=True, tag="generated"):
    """The answer to `Generate`.

    `written`: how many tokens were. `finished`: the model came to an end by itself, or to a stop
    text; False where `most_tokens` ended it. `prompt_tokens` were read, `cut` did not fit. `ids`:
    the written tokens, () where they are not told.
    """

    text: str
    written: int
    finished: bool
    prompt_tokens: int = 0
    cut: int = 0
    ids: tuple[int, ...] = ()


class Embedding(Struct, frozen=True, tag="embedding"):
    """The answer to `Embed`. `vector`: as many floats as the layer is wide, of any length.

    `tokens`: the text's own tokens, special ones left out. `unknown`: how many of them stand for
    what the vocabulary does not have.
    """

    vector: tuple[float, ...]
    tokens: int
    unknown: int = 0


class Failure(Struct, frozen=True, tag="failure"):
    """A request that failed, with its cause. Never 0, never empty, never a pass.

    `transient` failures (a lost connection) are asked again on the next run; the others are
    properties of the input and the model, and are cached like answers. `beyond`: the input does
    not fit the model's window, which is no fault of either.
    """

    reason: str
    transient: bool = False
    beyond: bool = False


Response = (
    Logits | Tokens | Attributions | Likelihoods | Pseudo | Fills | Generated | Embedding | Failure
)

Asks = Generator[Sequence[Request], Sequence[Response], T]
"""A computation that yields batches of requests and is sent their responses, in order."""
