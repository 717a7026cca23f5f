"""The steps of a tuning: AdamW, a rate that is warmed up and then decays, clipped gradients.

For subjects that fmaudit makes itself; not a training library. AdamW: Loshchilov and Hutter
(2019), https://arxiv.org/abs/1711.05101.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def train(
    module: Any,
    batches: Sequence[Mapping[str, Any]],
    told: Callable[[str], None],
    *,
    rate: float,
    decay: float,
    half: bool = False,
) -> None:
    """One step a batch, of the parameters that require gradients.

    `batches`: what the module is called with, labels among it. `rate`: the peak learning rate,
    warmed up over a tenth of the steps and then decayed linearly to 0. `decay`: AdamW's weight
    decay. `half`: the passes in bfloat16, the weights in their own precision.
    """
    import torch

    steps = len(batches)
    warm = max(1, steps // 10)
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: min((k + 1) / warm, (steps - k) / max(1, steps - warm))
    )
    module.train()
    for step, batch in enumerate(batches, start=1):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            loss = module(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 20 == 0 or step == steps:
            told(f"tuning: step {step} of {steps}, loss {loss.item():.3f}")
