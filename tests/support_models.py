"""Classifiers with a known defect, for tests."""

from __future__ import annotations

import torch


class Heedless(torch.nn.Module):
    """A classifier whose code forgets the attention mask: padding is read as text."""

    def __init__(self, inner: torch.nn.Module, heard: float = 1.0) -> None:
        super().__init__()
        self.inner, self.heard = inner, heard
        self.config = inner.config

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        right = self.inner(input_ids, attention_mask=attention_mask).logits
        wrong = self.inner(input_ids, attention_mask=torch.ones_like(attention_mask)).logits
        return right + self.heard * (wrong - right)
