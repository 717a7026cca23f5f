from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest
import torch
from support import Listed
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import fmaudit
from fmaudit import evidence
from fmaudit.engine.asks import together
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine, Task
from fmaudit.explanations.certificate import certify
from fmaudit.explanations.integrated_gradients import (
    COLUMNS,
    GradientParams,
    integrated_gradients,
)
from fmaudit.explanations.maps import TOO_LONG
from fmaudit.explanations.words import words_of
from fmaudit.models.classifier import ClassifierHandle
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.models.torchmodel import Loaded, TorchClassifier
from fmaudit.registry import Context, method
from fmaudit.reporting import verify
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import (
    NO_GRADIENTS,
    Attribute,
    Attributions,
    Case,
    Classify,
    Failure,
    Logits,
    Pair,
    Row,
    Rule,
)

CONTEXT = Context(Seeds(0), classes=("no", "yes"), floor=1e-7)
TEXT = "one two three four five six"
DEFAULT = GradientParams()
NAMES = ("metal", "colour", "fruit")


def attributions(text, scores, target=1, **changes):
    """The answer for a text of one token a word, between two special ones."""
    words = words_of(text)
    difference = float(sum(scores))
    base = Attributions(
        target=target, against=1 - target,
        parts=(0, *(w.part for w in words), 0), starts=(0, *(w.start for w in words), 0),
        ends=(0, *(w.end for w in words), 0), special=(True, *[False] * len(words), True),
        scores=(0.0, *scores, 0.0), difference=difference, error=0.01, change=0.02, steps=16,
        passes=19, converged=True, baseline="[MASK]",
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def counted(request):
    """Each word speaks for "yes"."""
    return Logits((0.0, 0.25 * len(words_of(request.input))))


def answering(found, logits=None):
    return lambda r: found if isinstance(r, Attribute) else logits or counted(r)


def rows_of(cases, answer, params=DEFAULT, context=CONTEXT):
    found = drive(integrated_gradients.run(cases, params, context), answer)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    return found


def drive(asks, answer):
    sent = None
    try:
        while True:
            sent = [answer(request) for request in asks.send(sent)]
    except StopIteration as stop:
        return stop.value


def row_of(value, answer, **options):
    (row,) = rows_of([Case("c", value)], answer, **options)
    return row


def test_a_row_has_every_column():
    scores = [0.5, -1.0, 0.0, 3.0, 0.25, 0.25]
    row = row_of(TEXT, answering(attributions(TEXT, scores)))
    assert set(row.values) == set(COLUMNS)
    assert not row.reason
    assert row.values["word_scores"] == scores
    assert row.values["word_starts"] == [0, 4, 8, 14, 19, 24]
    assert row.values["word_ends"] == [3, 7, 13, 18, 23, 27]
    assert row.values["predicted"] == 1
    assert row.values["special_share"] == 0
    assert row.values["baseline"] == "[MASK]"


def test_the_model_is_asked_by_the_parameters():
    asked = []

    def answer(request):
        asked.append(request)
        return answering(attributions(TEXT, [1.0] * 6))(request)

    params = GradientParams(random_orders=3, keep_special=True, tolerance=0.1, most_steps=64)
    row_of(TEXT, answer, params=params)
    assert asked[:2] == [
        Attribute(TEXT, keep_special=True, tolerance=0.1, most_steps=64),
        Classify(TEXT),
    ]
    # two counts of the six words, (1, 2, 3), removed and kept, of at most four orders
    assert len(asked) <= 2 + 1 + 3 * 2 * 4


def test_special_tokens_are_shown_apart():
    found = attributions(TEXT, [0.1] * 6)
    found = msgspec.structs.replace(found, scores=(5.0, *[0.1] * 6, -3.0), difference=2.6)
    row = row_of(TEXT, answering(found))
    assert row.values["special_score"] == pytest.approx(2.0)
    assert row.values["special_share"] == pytest.approx(8 / 8.6)
    assert row.values["word_scores"] == pytest.approx([0.1] * 6)


@pytest.mark.parametrize("text", ["", "   ", "one", "one two three four", Pair("a b", "c d")])
def test_texts_that_are_too_short_have_a_reason_and_ask_nothing(text):
    def answer(request):
        raise AssertionError(f"asked {request}")

    row = row_of(text, answer)
    assert "a map needs 5" in row.reason
    assert not row.failed
    assert row.values == {}


@pytest.mark.parametrize(
    ("difference", "floor", "told"),
    [(1e-6, 0.0, False), (1.1e-5, 0.0, True), (1.1e-5, 2e-6, False), (-3e-5, 2e-6, True)],
)
def test_what_could_be_noise_is_not_attributed(difference, floor, told):
    found = attributions(TEXT, [difference / 6] * 6, difference=difference)
    row = row_of(TEXT, answering(found), context=msgspec.structs.replace(CONTEXT, floor=floor))
    assert row.reason.startswith("nothing to attribute: ") != told
    assert not row.failed
    assert ("word_scores" in row.values) == told
    assert row.values["difference"] == difference


@pytest.mark.parametrize(
    ("found", "logits", "reason"),
    [
        (Failure("no room"), Logits((0.0, 2.0)), "no room"),
        (attributions(TEXT, [1.0] * 6), Failure("no logits"), "no logits"),
        (attributions(TEXT, [1.0] * 6), Logits((0.0, float("nan"))), "a logit is not finite"),
        (Logits((0.0, 1.0)), Logits((0.0, 2.0)), "answered with Logits"),
    ],
)
def test_failed_answers_are_failed_rows(found, logits, reason):
    row = row_of(TEXT, answering(found, logits))
    assert row.failed
    assert reason in row.reason
    assert row.values == {}


def test_a_text_without_words_that_cannot_be_answered_is_a_failed_row():
    def answer(request):
        if isinstance(request, Attribute):
            return attributions(TEXT, [1.0] * 6)
        return Logits((0.0, 2.0)) if request.input == TEXT else Failure("too short for me")

    row = row_of(TEXT, answer)
    assert row.failed
    assert row.reason == "without some words: too short for me"


def test_a_model_without_gradients_is_not_tested_and_has_not_failed():
    row = row_of(TEXT, answering(Failure(f"{NO_GRADIENTS}: it rounds")))
    assert row.reason == f"{NO_GRADIENTS}: it rounds"
    assert not row.failed


def test_a_text_that_the_model_does_not_read_whole_has_no_map():
    row = row_of(TEXT, answering(attributions(TEXT, [1.0] * 6, cut=3), Logits((0.0, 2.0), cut=3)))
    assert row.reason == TOO_LONG
    assert not row.failed
    assert not row.values


def test_two_decisions_are_none():
    row = row_of(TEXT, answering(attributions(TEXT, [1.0] * 6, target=0)))
    assert row.reason.startswith("float32 decides for 'no' and the served model for 'yes'")
    assert not row.failed


def test_one_bad_case_leaves_the_others():
    cases = [Case("a", TEXT), Case("b", "short"), Case("c", TEXT + " seven")]

    def answer(request):
        if not isinstance(request, Attribute):
            return counted(request)
        if request.input == TEXT:
            return attributions(TEXT, [1.0] * 5)  # a word too few: the answer does not fit
        return attributions(request.input, [1.0] * 7)

    broken, short, good = rows_of(cases, answer)
    assert [row.case.id for row in (broken, short, good)] == ["a", "b", "c"]
    assert short.reason
    assert good.values["converged"]


@pytest.mark.parametrize(
    "options", [{"random_orders": 0}, {"tolerance": 0.0}, {"tolerance": 1.0}, {"most_steps": 8}]
)
def test_parameters_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        GradientParams(**options)


# ── planted reasons ──────────────────────────────────────────────────────────────────────


@dataclasses.dataclass
class Toy:
    """The engine over a model in a folder, or over one in memory."""

    folder: object
    handle: object
    costs: Costs | None = None

    def rows(self, cases, found=integrated_gradients, params=DEFAULT, floor=0.0):
        costs = Costs()
        runner = LocalRunner(self.handle, self.folder / "answers.sqlite", costs, Silent())
        engine = Engine({"target": runner}, costs, Silent())
        out = []
        context = Context(
            Seeds(0), classes=runner.facts.classes, floor=floor,
            capabilities=runner.model.capabilities,
        )  # fmt: skip
        task = Task("test.probe", "test", found, params, context, out.extend)
        engine.run([task], Listed(list(cases)))
        runner.close()
        if task.error:
            raise task.error
        self.costs = costs
        return out


@pytest.fixture
def toy(planted, tmp_path):
    return Toy(tmp_path, ClassifierHandle(planted.folder, "toy"))


def figure(name, rows, rule=None):
    measure = measures.get(name)
    columns = {c: np.array([r.values[c] for r in rows]) for c in measure.columns}
    return measure.estimate(Sample(columns), Question(rule=rule))


def gates(rows):
    """(p_fail, p_pass) of both excess figures against 0."""
    return {
        name: figure(name, rows, Rule(op, 0.0))
        for name, op in (("excess_comprehensiveness", ">="), ("excess_sufficiency", "<="))
    }


def test_the_planted_words_are_found(planted, toy):
    rows = toy.rows(planted.cases[:60])
    assert all(row.values["converged"] for row in rows)
    few = dataclasses.replace(planted, places=planted.places[:60])
    assert few.precision([row.values["word_scores"] for row in rows]) >= 0.95
    found = gates(rows)
    assert all(estimate.p_pass <= 0.025 for estimate in found.values())
    assert found["excess_comprehensiveness"].value > 0.2
    assert [NAMES[row.values["predicted"]] for row in rows] == list(planted.labels[:60])


def judged(name, scores_of):
    """A method that certifies maps from elsewhere against the model that is audited."""

    @method(name, needs={"target": {"classify"}}, data={"text"}, columns=COLUMNS)
    def run(cases, params, context):
        certified = yield from together(
            certify(
                case.input, words_of(case.input), scores_of(case),
                NAMES.index(case.target), context.classes,
                context.seeds.rng("random_orders", case.id), 5,
            )
            for case in cases
        )  # fmt: skip
        return [Row(case, found) for case, found in zip(cases, certified, strict=True)]

    return run


def test_a_random_map_is_not_certified(planted, toy):
    rng = np.random.default_rng(9)
    rows = toy.rows(
        planted.cases, judged("random", lambda c: rng.normal(size=len(words_of(c.input))))
    )
    assert all(estimate.p_pass > 0.025 for estimate in gates(rows).values())


def test_the_map_of_a_model_that_ignores_the_planted_words_is_not_certified(
    planted, toy, untrained_folder, tmp_path_factory
):
    other = Toy(tmp_path_factory.mktemp("other"), ClassifierHandle(untrained_folder, "untrained"))
    maps = {r.case.id: r.values["word_scores"] for r in other.rows(planted.cases)}
    rows = toy.rows(planted.cases, judged("foreign", lambda case: maps[case.id]))
    assert all(estimate.p_pass > 0.025 for estimate in gates(rows).values())


def test_odd_texts_on_a_real_model(planted, toy):
    long = " ".join([planted.texts[0]] * 8)
    cases = [
        Case("long", long),
        Case("arabic", "هذا البيت في red المدينة القديمة"),
        Case("pair", Pair("the old iron bridge", "people walked slowly")),
        Case("empty", ""),
        Case("short", "iron"),
    ]
    cut, arabic, pair, empty, short = toy.rows(cases)
    assert cut.reason == TOO_LONG
    assert int(np.argmax(arabic.values["word_scores"])) == 3
    assert pair.values["word_parts"] == [0, 0, 0, 0, 1, 1, 1]
    assert int(np.argmax(pair.values["word_scores"])) == 2
    assert empty.reason
    assert short.reason
    assert not any(row.failed for row in (cut, arabic, pair, empty, short))


def test_a_model_that_gives_no_gradients_is_no_failure(planted, tmp_path):
    module = AutoModelForSequenceClassification.from_pretrained(planted.folder)
    module.forward = torch.no_grad()(module.forward)
    tokenizer = AutoTokenizer.from_pretrained(planted.folder)
    toy = Toy(tmp_path, Loaded(TorchClassifier(module, tokenizer, NAMES)))
    for row in toy.rows(planted.cases[:3]):
        assert row.reason.startswith(NO_GRADIENTS)
        assert not row.failed


def test_a_model_that_ignores_its_input_has_nothing_to_attribute(planted, tmp_path):
    module = AutoModelForSequenceClassification.from_pretrained(planted.folder)
    with torch.no_grad():
        module.classifier.weight.zero_()
    tokenizer = AutoTokenizer.from_pretrained(planted.folder)
    toy = Toy(tmp_path, Loaded(TorchClassifier(module, tokenizer, NAMES)))
    for row in toy.rows(planted.cases[:10]):
        assert row.reason.startswith("nothing to attribute")
        assert not row.failed


def test_every_pass_is_a_cost(planted, toy):
    case = planted.cases[0]
    (row,) = toy.rows([case], params=GradientParams(random_orders=1))
    read = len(words_of(case.input)) + 2
    predictions = toy.costs.run - 1
    passed = row.values["passes"] * read
    assert passed + 3 * predictions <= toy.costs.tokens <= passed + read * predictions
    assert toy.costs.tokens <= toy.costs.padded_tokens


def test_a_rerun_asks_the_model_nothing(planted, toy):
    first = toy.rows(planted.cases[:8])
    toy.handle = ClassifierHandle(planted.folder, "toy")
    model = toy.handle.load()
    model.run = None  # what is stored is enough
    toy.handle = Fixed(toy.handle.key, model)
    assert toy.rows(planted.cases[:8]) == first


@dataclasses.dataclass
class Fixed:
    """A handle over a model that is loaded already, with the key of its folder."""

    key: str
    model: object
    name: str = "toy"
    footprint: int = 0

    def load(self):
        return self.model


# ── the whole flow ───────────────────────────────────────────────────────────────────────


def spec(planted, tmp_path, **changes):
    return {
        "name": "toy",
        "model": {"path": str(planted.folder)},
        "data": {
            "source": f"file:{planted.rows(tmp_path / 'rows.csv')}",
            "text": "text",
            "label": "label",
        },
        "probes": ["explanations.integrated_gradients"],
        **changes,
    }


def findings_of(done):
    return {
        f.measure: f for f in done.record.findings if f.probe == "explanations.integrated_gradients"
    }


def test_the_whole_flow(planted, tmp_path):
    done = fmaudit.audit(spec(planted, tmp_path), out=tmp_path / "run")
    found = findings_of(done)
    assert found["converged_share"].verdict == "pass"
    assert found["excess_comprehensiveness"].verdict == "pass"
    assert found["excess_sufficiency"].verdict == "pass"
    assert found["mean_comprehensiveness"].verdict == "measured"
    assert found["excess_comprehensiveness"].estimate.n == 120
    rows = evidence.read(tmp_path / "run/evidence/explanations.integrated_gradients.parquet")
    assert rows.num_rows == 120
    result = verify.verify(tmp_path / "run")
    assert not result.mismatches
    assert "Explained texts" in (tmp_path / "run/report.html").read_text()


def test_too_few_texts_are_not_gated(planted, tmp_path):
    few = dataclasses.replace(planted, texts=planted.texts[:40], labels=planted.labels[:40])
    found = findings_of(fmaudit.audit(spec(few, tmp_path), out=tmp_path / "run"))
    assert found["excess_comprehensiveness"].verdict == "not_tested"
    assert "fewer than the 100" in found["excess_comprehensiveness"].reason
    assert found["mean_comprehensiveness"].verdict == "measured"


def test_a_model_without_gradients_is_not_tested(planted, tmp_path):
    done = fmaudit.audit(
        spec(planted, tmp_path, model={"path": "in memory"}),
        out=tmp_path / "run",
        model=FakeClassifier(lambda text: (*hashed(text), 0.0), NAMES),
    )
    (coverage,) = [
        c for c in done.record.coverage if c.probe == "explanations.integrated_gradients"
    ]
    assert coverage.status == "not_tested"
    assert coverage.reason == "needs attribute, which this model does not offer"
