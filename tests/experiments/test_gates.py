import numpy as np
import pytest

import store
from experiments.releasing.gates import evaluate_gates, is_open
from experiments.releasing.policy import Policy
from store.recording import Run
from store.starting import init
from store.testing import make_run

N = 1_000


def scores(accuracy, label, seed=0):
    """Return calibrated-looking P(class 1) that is right for a share of the examples."""
    generator = np.random.default_rng(seed)
    right = generator.random(len(label)) < accuracy
    positive = np.where(right == (label == 1), accuracy, 1 - accuracy)
    positive = np.clip(positive + generator.normal(0, 0.01, len(label)), 0, 1)
    return np.stack([1 - positive, positive], axis=1)


@pytest.fixture
def label():
    return np.random.default_rng(1).integers(0, 2, N)


def a_run(home, label, accuracy, *, seed=0, name="run", slices=None, **facts):
    run: Run = init("gates", name=name, home=home, capture=False, monitor=False)
    for split in ("val", "test"):
        run.log_predictions(
            split,
            [f"{split}-{index}" for index in range(len(label))],
            label,
            scores(accuracy, label, seed),
            classes=("no", "yes"),
            slices=slices,
        )
    run.log({"val/loss": 0.5}, step=1)
    run.summary.update(facts)
    run.finish()
    return run.id


def judged(home, gate, run_id, champion=None, **policy):
    with store.open(home) as opened:
        [found] = evaluate_gates(
            opened,
            [run_id],
            Policy(gates=(gate,), **policy),
            champion=None if champion is None else [champion],
        )
    assert found.gate == gate
    return found


@pytest.mark.parametrize(
    ("gate", "passed"),
    [
        ("val/acc >= 0.85", True),
        ("val/acc >= 0.9", None),
        ("val/acc >= 0.95", False),
        ("val/acc >= 0.89 (plain)", True),
        ("val/acc > 0.95 (plain)", False),
        ("accuracy >= 0.85", True),
        ("val/f1 >= 0.85", True),
        ("test/loss <= 0.6", True),
        ("test/loss <= 0.1", False),
        ("auc >= 0.5 (99 % CI)", True),
    ],
)
def test_a_metric_of_stored_examples_is_judged_by_its_interval(home, label, gate, passed):
    found = judged(home, gate, a_run(home, label, 0.9))

    assert found.passed is passed
    assert found.value is not None
    is_plain = "plain" in gate
    assert (found.low is None) is is_plain
    assert ("plain" in found.reason) is is_plain


def test_an_interval_that_contains_the_bound_says_how_many_examples_would_settle_it(home, label):
    found = judged(home, "val/acc >= 0.91", a_run(home, label, 0.91, seed=3))

    assert found.passed is None
    assert found.word == "cannot tell"
    assert "times as many examples would settle it" in found.reason or "too near" in found.reason


def test_a_recorded_value_is_judged_as_it_is_and_says_so(home, label):
    run_id = a_run(home, label, 0.9, latency_p95_ms=12.5)

    assert judged(home, "latency_p95_ms <= 20", run_id).passed is True
    found = judged(home, "latency_p95_ms <= 10", run_id)
    assert found.passed is False
    assert "without" not in found.gate
    assert "no interval" in found.reason


def test_what_was_never_recorded_cannot_be_told(home, label):
    run_id = a_run(home, label, 0.9)

    assert judged(home, "latency_p95_ms <= 20", run_id).passed is None
    assert judged(home, "holdout/acc >= 0.9", run_id).passed is None
    assert judged(home, "ECE <= 0.1", run_id, split="holdout").passed is None


def test_calibration_is_not_failed_for_what_chance_alone_gives(home, label):
    few = label[:60]
    good = a_run(home, label, 0.9)
    small = a_run(home, few, 0.9)

    assert judged(home, "ECE <= 0.05", good).passed is True
    assert judged(home, "ECE <= 0.0001", small).passed is None
    assert judged(home, "ECE > 0.5", good).passed is False


@pytest.mark.parametrize(
    ("accuracy", "gate", "passed"),
    [
        (0.9, "verdict vs champion in {better}", True),
        (0.9, "verdict vs champion in {worse}", False),
        (0.7, "verdict vs champion in {better, equivalent}", False),
        (0.8, "verdict vs champion in {better}", None),
        (0.9, "val/acc not worse than champion by > 0.01", True),
        (0.7, "val/acc not worse than champion by > 0.01", False),
        (0.8, "val/acc not worse than champion by > 0.001", None),
        (0.7, "val/acc not worse than champion by > 50 %", True),
        (0.7, "val/acc not worse than champion by > 0.05 (plain)", False),
    ],
)
def test_gates_against_the_champion_are_paired(home, label, accuracy, gate, passed):
    champion = a_run(home, label, 0.8, seed=1, name="champion")
    candidate = a_run(home, label, accuracy, seed=2, name="candidate")

    assert judged(home, gate, candidate, champion).passed is passed


