"""The whole way: train, release, verify, serve over HTTP, predict a file; and what must be refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import store
from experiments.cli import main
from experiments.release import (
    ReleaseBlockedError,
    find,
    release,
    releases,
    verify_audit,
    verify_release,
)
from experiments.releasing import bundle, policy
from experiments.releasing.exporting import export_run
from store.layout import Home

pytestmark = pytest.mark.slow
SPEC = {
    "project": "digits",
    "name": "digits",
    "seed": 1,
    "data": {"kind": "digits"},
    "model": {"kind": "cnn", "channels": [8], "dense": 32},
    "training": {"epochs": 1, "lr": 0.01, "threads": 1},
}
GATES = "gates: [test/acc >= 0.5, latency_p95_ms <= 1000]\n"


def run_module(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **options,
    )


def bakeoff(home, *arguments):
    return run_module("experiments", *arguments, "--home", home)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with one trained digits model."""
    from trainers.fit import train
    from trainers.spec import load_spec

    place = Home(tmp_path_factory.mktemp("export") / "home").create()
    train(load_spec(SPEC), home=place.path, run_id="digits-1")
    policy.save(place, GATES, who="ann")
    return place


@pytest.fixture(scope="module")
def made(trained):
    """Its release, gates passed and export checked."""
    with store.open(trained.path) as opened:
        found = release(opened, "digits", ["digits-1"], reason="the first", who="ann")
    store.stop_hub(trained.path)
    return found


@pytest.fixture
def copied(made, trained, tmp_path):
    """A copy of the store that a test may damage."""
    shutil.copytree(trained.path, tmp_path / "copy")
    return Home(tmp_path / "copy")


