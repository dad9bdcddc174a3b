"""Batches: every example once an epoch, in an order that seed and epoch decide."""

import torch

from trainers.data.augmentation import shift_turn_scale
from trainers.data.dataset import Split
from trainers.data.loader import TensorLoader


def numbers(count: int = 100) -> Split:
    labels = torch.arange(count)
    return Split(
        inputs=labels[:, None, None, None].to(torch.uint8),
        labels=labels,
        ids=tuple(map(str, range(count))),
        slices={},
    )


def words(lengths: list[int]) -> Split:
    inputs = torch.zeros(len(lengths), 20, dtype=torch.int32)
    for row, length in enumerate(lengths):
        inputs[row, :length] = 5
    labels = torch.arange(len(lengths))
    return Split(inputs=inputs, labels=labels, ids=tuple(map(str, lengths)), slices={})


def order(loader: TensorLoader) -> list[int]:
    return [label for _, labels in loader for label in labels.tolist()]


def test_an_epoch_holds_every_example_once():
    loader = TensorLoader(numbers(), batch_size=32, seed=0)

    assert sorted(order(loader)) == list(range(100))
    assert len(loader) == len(list(loader)) == 4


def test_epochs_differ_and_seeds_repeat():
    first, second = (
        TensorLoader(numbers(), batch_size=32, seed=3),
        TensorLoader(numbers(), batch_size=32, seed=3),
    )
    epochs = [order(first), order(first)]

    assert epochs[0] != epochs[1]
    assert [order(second), order(second)] == epochs


def test_a_resumed_training_goes_on_with_the_epoch_s_own_order():
    whole, resumed = (TensorLoader(numbers(), batch_size=32, seed=0) for _ in range(2))
    order(whole)
    resumed.sampler.set_epoch(1)

    assert order(resumed) == order(whole)


def test_seed_one_epoch_zero_is_not_seed_zero_epoch_one():
    zero, one = (TensorLoader(numbers(), batch_size=32, seed=seed) for seed in (0, 1))
    order(zero)

    assert order(zero) != order(one)


def test_inputs_and_labels_stay_together():
    for inputs, labels in TensorLoader(numbers(), batch_size=7, seed=0):
        assert inputs.flatten().tolist() == labels.tolist()


def test_texts_of_similar_length_share_a_batch_that_is_cut_to_the_longest():
    lengths = [length for length in range(1, 17) for _ in range(4)]
    loader = TensorLoader(words(lengths), batch_size=4, seed=0, is_text=True)

    widths = [inputs.shape[1] for inputs, _ in loader]

    assert sorted(widths) == list(range(1, 17))
    assert widths != sorted(widths)
    assert sorted(order(loader)) == list(range(64))


def test_augmentation_moves_images_a_little_and_repeats_with_the_seed():
    images = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    moved = [
        shift_turn_scale(images, torch.Generator().manual_seed(seed), flip=True)
        for seed in (0, 0, 1)
    ]

    assert moved[0].shape == images.shape
    assert torch.equal(moved[0], moved[1])
    assert not torch.equal(moved[0], moved[2])
    assert moved[0].min() >= 0
    assert moved[0].max() <= 255
