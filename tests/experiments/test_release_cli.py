import json
from pathlib import Path

import numpy as np
import pytest

import store
from experiments.cli import main
from store.testing import make_run


def predictions(accuracy, seed):
    label = np.random.default_rng(0).integers(0, 2, 600)
    right = np.random.default_rng(seed).random(600) < accuracy
    positive = np.where(right == (label == 1), 0.9, 0.1)
    return {"test": (label, np.stack([1 - positive, positive], axis=1))}


@pytest.fixture
def runs(home: Path) -> list[str]:
    return [
        make_run(home, name=f"run-{seed}", predictions=predictions(accuracy, seed), seed=seed)
        for seed, accuracy in enumerate((0.7, 0.9))
    ]


@pytest.fixture
def said(home, capsys):
    """Run a command; return its exit code, output and errors."""

    def run(*words):
        capsys.readouterr()
        try:
            code = main([*words, "--home", str(home)])
        except SystemExit as error:
            code = error.code
        return code, *capsys.readouterr()

    return run


def released(said, run_id, *more):
    words = ("--reason", "better", "--override", "a test", "--no-export", *more)
    return said("release", "digits", run_id, *words)


def test_card_and_policy_are_told_as_json(said, runs, tmp_path):
    released(said, runs[0])
    (tmp_path / "card.md").write_text("# Mine\n", encoding="utf-8")

    card = json.loads(said("release", "card", "digits", "--json")[1])
    page = json.loads(said("release", "card", "digits", "--html", "--json")[1])
    edited = said("release", "card", "digits", "--edit", str(tmp_path / "card.md"), "--json")[1]
    now = json.loads(said("release", "policy", "--json")[1])
    history = json.loads(said("release", "policy", "--history", "--json")[1])
    (tmp_path / "p.yaml").write_text("metric: macro_f1\n", encoding="utf-8")
    saved = json.loads(said("release", "policy", "--save", str(tmp_path / "p.yaml"), "--json")[1])
    diff = json.loads(said("release", "policy", "--diff", "1", "2", "--json")[1])["diff"]

    assert (card["release"], card["markdown"][:13]) == ("digits@v1", "# Model card:")
    assert page["html"].startswith("<!doctype html>")
    assert json.loads(edited)["file"].endswith("0001.md")
    assert (now["metric"], now["split"], now["lines"]) == ("auto", "test", {})
    assert [one["number"] for one in history] == [1]
    assert saved == {"version": 2}
    assert "+metric: macro_f1" in diff


def test_other_candidates_are_on_record_with_all_their_seeds(said, home, runs):
    seeds = [make_run(home, name="wide", group="wide", predictions=predictions(0.8, s), seed=s) for s in (5, 6)]  # fmt: skip
    one = runs[1]

    first = json.loads(released(said, runs[0], "--considered", ",".join(seeds), "--json")[1])
    second = json.loads(
        released(said, one, "--considered", "group:wide", "--considered", runs[0], "--json")[1]
    )

    for made, others in ((first, [seeds]), (second, [seeds])):
        record = json.loads((Path(made["folder"]) / "release.json").read_text(encoding="utf-8"))
        assert record["considered"] == others
        assert {*seeds} <= {*record["protects"]}


def test_the_whole_way_from_the_command_line(said, runs):
    assert released(said, runs[0])[0] == 0
    code, out, _ = released(said, runs[1], "--json")
    assert (code, json.loads(out)["release"]) == (0, "digits@v2")

    rows = json.loads(said("release", "ls", "--json")[1])
    assert [(row["release"], row["aliases"]) for row in rows] == [
        ("digits@v2", ["champion"]),
        ("digits@v1", []),
    ]
    assert json.loads(said("rollback", "digits", "--reason", "bad", "--json")[1])["version"] == 1
    assert said("release", "verify", "digits@v2")[0] == 0
    code, out, _ = said("release", "alias", "digits@challenger", "v2", "--json")
    assert (code, json.loads(out)) == (0, {"challenger": 2, "champion": 1})
    code, out, _ = said("release", "audit", "--json")
    assert [entry["action"] for entry in json.loads(out)["entries"]] == [
        *("policy", "release", "release", "rollback", "alias"),
    ]
    code, out, _ = said("release", "show", "digits@challenger")
    assert "OVERRIDDEN in spite of its gates: a test" in out
    assert "digits@v2" in said("release", "ls")[1]


