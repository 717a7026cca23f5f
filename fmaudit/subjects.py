"""The models of an audit: what is known of each, and that a tuned one and its base begin alike."""

from __future__ import annotations

import msgspec

from fmaudit import environment
from fmaudit.engine.runner import LocalRunner
from fmaudit.memo import Memo
from fmaudit.models.base import Facts

Known = tuple[Facts, frozenset[str]]
"""A model's facts, and what it offers."""


def memo_of(runner: LocalRunner) -> Memo:
    """What is remembered of a model, by the code and on the machine that run now."""
    return Memo(runner.cache, [environment.code_digest(), environment.machine_key()])


def known(runner: LocalRunner) -> Known:
    """What is known of a model; it is loaded where nothing is remembered of it."""
    facts, capabilities = memo_of(runner).facts(runner.key, lambda: runner.model)
    return msgspec.structs.replace(facts, name=runner.handle.name), capabilities


def known_pair(runner: LocalRunner, base: LocalRunner | None) -> tuple[Known, Known | None]:
    """What is known of the audited model and of its base, whose texts begin alike.

    After the base's beginning: both have met it where texts begin, while the tuned one's may be a
    token that its base was never trained on. A decoder's says which language it writes, as the
    tuned one was told.
    """
    target = known(runner)
    if base is None:
        return target, None
    before = known(base)
    if target[0].kind == "seq2seq" and before[0].begins != target[0].begins:
        base.begin_as(target[0].begins)
        return target, known(base)
    if before[0].begins != target[0].begins:
        runner.begin_as(before[0].begins)
        return known(runner), before
    return target, before