def test_without_a_champion_there_is_nothing_to_be_worse_than(home, label):
    run_id = a_run(home, label, 0.6)
    for gate in (
        "verdict vs champion in {better}",
        "no slice worse than champion by > 0.01",
        "val/acc not worse than champion by > 0.01",
    ):
        found = judged(home, gate, run_id)
        assert found.passed is True
        assert "no champion yet" in found.reason


def test_the_champion_is_not_compared_with_itself(home, label):
    run_id = a_run(home, label, 0.6)

    assert judged(home, "verdict vs champion in {better}", run_id, run_id).passed is True


def test_latencies_of_different_devices_are_not_compared(home, label):
    ids = []
    for device in ("cpu, 1 thread", "cuda:0"):
        run_id = a_run(home, label, 0.9, latency_p95_ms=10.0)
        run = init(id=run_id, resume="must", home=home, capture=False, monitor=False)
        run.describe(device=device)
        run.finish()
        ids.append(run_id)

    gate = "latency_p95_ms not worse than champion by > 10 %"
    found = judged(home, gate, ids[0], ids[1])
    assert found.passed is None
    assert "different devices" in found.reason
    assert judged(home, gate, ids[0], ids[0]).passed is True


def test_a_slice_that_got_worse_is_named(home, label):
    places = ["fog" if index % 4 == 0 else "sun" for index in range(N)]
    champion = a_run(home, label, 0.9, slices={"weather": places})
    worse = scores(0.9, label)
    foggy = np.array(places) == "fog"
    worse[foggy] = scores(0.6, label, seed=5)[foggy]
    run = init("gates", home=home, capture=False, monitor=False)
    run.log_predictions(
        "test",
        [f"test-{index}" for index in range(N)],
        label,
        worse,
        classes=("no", "yes"),
        slices={"weather": places},
    )
    run.finish()

    found = judged(home, "no slice worse than champion by > 0.02 (95 % CI)", run.id, champion)
    assert found.passed is False
    assert "weather = fog" in found.reason
    same = judged(home, "no slice of weather worse than champion by > 0.02", champion, run.id)
    assert same.passed is True
    none = judged(home, "no slice of colour worse than champion by > 0.02", run.id, champion)
    assert none.passed is None


def test_only_evidence_closes_a_gate_that_asks_for_it(home, label):
    places = ["fog" if row % 4 == 0 else "sun" for row in range(len(label))]
    champion = a_run(home, label, 0.9, slices={"weather": places})
    worse = a_run(home, label, 0.5, seed=3, slices={"weather": places})
    alike = a_run(home, label, 0.9, seed=4, slices={"weather": places})
    bare = a_run(home, label, 0.9, seed=5)
    gate = "no slice shown worse than champion by > 1 %"

    shown, unsure = judged(home, gate, worse, champion), judged(home, gate, alike, champion)
    strict = judged(home, "no slice worse than champion by > 0.009", alike, champion)
    nothing = judged(home, gate, bare, a_run(home, label, 0.9, seed=6))

    assert shown.passed is False
    assert strict.passed is None
    assert unsure.passed is True
    assert "too few examples to rule it out" in unsure.reason
    assert nothing.passed is True


def test_numbers_are_not_asked_to_be_calibrated(home):
    value = np.linspace(0.0, 1.0, 50)
    with init("p", home=home, capture=False, monitor=False) as run:
        run.log_predictions("test", [str(i) for i in range(50)], value, value, task="regression")

    found = judged(home, "ECE <= 0.05", run.id, run.id)

    assert found.passed is True
    assert "nothing to calibrate" in found.reason


def test_slices_that_are_all_too_small_cannot_be_told(home):
    label = np.random.default_rng(0).integers(0, 2, 60)
    champion, candidate = (a_run(home, label, 0.9, seed=seed) for seed in (0, 1))

    found = judged(home, "no slice worse than champion by > 0.02", candidate, champion)
    assert found.passed is None
    assert "100 examples" in found.reason


def test_other_data_cannot_be_compared(home, label):
    champion, candidate = a_run(home, label, 0.9), a_run(home, 1 - label, 0.9)

    for gate in ("verdict vs champion in {better}", "no slice worse than champion by > 0.02"):
        found = judged(home, gate, candidate, champion)
        assert found.passed is None
        assert "label" in found.reason


def test_checks_that_fail_close_the_gate_unless_they_are_excepted(home, label):
    run = init("gates", home=home, capture=False, monitor=False)
    run.log({"train/loss": float("nan")}, step=1)
    run.finish()

    found = judged(home, "checks: none failing", run.id)
    assert found.passed is False
    code = found.reason.split(":")[0]
    assert judged(home, f"checks: none failing except {code}", run.id).passed is True


def test_a_run_without_anything_is_told_gate_by_gate(home):
    run_id = make_run(home)
    with store.open(home) as opened:
        found = evaluate_gates(opened, [run_id], Policy(gates=("val/acc > 0", "ECE < 1")))

    assert [one.passed for one in found] == [None, None]
    assert not is_open(found)
    with store.open(home) as opened, pytest.raises(store.RunNotFoundError):
        evaluate_gates(opened, ["nobody"], Policy(gates=()))