def test_choosing_says_what_to_do_and_its_exit_code_whether_to_release(said, runs, home):
    said("release", "policy")
    (home / "policy.yaml").write_text("gates: [accuracy >= 0.8]\n", encoding="utf-8")
    assert said("release", "policy", "--save", str(home / "policy.yaml"))[0] == 0

    code, out, _ = said("choose", "digits", *runs, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["recommendation"]["candidate"] == "run-1"
    assert [one["decision"] for one in found["candidates"]] == ["do not release", "release"]
    assert found["looks"] == 1
    code, out, _ = said("choose", "digits", runs[0])
    assert code == 1
    assert out.startswith("Release nothing yet.")
    assert "[FAIL] accuracy >= 0.8" in out


def test_a_blocked_release_says_each_gate_on_a_line_of_its_own(said, runs):
    code, _, errors = said("release", "make", "digits", runs[0], "--reason", "r", "--no-export")

    assert code == 1
    lines = errors.splitlines()
    assert lines[0].startswith("bakeoff: Expected all gates to be passed;")
    assert any("latency_p95_ms <= 50 (cannot tell)" in line for line in lines[1:])


@pytest.mark.parametrize(
    "words",
    [
        ("release", "digits", "nobody", "--reason", "r"),
        ("release", "../x", "RUN", "--reason", "r"),
        ("release", "digits", "RUN"),
        ("release", "show", "digits"),
        ("rollback", "digits", "--to", "three", "--reason", "r"),
        ("choose", "digits", "group:nobody"),
        ("release", "policy", "--diff", "1", "9"),
        ("predict", "digits", "x.csv"),
        ("serve", "nothing"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_told_in_words_with_exit_code_2(said, runs, words):
    code, _, errors = said(*[runs[0] if word == "RUN" else word for word in words])

    assert code == 2
    assert "Traceback" not in errors
    assert errors


def test_a_card_can_be_read_and_replaced(said, runs, tmp_path):
    released(said, runs[0])
    assert said("release", "card", "digits")[1].startswith("# Model card: digits")
    (tmp_path / "card.md").write_text("# Ours\n", encoding="utf-8")

    assert said("release", "card", "digits", "--edit", str(tmp_path / "card.md"))[0] == 0
    assert said("release", "card", "digits")[1].startswith("# Ours")
    assert "<h1>Ours</h1>" in said("release", "card", "digits", "--html")[1]


def test_a_changed_record_fails_verify_audit_and_doctor(said, runs, home):
    released(said, runs[0])
    path = home / "releases" / "digits" / "v1" / "release.json"
    path.chmod(0o644)
    path.write_text(path.read_text(encoding="utf-8").replace("better", "worse"), encoding="utf-8")

    for words in (("release", "verify", "digits@v1"), ("release", "audit"), ("doctor",)):
        code, out, _ = said(*words)
        assert code == 1
        assert "digits@v1: its record was changed after the release" in out


def test_releases_and_aliases_can_be_asked_for_in_sql(said, runs, home):
    released(said, runs[0])
    with store.open(home) as opened:
        found = opened.sql("SELECT release, version, runs, is_overridden FROM release").to_pylist()
        points = opened.sql("SELECT line, name, version FROM release_alias").to_pylist()

    assert found == [
        {"release": "digits@v1", "version": 1, "runs": [runs[0]], "is_overridden": True}
    ]
    assert points == [{"line": "digits", "name": "champion", "version": 1}]


def test_a_release_in_a_store_that_is_not_there_makes_none(capsys, tmp_path):
    assert main(["release", "ls", "--home", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()
    assert "does not exist" in capsys.readouterr().err


def test_runs_are_compared_in_plain_words_with_the_champion_as_baseline(said, runs):
    released(said, runs[1])

    code, out, _ = said("compare", *runs, "--margin", "0.01", "--split", "test")

    assert code == 0
    assert "Against run-1, by accuracy on test, 600 examples; 0.01 is what matters." in out
    assert "run-0: clearly worse" in out
    assert "It mends " in out
    assert "The test split has been looked at" in out
    assert "suggested" in said("compare", *runs, "--split", "test")[1]


def test_a_comparison_as_json_holds_what_the_words_say(said, runs):
    released(said, runs[0])

    code, out, _ = said("compare", runs[1], "--baseline", "digits@champion", "--metric", "brier",
                        "--margin", "0.02", "--split", "test", "--json")  # fmt: skip
    found = json.loads(out)

    assert code == 0
    assert (found["baseline"], found["goal"], found["margin"]) == ("digits@v1", "min", 0.02)
    [verdict] = found["verdicts"]
    assert verdict["verdict"] == "clearly better"
    assert verdict["low"] < verdict["difference"] < verdict["high"] < 0
    assert found["best"]["name"] == "run-1"


def test_what_speaks_against_comparing_comes_first_and_there_is_no_ranking(said, home, runs):
    label, scores = predictions(0.8, 7)["test"]
    other = make_run(home, name="other", predictions={"test": (1 - label, scores)})

    code, out, _ = said("compare", runs[0], other, "--split", "test")

    assert code == 1
    assert out.startswith("(warns) None of these runs says which data it saw")
    assert "(blocks) The candidates have different labels" in out
    assert out.endswith("Not compared.\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--margin", "-1"), "margin above 0; got -1"),
        (("--metric", "fame"), "got 'fame'"),
        (("--baseline", "nobody"), "got 'nobody'"),
        (("--baseline", "nothing@champion"), "no release of this line"),
    ],
)
def test_a_question_that_cannot_be_asked_is_a_usage_error(said, runs, words, told):
    code, _, errors = said("compare", *runs, *words)
    assert code == 2
    assert told in errors
    assert errors.count("\n") == 1


def test_a_comparison_needs_two_different_runs(said, runs):
    assert "got 1." in said("compare", runs[0])[2]
    assert "twice" in said("compare", runs[0], runs[0])[2]


def judged(home, name, tokens, loss):
    """Record a language model by its loss a token on each text."""
    run = store.init(name=name, home=home, capture=False, monitor=False)
    ids = [f"text-{n}" for n in range(len(tokens))]
    run.log_predictions("test", ids, tokens, (loss * tokens)[:, None], task="tokens")
    run.finish()
    return run.id


def test_less_perplexity_is_better_and_what_matters_follows_the_champion(said, home):
    tokens = np.full(200, 30)
    loss = np.random.default_rng(1).normal(2, 0.2, 200)
    bad, good = (
        judged(home, name, tokens, loss + more) for name, more in (("bad", 0.5), ("good", 0))
    )
    margin = "perplexity on test, margin 0.6"  # a twentieth of the first one's, not of the other

    first = said("choose", "lm", bad)[1]
    said("release", "lm", bad, "--reason", "r", "--override", "a test", "--no-export")
    second = said("choose", "lm", good)[1]
    compared = said("compare", bad, good, "--split", "test")[1]

    assert margin in first
    assert margin in second
    assert "good is clearly better than the champion on perplexity: \N{MINUS SIGN}" in second
    assert "good: clearly better" in compared
