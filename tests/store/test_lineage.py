"""Runs find their children and the run that went before them."""

import store
from store import testing


def _with_labels(monkeypatch, text):
    monkeypatch.setenv("BAKEOFF_LABELS", text)


def test_children_are_clones_and_named_descendants(home, monkeypatch):
    first = testing.make_run(home, name="first")
    testing.make_run(home, name="fine-tuned", parents=[first])
    _with_labels(monkeypatch, f'{{"cloned_from": "{first}"}}')
    testing.make_run(home, name="copy")
    _with_labels(monkeypatch, '{"cloned_from": "somebody-else"}')
    testing.make_run(home, name="stranger", notes=f"not from {first}")

    with store.open(home) as s:
        found = s.ask("children", run_id=first).to_pylist()

    assert [(run["name"], run["relation"]) for run in found] == [
        ("fine-tuned", "child"),
        ("copy", "clone"),
    ]


def test_the_previous_run_is_of_the_same_experiment_but_another_recipe(home):
    def make(name, data="digits", model="cnn", project="p", group=None):
        config = {"data": {"kind": data}, "model": {"kind": model}}
        return testing.make_run(home, project=project, name=name, config=config, group=group)

    make("same")
    make("other data", data="mnist")
    make("other model", model="lstm")
    make("other project", project="q")
    make("blank group", model="gru", group="")
    blank = make("blank group too", model="gru", group="")
    make("seed 0", group="g")
    last = make("seed 1", group="g")

    with store.open(home) as s:
        assert s.ask("previous", run_id=last)["name"].to_pylist() == ["same"]
        assert s.ask("previous", run_id=blank)["name"].to_pylist() == ["blank group"]
        first = s.runs("name = same")["run_id"][0].as_py()
        assert s.ask("previous", run_id=first).num_rows == 0
