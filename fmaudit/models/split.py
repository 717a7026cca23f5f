"""A language model in two halves: its body gives hidden states, its head logits of chosen places.

A vocabulary is large: logits of all the places of a batch would take more memory than the model.
The head is therefore asked a chunk of places at a time, and of those alone that are scored. It is
the module's own forward pass with the body replaced by one that answers with the hidden states, so
that all that a model does to its logits (a bias, a scale, a soft cap) is done. Where that is not
what the whole module computes, the whole is asked, a few rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LOGITS = 64 * 2**20
"""Bytes of logits, in float32, that may stand in memory at once."""

TRIED = 8  # tokens that both ways are compared on
NEAR = {"float32": 1e-4, "float64": 1e-4}
COARSE = 0.1  # of logits in half precision, as a share where they are over 1

Fields = Mapping[str, Any]


class Split:
    """The halves of one module.

    Args:
        module: returns `.logits` (rows, length, vocabulary).
        body: the name of the part that gives hidden states ("model", "decoder").
        ids: what the module calls the tokens that it gives logits of.
        given: what the module takes beside them, of a row (an encoder's output).
        taken: the body's own fields for some of the module's.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        body: str,
        *,
        ids: str = "input_ids",
        given: Fields | None = None,
        taken: Callable[[Fields], Fields] = lambda fields: fields,
    ) -> None:
        self.module = module
        self._name, self._ids, self._given, self._taken = body, ids, given or {}, taken

    @cached_property
    def vocabulary(self) -> int:
        """Logits a place."""
        logits: torch.Tensor = self.module(**self._sample()).logits
        return int(logits.shape[-1])

    @cached_property
    def apart(self) -> bool:
        """Whether the two halves together compute what the whole does."""
        import torch

        if not isinstance(getattr(self.module, self._name, None), torch.nn.Module):
            return False
        fields = self._sample()
        try:
            whole = self.module(**fields).logits[0].float()
            both = self._head(self._body(fields)[0]).float()
        except (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError):
            return False
        if whole.shape != both.shape:
            return False
        dtype = str(next(self.module.parameters()).dtype).removeprefix("torch.")
        near = NEAR.get(dtype, COARSE)
        return bool(((whole - both).abs() <= near * whole.abs().clamp(min=1)).all())

    def rows(self, length: int) -> int:
        """The most rows of that length that `hidden` takes at once; at least 1."""
        if self.apart:
            return 1 << 30
        return max(1, LOGITS // (4 * length * self.vocabulary))

    def hidden(self, fields: Fields) -> torch.Tensor:
        """(rows, length, width) that `logits` makes logits of."""
        return self._body(fields) if self.apart else self.module(**fields).logits

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(places, vocabulary) of hidden states (places, width)."""
        return self._head(hidden) if self.apart else hidden

    @property
    def places(self) -> int:
        """How many places `logits` should be given at once."""
        return max(1, LOGITS // (4 * self.vocabulary))

    def _body(self, fields: Fields) -> torch.Tensor:
        part = getattr(self.module, self._name)
        out = part(**self._taken(fields))
        hidden: torch.Tensor = (
            out.last_hidden_state if hasattr(out, "last_hidden_state") else out[0]
        )
        return hidden

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        import torch

        ids = torch.zeros((1, hidden.shape[0]), dtype=torch.long, device=hidden.device)
        with _replaced(self.module, self._name, hidden[None]):
            logits: torch.Tensor = self.module(**{self._ids: ids}, **self._given).logits
        return logits[0]

    def _sample(self) -> dict[str, torch.Tensor]:
        import torch

        device = next(self.module.parameters()).device
        most = self.module.get_input_embeddings().num_embeddings  # type: ignore[operator]
        ids = (torch.arange(TRIED) * 7 + 5) % most
        return {self._ids: ids[None].to(device), **self._given}


class Answered:
    """What a body returns, of which only the hidden states are there."""

    def __init__(self, hidden: torch.Tensor) -> None:
        self.last_hidden_state = hidden

    def __getattr__(self, name: str) -> None:
        return None

    def __getitem__(self, at: Any) -> Any:
        return (self.last_hidden_state,)[at]


@contextmanager
def _replaced(module: torch.nn.Module, name: str, hidden: torch.Tensor) -> Iterator[None]:
    """The module with that part replaced by one that answers with `hidden`."""
    import torch

    class Part(torch.nn.Module):
        def forward(self, *args: Any, **kwargs: Any) -> Answered:
            return Answered(hidden)

    real = module._modules[name]
    module._modules[name] = Part()
    try:
        yield
    finally:
        module._modules[name] = real