@pytest.fixture(scope="module")
def served(made, trained):
    """Base address of a server process."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "experiments", "serve", "digits@champion"),
            *("--port", "0", "--home", str(trained.path)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    yield line.split(" answers on ")[1].split()[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    process.stdout.close()


def asked(url, body=None, **headers):
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def digits():
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return np.rint(bunch["images"] * (255 / 16)).astype(np.uint8)


def labels():
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return bunch["target"].tolist()


def recorded(home):
    with store.open(home) as opened:
        table = opened.predictions("digits-1", "test")
    store.stop_hub(home)
    ids = [int(one.removeprefix("digit-")) for one in table["example_id"].to_pylist()]
    return ids, np.array(table["scores"].to_pylist())


def test_all_gates_are_passed_and_the_export_gives_the_recorded_scores(made):
    assert made.override is None
    assert all(gate.passed for gate in made.gates)
    check = made.record["export"]
    assert check["examples"] > 100
    assert check["max_difference"] < 1e-5
    assert check["latency_p50_ms"] <= check["latency_p95_ms"]
    assert check["disagreements"] == 0


def test_the_bundle_holds_everything_and_nothing_that_could_run(made):
    found = bundle.read(made.bundle, sha256=made.record["files"]["bundle.zip"])

    assert {
        *("weights.safetensors", "model.onnx", "preprocessing.json", "labels.json", "config.json"),
        *("model_card.md", "model_card.html", "check.json", "SHA256SUMS"),
    } <= set(found.files)
    assert found.json("labels.json") == [str(digit) for digit in range(10)]
    assert found.json("config.json")["spec"]["model"]["kind"] == "cnn"
    assert found.json("config.json")["onnx"]["batch"] is None


def test_the_release_verifies_and_the_store_is_healthy(made, trained, capsys):
    with store.open(trained.path) as opened:
        assert verify_release(opened, trained, made.ref) == []
    assert verify_audit(trained) == []
    assert main(["doctor", "--json", "--home", str(trained.path)]) == 0
    assert "L01" not in capsys.readouterr().out


def test_the_server_answers_a_batch_as_the_training_did(served, trained):
    ids, scores = recorded(trained.path)
    inputs = digits()[ids[:50]].tolist()

    status, answer = asked(f"{served}/predict", {"inputs": inputs})

    assert status == 200
    assert answer["release"] == "digits@v1"
    found = np.array([list(one["scores"].values()) for one in answer["predictions"]])
    np.testing.assert_allclose(found, scores[:50], atol=1e-5)
    assert [one["label"] for one in answer["predictions"]] == [
        str(best) for best in scores[:50].argmax(axis=1)
    ]


def test_the_server_says_who_it_is(served):
    assert asked(f"{served}/health")[1]["status"] == "ok"
    status, facts = asked(f"{served}/version")
    assert status == 200
    assert (facts["release"], facts["run"]) == ("digits@v1", "digits-1")
    assert "1 x 8 x 8" in facts["inputs"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/predict", b"{", 400, "not_json"),
        ("/predict", {}, 400, "no_inputs"),
        ("/predict", {"inputs": []}, 400, "no_inputs"),
        ("/predict", [1], 400, "no_inputs"),
        ("/predict", {"inputs": [[1, 2]]}, 422, "wrong_input"),
        ("/predict", {"inputs": ["x"]}, 422, "wrong_input"),
        ("/predict", {"inputs": [0] * 5000}, 413, "too_many_inputs"),
        ("/predict", None, 405, "wrong_method"),
        ("/nothing", None, 404, "unknown_path"),
        ("/../etc/passwd", None, 404, "unknown_path"),
    ],
)
def test_a_wrong_request_is_answered_in_words(served, path, body, status, code):
    found, answer = asked(f"{served}{path}", body)

    assert (found, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"].startswith("Expected ")


def test_a_request_that_is_too_large_or_for_somebody_else_is_refused(served):
    status, answer = asked(f"{served}/predict", b"{}", **{"Content-Length": str(1 << 30)})
    assert (status, answer["error"]["code"]) == (413, "too_large")
    status, answer = asked(f"{served}/health", None, Host="evil.example")
    assert (status, answer["error"]["code"]) == (403, "wrong_host")
    assert asked(f"{served}/health")[0] == 200


def test_the_server_listens_on_loopback_only(served):
    port = int(served.rpartition(":")[2])
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    places = {line.split()[1] for line in listening if line.split()[1].endswith(f":{port:04X}")}

    assert places == {f"0100007F:{port:04X}"}


@pytest.mark.exhaustive
def test_a_file_and_a_folder_of_images_are_predicted(made, trained, tmp_path):
    ids, scores = recorded(trained.path)
    pixels = digits()[ids[:20]]
    rows = [{"id": str(place), "pixels": one.tolist()} for place, one in enumerate(pixels)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "images").mkdir()
    for place, one in enumerate(pixels):
        Image.fromarray(one, "L").save(tmp_path / "images" / f"{place:02d}.png")
    wanted = [str(best) for best in scores[:20].argmax(axis=1)]

    for source, out in (("in.jsonl", "a.jsonl"), ("images", "b.jsonl")):
        done = bakeoff(
            trained.path, "predict", "digits", tmp_path / source, "--out", tmp_path / out, "--json"
        )
        assert done.returncode == 0, done.stderr
        lines = (tmp_path / out).read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["label"] for line in lines] == wanted
    done = bakeoff(trained.path, "predict", "digits@nobody", tmp_path / "in.jsonl")
    assert done.returncode == 2
    assert "digits@champion" in done.stderr


def test_a_bundle_works_where_there_is_no_store_and_no_torch(made, tmp_path):
    path = shutil.copy(made.bundle, tmp_path / "elsewhere.zip")
    (tmp_path / "in.jsonl").write_text(json.dumps({"pixels": [0] * 64}), encoding="utf-8")
    code = (
        "import sys; from experiments.cli import main; "
        f"main(['predict', {str(path)!r}, {str(tmp_path / 'in.jsonl')!r}]); "
        "print('torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.exhaustive
def test_a_changed_bundle_is_not_served(copied):
    path = find(copied, "digits").bundle
    assert path is not None
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)

    for command in (["serve", "digits", "--port", "0"], ["predict", "digits", "x.csv"]):
        done = bakeoff(copied.path, *command)
        assert done.returncode == 1
        assert "bundle.zip was changed after the release" in done.stderr


@pytest.mark.exhaustive
def test_an_export_that_gives_other_scores_blocks_the_release(copied):
    run = store.init(id="digits-1", resume="must", home=copied.path, capture=False, monitor=False)
    ids, scores = recorded(copied.path)
    by_id = labels()
    run.log_predictions(
        "test",
        [f"digit-{one:04d}" for one in ids],
        [by_id[one] for one in ids],
        np.square(scores) / np.square(scores).sum(axis=1, keepdims=True),
        classes=[str(digit) for digit in range(10)],
    )
    run.finish()

    with store.open(copied.path) as opened, pytest.raises(ReleaseBlockedError) as caught:
        release(opened, "other", ["digits-1"], reason="r")
    store.stop_hub(copied.path)

    [closed] = [one for one in caught.value.results if one.passed is False]
    assert closed.gate.startswith("export")
    assert "differ by at most" in closed.reason
    assert releases(copied, "other") == ()


@pytest.mark.exhaustive
def test_an_int8_variant_is_a_run_of_its_own_with_predictions(copied, tmp_path):
    done = bakeoff(copied.path, "derive", "int8", "digits-1", "--json")
    assert done.returncode == 0, done.stderr
    run_id = json.loads(done.stdout)["id"]

    with store.open(copied.path) as opened:
        record = opened.run(run_id)
        assert opened.splits(run_id) == ["test", "val"]
        float_size = opened.run("digits-1")["summary"]["checkpoint_bytes"]
    store.stop_hub(copied.path)
    check = export_run(copied, run_id, tmp_path / "int8", split="test", tolerance=1e-6)

    assert record["parents"] == ["digits-1"]
    assert "int8" in record["tags"]
    assert record["summary"]["checkpoint_bytes"] < float_size
    assert check.matches, check.reason
    config = json.loads((tmp_path / "int8" / "config.json").read_text(encoding="utf-8"))
    assert (config["variant"], config["parent"]) == ("int8", "digits-1")


def test_a_server_tells_programs_where_it_is_and_stops_quickly(made):
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments", "serve", str(made.bundle), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert told["release"] == "bundle.zip"
    assert told["run"] == "digits-1"
    assert asked(f"{told['url']}/health")[1]["status"] == "ok"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    assert time.monotonic() - started < 5
    process.stdout.close()
