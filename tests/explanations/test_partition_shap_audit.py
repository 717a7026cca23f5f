"""Partition SHAP in whole audits: a trained toy, callables, a run that was cut off."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from support_rows import audit, found, mapping, write

import fmaudit
from fmaudit.explanations import partition_shap as module
from fmaudit.models.fakes import FakeClassifier
from fmaudit.reporting import record

PROBE = "explanations.partition_shap"
EXCESS = ("excess_comprehensiveness", "excess_sufficiency")
DULL = "the a is was in of and very house street river people walked slowly under old new"


def rule(text):
    """Two words speak for "yes"; each word has a little say."""
    words = text.split()
    return (0.0, 4.0 * ("good" in words) + 3.0 * ("fine" in words) + 0.01 * len(text) - 2.5)


def drawn(count):
    """Texts of 8 to 20 words, most of them with one of the two."""
    rng = np.random.default_rng(4)
    words = [*DULL.split(), "good", "fine"]
    return [" ".join(rng.choice(words, rng.integers(8, 21))) for _ in range(count)]


@pytest.fixture(scope="module")
def done(planted, tmp_path_factory):
    """An audit of the planted toy."""
    folder = tmp_path_factory.mktemp("shap")
    spec = {
        "model": {"path": str(planted.folder)},
        "data": {
            "source": f"file:{planted.rows(folder / 'rows.csv')}",
            "text": "text",
            "label": "label",
        },
        "probes": [PROBE],
    }
    return fmaudit.audit(spec, out=folder / "run"), folder / "run"


def test_the_planted_words_are_found(done, planted):
    frame = record.evidence_frame(done[1], PROBE)
    places = dict(zip(planted.texts, planted.places, strict=True))
    areas = [
        average_precision_score(
            [k in places[row.input] for k in range(len(row.word_scores))], row.word_scores
        )
        for row in frame.itertuples()
    ]
    assert len(areas) == 120
    assert np.mean(areas) >= 0.95


def test_the_maps_of_the_planted_toy_are_certified(done):
    audited, folder = done
    for measure in EXCESS:
        (finding,) = found(audited, measure)
        assert finding.verdict == "pass", finding
    (agree,) = found(audited, "map_agreement")
    assert agree.estimate.n == 120
    assert agree.estimate.low > 0.2
    assert fmaudit.verify(folder).ok


def texts_file(tmp_path, texts):
    write(tmp_path / "rows.csv", [(text, "yes", "F", "A") for text in texts])


def test_a_callable_has_maps_without_agreement(tmp_path):
    texts_file(tmp_path, drawn(110))
    audited = audit(tmp_path, rule, probes=[PROBE])
    verdicts = {f.measure: f.verdict for f in audited.record.findings if f.probe == PROBE}
    assert verdicts["map_agreement"] == "not_tested"
    assert [verdicts[m] for m in EXCESS] == ["pass", "pass"]
    assert fmaudit.verify(tmp_path / "run").ok


def test_maps_drawn_at_random_are_not_certified(tmp_path, monkeypatch):
    def at_random(value, words, decision, max_evals, rng):
        return tuple(rng.normal(size=len(words))), 0
        yield

    monkeypatch.setattr(module, "owen_values", at_random)
    texts_file(tmp_path, drawn(110))
    audited = audit(tmp_path, rule, probes=[PROBE])
    for measure in EXCESS:
        (finding,) = found(audited, measure)
        assert finding.verdict in ("inconclusive", "fail"), finding


def test_an_audit_that_was_interrupted_ends_with_the_same_evidence(tmp_path):
    class Interrupted(FakeClassifier):
        left = 40

        def run(self, batch, **shape):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return super().run(batch, **shape)

    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
        texts_file(tmp_path / name, drawn(30))
    whole = audit(tmp_path / "whole", rule, probes=[PROBE], key="same")
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        fmaudit.audit(
            mapping(broken, probes=[PROBE]),
            out=broken / "run",
            model=Interrupted(rule, key="same"),
        )
    resumed = audit(broken, rule, probes=[PROBE], key="same")
    frames = [record.evidence_frame(tmp_path / n / "run", PROBE) for n in ("whole", "broken")]
    assert frames[0].equals(frames[1])
    assert 0 < resumed.record.costs["requests"]["run"] < whole.record.costs["requests"]["run"]
