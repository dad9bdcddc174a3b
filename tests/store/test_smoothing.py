"""The moving average is TensorBoard's, whatever the length, and leaves gaps alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from store.smoothing import ema


def tensorboard(values, weight):
    """The loop of TensorBoard's front end."""
    last, count, out = 0.0, 0, []
    for value in values:
        if not np.isfinite(value):
            out.append(value)
            continue
        last = last * weight + (1 - weight) * value
        count += 1
        out.append(last / (1 - weight**count))
    return out


@given(
    values=arrays.arrays(
        np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6) | st.just(np.nan)
    ),
    weight=st.sampled_from([0.1, 0.6, 0.9, 0.99]),
)
def test_it_equals_the_loop_of_tensorboard(values, weight):
    np.testing.assert_allclose(
        ema(values, weight), tensorboard(values, weight), rtol=1e-9, atol=1e-6
    )


@given(
    values=arrays.arrays(
        np.float64, 400, elements=st.floats(-1e6, 1e6) | st.just(np.nan), fill=st.just(1.0)
    ),
    start=st.integers(0, 400),
    size=st.integers(0, 50),
    weight=st.sampled_from([0.0, 0.1, 0.6, 0.9]),
)
def test_a_part_is_that_of_the_whole_bit_for_bit(values, start, size, weight):
    part = ema(values, weight, start, start + size)

    np.testing.assert_array_equal(part, ema(values, weight)[start : start + size])


def test_weight_zero_changes_nothing():
    values = np.array([3.0, np.nan, 1.0])

    np.testing.assert_array_equal(ema(values, 0.0), values)


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]])
def test_nothing_finite_stays_as_it_is(values):
    np.testing.assert_array_equal(ema(np.array(values), 0.9), values)
