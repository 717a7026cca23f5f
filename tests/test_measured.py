from __future__ import annotations

import json

import msgspec
import pytest
from support_selftest import CARD, ID, content

from fmaudit import catalog, measured, registry
from fmaudit.errors import SpecError
from fmaudit.measured import Simulated
from fmaudit.types import Estimate, Finding, Rate, Rule

SURE, NEVER = Rate(1.0, 0.98, 1.0, 400), Rate(0.0, 0.0, 0.008, 400)
METHOD = registry.load_method("predictions")
GATE = Rule(">=", 0.7, "default")


def simulated(n, **changes):
    fields = {"op": ">=", "value": 0.7, "dose": 0.4, "m": 4}
    rates = {"power": SURE, "false_alarms": NEVER, "boundary": NEVER}
    return Simulated(measure="accuracy", n=n, **{**fields, **rates, **changes})


def finding(clusters, rule=GATE, measure="accuracy", **details):
    estimate = Estimate(0.8, 0.7, 0.9, clusters, clusters, "wilson", details=details)
    return Finding(ID, "fake", measure, {}, estimate, rule, "pass")


@pytest.fixture
def card(tmp_path):
    return catalog.probe(ID, [content(tmp_path)])


@pytest.fixture
def write(card):
    def put(*figures, **changes):
        found = msgspec.structs.replace(measured.stamp(card, METHOD, "A subject."), figures=figures)
        measured.write(card, msgspec.structs.replace(found, **changes))
        return measured.known(card, METHOD)

    return put


def test_what_is_written_lies_beside_the_card_and_reads_back(card, write):
    write(simulated(40), simulated(120))
    assert measured.path_of(card) == card.file.with_name("accuracy.measured.json")
    found = measured.read(card)
    assert [f.n for f in found.figures] == [40, 120]
    assert (found.probe, found.method_digest) == (ID, METHOD.digest())


def test_it_is_not_taken_for_a_card(card, write):
    write(simulated(40))
    root = card.file.parents[2]
    assert list(catalog.probes([root])).count(ID) == 1
    assert not [name for name in catalog.probes([root]) if "measured" in name]


def test_a_card_that_was_never_measured_has_nothing(card):
    assert measured.read(card) is None
    assert measured.known(card, METHOD) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"probe": 1}', "\xff"])
def test_a_broken_file_is_named_with_the_cure(card, text):
    measured.path_of(card).write_text(text, encoding="latin-1")
    with pytest.raises(SpecError, match="accuracy.measured.json.*selftest fake.accuracy --write"):
        measured.read(card)


def test_what_was_just_measured_is_not_stale(write):
    known = write(simulated(40))
    assert (known.changed, known.stale) == (False, ())


@pytest.mark.parametrize("part", ["method", "measures"])
def test_other_code_makes_it_stale(write, part):
    known = write(simulated(40), **{f"{part}_digest": "0" * 64})
    assert known.changed
    assert len(known.stale) == 1
    assert known.beside(finding(50)).measured_error.stale
    assert known.shown()["stale"] == list(known.stale)


OTHER = "other parameters than measured"


def test_other_parameters_make_it_stale_and_spelt_out_defaults_do_not(tmp_path):
    method = registry.load_method("integrated_gradients")
    shipped = catalog.probe("explanations.integrated_gradients")
    there = tmp_path / "there.yaml"
    own = shipped.model_copy(update={"params": {"random_orders": 5}}).at(there)
    measured.write(own, measured.stamp(own, method, "A subject."))

    def stale(**params):
        changed = shipped.model_copy(update={"params": params}).at(there)
        known = measured.known(changed, method)
        assert known.changed == (OTHER in known.stale)
        return known.changed

    assert not stale(random_orders=5, most_steps=256)
    assert not stale()
    assert stale(random_orders=6)


def test_lists_among_the_parameters_are_no_change(tmp_path):
    shipped = catalog.probe("bias.counterfactual_terms").at(tmp_path / "there.yaml")
    method = registry.load_method(shipped.method)
    measured.write(shipped, measured.stamp(shipped, method, "A subject."))
    assert not measured.known(shipped, method).changed


def test_parameters_that_choose_what_is_tried_do_not_make_it_stale(tmp_path):
    there = tmp_path / "there.yaml"
    shipped = catalog.probe("bias.counterfactual_terms").at(there)
    method = registry.load_method(shipped.method)
    measured.write(shipped, measured.stamp(shipped, method, "A subject."))

    def stale(**params):
        changed = shipped.model_copy(update={"params": {**shipped.params, **params}}).at(there)
        return measured.known(changed, method).changed

    assert not stale(single_person=True, per_item=1)
    assert stale(lexicon="list:first_names/en")


