from experiments.evaluating import looks
from store.layout import Home

RECORD = {"project": "p", "data_hash": "d", "data": {"hashes": {"test": "abc", "val": "xyz"}}}


def seen(home, runs, what="accuracy", split="test", record=RECORD):
    return looks.look(Home.locate(home), record, split, runs, what=what, where="Compare", who="kim")


def test_each_new_look_counts_once(home):
    seen(home, ["a", "b"])
    again = seen(home, ["b", "a"])
    other_metric = seen(home, ["a", "b"], what="roc_auc")
    third = seen(home, ["a", "c"])

    assert [again.count, other_metric.count, third.count] == [1, 2, 3]
    assert third.models == {"a", "b", "c"}
    assert third.unseen(["a", "b"]) == 1
    assert third.looks[0].who == "kim"


def test_looks_belong_to_the_examples_not_to_the_project(home):
    seen(home, ["a"])
    other = {**RECORD, "data": {"hashes": {"test": "other"}}}
    same_examples = {**RECORD, "project": "q"}

    assert looks.wear(Home.locate(home), other, "test").count == 0
    assert looks.wear(Home.locate(home), same_examples, "test").count == 1
    assert looks.examples_key({"project": "p"}, "test") == "test:project p"


def test_validation_is_there_to_be_looked_at(home):
    assert seen(home, ["a"], split="val").count == 0
    assert not (Home.locate(home).releases / "events.jsonl").exists()


def test_wear_is_told_in_words(home):
    nothing = looks.wear(Home.locate(home), RECORD, "test")
    once = often = seen(home, ["a"])
    for number in range(looks.MANY):
        often = seen(home, ["a", str(number)])

    assert nothing.sentence("test") == "The test split has not been looked at yet."
    assert once.sentence("test") == (
        "The test split has been looked at once, at 1 model; intervals allow for all of them."
    )
    assert often.sentence("test").startswith("The test split has been looked at 21 times")
    assert "take a fresh test set" in often.sentence("test")
