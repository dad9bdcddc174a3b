"""A data set is fingerprinted, and learns its preprocessing from the training split alone."""

from pathlib import Path

import pytest
import torch

from trainers.configs import DataConfig
from trainers.data.dataset import (
    PADDING,
    UNKNOWN,
    Dataset,
    TextInput,
    encode_texts,
    load_dataset,
    model_input_from_mapping,
    model_input_to_mapping,
)
from trainers.spec import load_spec


def config(**settings: object) -> DataConfig:
    model = "cnn" if settings["kind"] in {"digits", "image_folder"} else "lstm"
    return load_spec({"data": settings, "model": {"kind": model}}).data


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset(config(kind="digits"))


def test_digits_are_bytes_with_names_and_ids(digits: Dataset):
    assert digits.train.inputs.dtype == torch.uint8
    assert digits.train.inputs.shape[1:] == (1, 8, 8)
    assert digits.classes == tuple("0123456789")
    assert len(set(digits.train.ids) | set(digits.val.ids) | set(digits.test.ids)) == 1797


def test_the_hash_is_the_same_every_time(digits: Dataset):
    assert load_dataset(config(kind="digits")).hash == digits.hash


def test_the_hash_changes_with_the_split(digits: Dataset):
    assert load_dataset(config(kind="digits", split_seed=1)).hash != digits.hash


def test_the_hash_ignores_what_only_training_sees(digits: Dataset):
    assert load_dataset(config(kind="digits", augment=True)).hash == digits.hash


def test_the_hash_changes_with_content_and_preprocessing(texts: Path):
    before = load_dataset(config(kind="text_csv", path=str(texts))).hash
    shorter = load_dataset(config(kind="text_csv", path=str(texts), max_length=8)).hash
    texts.write_text(texts.read_text("utf-8") + "abba,early\n", "utf-8")
    longer = load_dataset(config(kind="text_csv", path=str(texts))).hash

    assert len({before, shorter, longer}) == 3


def test_the_hash_of_the_test_split_is_on_record(digits: Dataset):
    assert set(digits.facts["hashes"]) == {"train", "val", "test"}


def test_the_vocabulary_is_fitted_on_train_only(texts: Path):
    texts.write_text(texts.read_text("utf-8") + "abcabcß,early\n", "utf-8")
    for seed in range(8):
        data = load_dataset(config(kind="text_csv", path=str(texts), split_seed=seed))

        assert isinstance(data.input, TextInput)
        assert ("ß" in data.input.vocabulary) == ("line-122" in data.train.ids)


def test_texts_are_padded_cut_and_unknown_letters_marked():
    model_input = TextInput(max_length=4, vocabulary=("a", "b"))

    ids = encode_texts(["ab", "abbaa", "axb"], model_input)

    assert ids.tolist() == [[2, 3, PADDING, PADDING], [2, 3, 3, 2], [2, UNKNOWN, 3, PADDING]]


def test_preprocessing_survives_a_checkpoint(digits: Dataset, text_input: TextInput):
    for model_input in (digits.input, text_input):
        assert model_input_from_mapping(model_input_to_mapping(model_input)) == model_input