def test_every_parameter_that_chooses_is_one_of_its_method():
    for card in catalog.probes().values():
        method = registry.load_method(card.method)
        assert method.choosing <= {field.name for field in msgspec.structs.fields(method.params)}


def test_what_has_no_parameters_on_record_is_not_stale_for_them(write):
    assert write(simulated(40), params=None).stale == ()


@pytest.mark.parametrize("changes", [{"op": "<="}, {"value": 0.75}, {"measure": "f1"}])
def test_another_rule_makes_it_stale_and_is_not_answered_for(card, write, changes):
    known = write(msgspec.structs.replace(simulated(40), **changes))
    assert not known.changed
    assert any("accuracy >= 0.7" in reason for reason in known.stale)
    assert known.beside(finding(50)).measured_error is None


@pytest.mark.parametrize(
    ("clusters", "n"), [(39, None), (40, 40), (119, 40), (120, 120), (5000, 120)]
)
def test_a_finding_has_the_error_at_the_largest_n_not_above_its_own(write, clusters, n):
    error = write(simulated(120), simulated(40)).beside(finding(clusters)).measured_error
    assert (error and error.n) == n


def test_a_gap_is_as_large_as_its_limiting_cell(write):
    known = write(simulated(40), simulated(120))
    assert known.beside(finding(5000, limiting_clusters=60)).measured_error.n == 40


@pytest.mark.parametrize(
    "found",
    [
        finding(50, rule=None),
        finding(50, measure="f1"),
        finding(50, rule=Rule(">=", 0.8, "policy")),
        msgspec.structs.replace(finding(50), estimate=None),
    ],
)
def test_a_finding_without_that_rule_or_without_a_figure_has_none(write, found):
    assert write(simulated(40)).beside(found) is found


def test_a_policy_of_the_same_threshold_is_the_same_rule(write):
    assert write(simulated(40)).beside(finding(50, rule=Rule(">=", 0.7, "policy"))).measured_error


def test_the_digest_follows_what_a_measure_imports_and_nothing_else(tmp_path, monkeypatch):
    import shutil

    copy = tmp_path / "stats"
    shutil.copytree(measured._STATS, copy)
    homes = {name: list(measured._homes(name)) for name in ("accuracy", "excess_flip_rate")}
    monkeypatch.setattr(measured, "_STATS", copy)
    old = measured.Path(measured.__file__).parent / "stats"
    monkeypatch.setattr(
        measured, "_homes", lambda name: [copy / f.relative_to(old) for f in homes[name]]
    )

    def digests():
        return [measured.measures_digest([name]) for name in homes]

    def touch(name):
        file = copy / name
        file.write_text(file.read_text() + "\n# touched\n")

    before = digests()
    touch("measures/calibration.py")
    assert digests() == before
    touch("measures/counterfactual.py")
    assert digests()[0] == before[0]
    assert digests()[1] != before[1]
    touch("verdicts.py")
    assert digests()[0] != before[0]
    middle = digests()
    touch("estimates.py")
    assert all(a != b for a, b in zip(digests(), middle, strict=True))


def test_whole_audits_are_kept_in_the_folder_of_the_probes(tmp_path):
    whole = {"classifier": measured.Whole({ID: 40}, {"fake": 4}, NEVER, {"fake": NEVER})}
    path = measured.write_whole(tmp_path, whole)
    assert path == tmp_path / "audit.measured.json"
    assert measured.read_whole(tmp_path) == whole
    path.write_text(json.dumps(CARD))
    with pytest.raises(SpecError, match="audit.measured.json"):
        measured.read_whole(tmp_path)


def test_every_shipped_figure_was_measured_for_enough_seeds_and_keeps_its_promise():
    for card in catalog.probes().values():
        found = measured.read(card)
        for figure in found.figures if found else ():
            assert min(figure.power.seeds, figure.false_alarms.seeds) >= 400
            assert figure.boundary.seeds >= 1000
            assert figure.false_alarms.high <= 0.05
            assert figure.boundary.value <= 0.05
            assert figure.wrong_passes is None or figure.wrong_passes.value <= 0.05
        for measure in {f.measure for f in found.figures} if found else ():
            best = max(f.power.low for f in found.figures if f.measure == measure)
            assert best >= 0.9, (card.id, measure)
