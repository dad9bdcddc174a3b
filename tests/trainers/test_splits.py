"""Splits are honest: no example on two sides, the same every time, all classes everywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.configs import TextDataConfig
from trainers.data.raw import RawTexts
from trainers.data.splits import SPLITS, partition
from trainers.errors import DataError


def raw(contents: list[str], labels: list[int], num_classes: int = 2) -> RawTexts:
    return RawTexts(
        contents=contents,
        labels=np.array(labels, dtype=np.int64),
        ids=[f"id-{index}" for index in range(len(contents))],
        classes=tuple("abc"[:num_classes]),
        facts={"source": "the test"},
    )


def many(count: int = 100) -> RawTexts:
    return raw([f"text {index}" for index in range(count)], [index % 2 for index in range(count)])


def config(**settings: object) -> TextDataConfig:
    return TextDataConfig.model_validate({"kind": "test", **settings})


def contents_of(data: RawTexts, seed: int = 0) -> dict[str, set[str]]:
    parts = partition(data, config(split_seed=seed))
    return {name: {data.contents[int(i)] for i in chosen} for name, chosen in parts.splits.items()}


def test_the_same_seed_gives_the_same_split_and_another_another():
    assert contents_of(many()) == contents_of(many())
    assert contents_of(many())["test"] != contents_of(many(), seed=1)["test"]


def test_the_order_of_the_file_does_not_matter():
    data = many()
    order = np.random.default_rng(0).permutation(len(data.contents))
    shuffled = raw([data.contents[int(i)] for i in order], data.labels[order].tolist())

    assert contents_of(shuffled) == contents_of(data)


def test_shares_hold_in_every_class():
    data = many(200)
    parts = partition(data, config(val_share=0.2, test_share=0.1))

    assert [len(parts.splits[name]) for name in SPLITS] == [140, 40, 20]
    assert all(data.labels[chosen].mean() == 0.5 for chosen in parts.splits.values())


def test_duplicates_are_dropped_before_the_split_and_counted():
    data = raw([f"text {i // 2}" for i in range(80)], [(i // 2) % 2 for i in range(80)])
    parts = partition(data, config())

    assert parts.num_duplicates == 40
    assert sum(map(len, parts.splits.values())) == 40


def test_texts_with_both_labels_are_dropped_altogether():
    data = raw(
        ["same", "same", *(f"text {i}" for i in range(40))], [0, 1, *[i % 2 for i in range(40)]]
    )
    parts = partition(data, config())

    assert parts.num_contradictions == 2
    assert not any("same" in names for names in contents_of(data).values())


def test_a_test_split_of_the_data_s_own_is_kept():
    data = many(60)
    is_test = np.arange(60) >= 50
    own = RawTexts(
        contents=data.contents,
        labels=data.labels,
        ids=data.ids,
        classes=data.classes,
        is_test=is_test,
    )

    assert partition(own, config()).splits["test"].tolist() == list(range(50, 60))


def test_max_examples_keeps_the_balance():
    parts = partition(many(400), config(max_examples=100))

    assert sum(map(len, parts.splits.values())) == 100


@given(
    labels=st.lists(st.integers(0, 2), min_size=9, max_size=60),
    copies=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_no_content_is_in_two_splits(labels: list[int], copies: int, seed: int):
    labels = [0, 0, 0, 1, 1, 1, 2, 2, 2, *labels] * copies
    data = raw([f"text {i % (len(labels) // copies)}" for i in range(len(labels))], labels, 3)

    found = contents_of(data, seed)

    assert found["train"].isdisjoint(found["val"] | found["test"])
    assert found["val"].isdisjoint(found["test"])
    assert set.union(*found.values()) == set(data.contents)


def test_one_class_only_is_told():
    with pytest.raises(DataError, match=r"at least two classes in the test; got 1 \['a'\]"):
        partition(raw([f"text {i}" for i in range(9)], [0] * 9), config())


def test_a_class_with_too_few_examples_is_named():
    data = raw([f"text {i}" for i in range(9)], [0] * 7 + [1] * 2)

    with pytest.raises(DataError, match=r"at least 3 different examples .* got 2 of 'b'"):
        partition(data, config())
