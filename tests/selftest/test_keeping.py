from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest
from support_selftest import ID, trial

from fmaudit import catalog, measured
from fmaudit.errors import SpecError
from fmaudit.selftest import tier1
from fmaudit.selftest.keeping import checkout, keep, plain


@pytest.fixture
def tried(tmp_path):
    return [trial(tmp_path, ladder=(40,))]


def test_the_figures_as_json_are_a_flat_list(tried):
    done = tier1.run(tried, seeds=3)
    (row,) = json.loads(plain(done))
    assert {"probe", "measure", "dose", "n", "m", "power", "false_alarms", "boundary"} <= set(row)
    assert (row["probe"], row["n"], row["tier"]) == (ID, 40, 1)
    assert set(row["power"]) == {"value", "low", "high", "seeds"}


def test_what_was_measured_is_kept_beside_the_card(tried):
    (mine,) = tried
    done = tier1.run(tried, seeds=3, each=lambda trial, found: keep(trial, found) and None)
    known = measured.known(mine.card, mine.method)
    assert list(known.found.figures) == done.figures[ID]
    assert known.found.subject == "Planted."
    assert known.stale == ()


def test_what_was_measured_is_of_the_code_that_the_trial_began_with(tried):
    (mine,) = tried
    earlier = replace(mine, stamp=msgspec.structs.replace(mine.stamp, method_digest="0" * 64))
    keep(earlier, [])
    assert measured.known(mine.card, mine.method).changed


def test_what_trained_models_showed_stays(tried):
    (mine,) = tried
    trained = ({"name": "shortcut"},)
    measured.write(mine.card, msgspec.structs.replace(mine.stamp, trained=trained))
    keep(mine, [])
    assert measured.read(mine.card).trained == trained


def test_an_installed_package_is_not_written_to(monkeypatch, tmp_path):
    assert checkout(None, 400).name == "probes"
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "_content",))
    with pytest.raises(SpecError, match="checkout"):
        checkout(None, 400)


def test_figures_of_few_audits_are_not_written():
    assert checkout(400, 400).name == "probes"
    with pytest.raises(SpecError, match="at least 400 audits a twin, not of 399"):
        checkout(399, 400)
