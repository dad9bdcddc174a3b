import json
import subprocess
import sys
import textwrap
from decimal import Decimal

import numpy as np
import pytest

import store
from store.provenance import mask_secrets


def values(home, run_id, metric):
    with store.open(home) as opened:
        return opened.points(metric, [run_id])["value"].to_pylist()


def run_script(text, **environment):
    """Run a training script in a process of its own, where no test runner is loaded."""
    import os

    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_run_says_who_it_is_before_its_first_point(home):
    run = store.init("digits", name="first", config={"model": {"kind": "cnn", "lr": 0.1}}, seed=3)
    header = json.loads((run.folder / "run.json").read_text())
    run.finish()

    assert header["project"] == "digits"
    assert header["config"] == {"model": {"kind": "cnn", "lr": 0.1}}
    assert header["seed"] == 3
    assert header["command"]
    assert header["host"]
    assert header["git"]["commit"]


def test_everything_about_a_run_can_be_read_back(home):
    with store.init("p", config={"a": {"b": 1}}, tags=["x"], notes="n", group="g") as run:
        run.describe(device="cpu", data_hash="abc")
        run.update_config({"c": 2})
        run.summary["test/acc"] = 0.9
        run.log({"loss": 1.0}, step=5, epoch=0.5)
    with store.open(home) as opened:
        record = opened.run(run.id)
        [row] = opened.runs(columns=["params.a.b", "metrics.loss"]).to_pylist()

    assert record["params"] == {"a.b": 1, "c": 2}
    assert record["device"] == "cpu"
    assert record["data_hash"] == "abc"
    assert record["summary"] == {"test/acc": 0.9}
    assert "numpy" in record["packages"]
    assert row["status"] == "finished"
    assert (row["params.a.b"], row["metrics.loss"]) == (1.0, 1.0)
    assert (row["tags"], row["notes"], row["group"]) == (["x"], "n", "g")


def test_numbers_of_every_kind_become_floats(home):
    torch = pytest.importorskip("torch")
    given = [
        1,
        2.5,
        True,
        np.float32(0.5),
        np.int64(7),
        np.array([3.0]),
        torch.tensor(4.0),
        Decimal("0.25"),
    ]
    with store.init("p") as run:
        for step, value in enumerate(given):
            run.log({"x": value}, step=step)

    assert values(home, run.id, "x") == [1.0, 2.5, 1.0, 0.5, 7.0, 3.0, 4.0, 0.25]


def test_nan_and_infinity_are_kept_and_counted_and_never_the_best(home):
    with store.init("p") as run:
        for step, value in enumerate([0.5, float("nan"), float("inf"), 0.25, float("-inf")]):
            run.log({"loss": value}, step=step)
    with store.open(home) as opened:
        [series] = [s for s in opened.series([run.id]).to_pylist() if s["metric"] == "loss"]

    assert np.array_equal(
        values(home, run.id, "loss"), [0.5, np.nan, np.inf, 0.25, -np.inf], equal_nan=True
    )
    assert (series["n_nan"], series["n_inf"], series["best"], series["best_step"]) == (
        1,
        2,
        0.25,
        3,
    )


@pytest.mark.parametrize("bad", [None, "high", [1.0, 2.0], {"a": 1}, object()])
def test_a_value_that_is_no_number_raises_in_tests(home, bad):
    with store.init("p") as run, pytest.raises(TypeError, match="Expected"):
        run.log({"x": bad})


def test_a_bad_value_never_stops_a_training_and_warns_once_per_key(home):
    result = run_script(
        """
        import store
        with store.init("p", id="bad") as run:
            for step in range(3):
                run.log({"good": step, "text": "x", "none": None}, step=step)
            run.log({"good": 9.0}, step="ten")
            run.log({"good": 10**400}, step=3)
            run.log(["not", "a", "mapping"])
            run.log({"good": 4.0}, step=4, epoch="late")
        """
    )

    assert result.returncode == 0, result.stderr
    assert result.stderr.count("'text'") == result.stderr.count("'none'") == 1
    assert "Traceback" not in result.stderr
    assert values(home, "bad", "good") == [0.0, 1.0, 2.0, float("inf"), 4.0]


def test_the_step_counts_on_by_itself(home):
    with store.init("p") as run:
        run.log({"x": 1.0})
        run.log({"x": 2.0}, step=10)
        run.log({"x": 3.0})
    with store.open(home) as opened:
        steps = opened.points("x", [run.id])["step"].to_pylist()

    assert steps == [0, 10, 11]


def test_repeated_and_backward_steps_are_kept_and_the_last_write_is_drawn(home):
    with store.init("p") as run:
        for step, value in [(0, 1.0), (1, 2.0), (0, 3.0), (2, 4.0), (1, 5.0)]:
            run.log({"x": value}, step=step)
    with store.open(home) as opened:
        drawn = opened.curves("x", [run.id])

    assert sorted(values(home, run.id, "x")) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert drawn["value"].to_pylist() == [3.0, 5.0, 4.0]


def test_a_taken_id_is_refused_and_resume_goes_on_in_a_new_segment(home):
    with store.init("p", id="one") as run:
        run.log({"x": 1.0}, step=7)
    with pytest.raises(store.RunExistsError, match="'one' is taken"):
        store.init("p", id="one")
    with store.init("p", id="one", resume="allow") as again:
        again.log({"x": 2.0})
    with store.open(home) as opened:
        points = opened.points("x", ["one"]).to_pydict()

    assert points["step"] == [7, 8]
    assert points["value"] == [1.0, 2.0]
    assert len(list(run.folder.glob("points-0-*.bin"))) == 2


