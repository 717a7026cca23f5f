"""The planted defects, one a file. Each makes the subject of one audit from a twin and seeds."""

from __future__ import annotations

from fmaudit.selftest.trained.plants import (
    brittle,
    copying,
    members,
    planted_words,
    preference,
    repeats,
    shortcut,
)

PLANTS = (
    shortcut.PLANT,
    brittle.PLANT,
    members.PLANT,
    *planted_words.PLANTS,
    *preference.PLANTS,
    *repeats.PLANTS,
    copying.PLANT,
)