def test_a_running_run_cannot_be_resumed_beside_itself(home):
    with store.init("p", id="busy"), pytest.raises(store.RunExistsError, match="is being written"):
        store.init("p", id="busy", resume="must")


def test_resuming_what_is_not_there_says_so(home):
    with pytest.raises(store.RunNotFoundError, match="'nobody'"):
        store.init("p", id="nobody", resume="must")


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "x" * 101, "ü"])
def test_an_id_cannot_lead_out_of_the_store(home, name):
    if not name:
        pytest.skip("an empty id means a new one")
    with pytest.raises(store.RunNotFoundError, match="Expected a run id"):
        store.init("p", id=name)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(store.HomeNotWritableError, match="file"):
        store.init("p", home=tmp_path / "file" / "home")


def test_an_exception_in_the_with_block_fails_the_run(home):
    with pytest.raises(RuntimeError), store.init("p") as run:
        raise RuntimeError("the loss exploded")
    with store.open(home) as opened:
        record = opened.run(run.id)

    assert (record["status"], record["error"]) == ("failed", "RuntimeError: the loss exploded")


def test_a_script_that_forgets_to_finish_is_finished_at_exit(home):
    run_script("import store; store.init('p', id='forgot').log({'x': 1})")
    run_script("import store; store.init('p', id='died').log({'x': 1}); 1 / 0")
    with store.open(home) as opened:
        status = {row["run_id"]: row["status"] for row in opened.runs().to_pylist()}

    assert status == {"forgot": "finished", "died": "failed"}


def test_what_is_printed_is_kept(home):
    run_script("import store\nwith store.init('p', id='loud'): print('hello from the training')")

    assert "hello from the training" in (home / "runs" / "loud" / "output.log").read_text()


def test_secrets_are_masked(home):
    result = run_script(
        "import store; store.init('p', id='s', config={'api_key': 'hunter2', 'db': {'password': 'hunter2'}})"
    )

    assert result.returncode == 0
    for path in (home / "runs" / "s").rglob("*"):
        if path.is_file() and path.name != "code.diff":
            found = (
                path.read_bytes()
                .replace(b"'api_key': 'hunter2'", b"")
                .replace(b"'password': 'hunter2'", b"")
            )
            assert b'"hunter2"' not in found, path


def test_disabled_mode_leaves_nothing_behind(home):
    result = run_script(
        "import store\nwith store.init('p') as run: run.log({'x': 1})", BAKEOFF_MODE="disabled"
    )

    assert result.returncode == 0, result.stderr
    assert not home.exists()


def test_predictions_come_back_as_they_were_logged(home):
    scores = np.array([[0.9, 0.1], [0.25, 0.75], [0.5, 0.5]])
    with store.init("p") as run:
        run.log_predictions(
            "val",
            ["a", "b", "c"],
            [0, 1, 1],
            scores,
            classes=["no", "yes"],
            slices={"length": [3, 5, 9]},
            group=["u1", "u1", "u2"],
        )
    with store.open(home) as opened:
        table = opened.predictions(run.id, "val")
        splits = opened.splits(run.id)
        with pytest.raises(store.PredictionsNotFoundError, match="There are: val"):
            opened.predictions(run.id, "test")

    assert splits == ["val"]
    assert table["example_id"].to_pylist() == ["a", "b", "c"]
    assert table["label"].to_pylist() == [0, 1, 1]
    assert np.array_equal(np.array(table["scores"].to_pylist()), scores)
    assert table["slice.length"].to_pylist() == [3, 5, 9]
    assert table["group"].to_pylist() == ["u1", "u1", "u2"]
    assert json.loads(table.schema.metadata[b"bakeoff"])["classes"] == ["no", "yes"]


@pytest.mark.parametrize(
    ("ids", "label", "scores", "message"),
    [
        (["a"], [0, 1], [[1, 0], [0, 1]], "one for each example id"),
        (["a", "a"], [0, 1], [[1, 0], [0, 1]], "Expected every example id once"),
        (["a", "b"], [0, 2], [[1, 0], [0, 1]], "labels from 0 to 1; got 0 to 2"),
        (["a", "b"], [0, 0.5], [[1, 0], [0, 1]], "labels from 0 to 1"),
    ],
)
def test_predictions_that_do_not_fit_together_are_refused(home, ids, label, scores, message):
    with store.init("p") as run, pytest.raises(ValueError, match=message):
        run.log_predictions("val", ids, label, scores)


def test_media_and_artifacts_are_listed(home, tmp_path):
    outside = tmp_path / "weights.bin"
    outside.write_bytes(b"12345")
    with store.init("p") as run:
        run.log_image("../../sample", np.zeros((4, 4)), step=1)
        run.log_histogram("weights", [1.0, 2.0, float("nan")])
        run.log_table("examples", {"a": [1, 2]})
        run.log_text("note", "hello")
        run.alert("loss is high", level="warn")
        run.log_artifact(outside, kind="model")
    with store.open(home) as opened:
        kinds = opened.events(run.id)["kind"].to_pylist()
        [artifact] = opened.events(run.id, ["artifact"]).to_pylist()

    assert sorted(kinds) == ["alert", "artifact", "histogram", "image", "table", "text"]
    assert json.loads(artifact["body"])["bytes"] == 5
    assert (run.folder / json.loads(artifact["body"])["path"]).read_bytes() == b"12345"
    assert all(path.is_relative_to(run.folder) for path in home.rglob("*.png"))


def test_what_names_no_secret_is_kept_as_it_is():
    config = {"tokens": "characters", "tokenizer": "bert-base", "hf_token": "hf_x", "max_tokens": 5}

    assert mask_secrets(config) == {**config, "hf_token": "***"}
