"""Turn what the caller passed into checked arrays, or say in one sentence what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MOST_CODES = 1024
"""Integer labels up to here index a table as they are; others are numbered first."""


def check_level(level: float) -> float:
    """Return the confidence level, which lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"Expected a level between 0 and 1, such as 0.95; got {level}.")
    return float(level)


def check_count(name: str, value: float, least: int = 0) -> int:
    """Return a count as an integer of at least `least`."""
    whole = int(value) if np.isfinite(value) else None
    if whole is None or whole != value or whole < least:
        raise ValueError(f"Expected {name} to be a whole number >= {least}; got {value}.")
    return whole


def vector(name: str, values: ArrayLike, *, size: int | None = None) -> FloatArray:
    """Return numbers as an array of shape (n,), n >= 1, without NaN."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"Expected {name} of shape (n,); got shape {array.shape}.")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"Expected {name} to hold numbers; got values of type {array.dtype}.")
    check_size(name, array, size)
    return without_nan(name, array.astype(np.float64, copy=False))


def matrix(name: str, values: ArrayLike, *, rows: int | None = None) -> FloatArray:
    """Return numbers as an array of shape (n, k), n, k >= 1, without NaN."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"Expected {name} of shape (n, k); got shape {array.shape}.")
    check_size(name, array, rows)
    return without_nan(name, array)


def check_size(name: str, array: NDArray, size: int | None) -> None:
    """Raise unless an array has at least one entry, and `size` of them when that is given."""
    if len(array) == 0:
        raise ValueError(f"Expected at least one example in {name}; got none.")
    if size is not None and len(array) != size:
        raise ValueError(f"Expected {name} to have {size} entries; got {len(array)}.")


def without_nan(name: str, array: FloatArray) -> FloatArray:
    """Return the array, which must hold no NaN."""
    missing = int(np.isnan(array).sum())
    if missing:
        raise ValueError(f"Expected {name} without NaN; got {missing} NaN of {array.size}.")
    return array


def finite(name: str, array: FloatArray) -> FloatArray:
    """Return the array, which must hold no NaN and no infinity."""
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise ValueError(f"Expected finite {name}; got {bad} infinite or NaN of {array.size}.")
    return array


def binary(label: ArrayLike) -> BoolArray:
    """Return labels of 0 and 1 (or False and True), shape (n,), as truth values."""
    array = np.asarray(label)
    if array.ndim != 1:
        raise ValueError(f"Expected label of shape (n,); got shape {array.shape}.")
    check_size("label", array, None)
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind not in "iuf":
        raise ValueError(f"Expected labels 0 and 1; got values of type {array.dtype}.")
    positive = array == 1
    strange = ~(positive | (array == 0))
    if strange.any():
        raise ValueError(f"Expected labels 0 and 1; got {array[strange][0]}.")
    return positive


def probabilities(values: ArrayLike, *, size: int | None = None, total: bool = False) -> FloatArray:
    """Return probabilities of shape (n,) or (n, C); with `total` each row adds up to 1 ± 0.001."""
    name = "probability"
    array = np.asarray(values)
    array = matrix(name, array, rows=size) if array.ndim == 2 else vector(name, array, size=size)
    low, high = array.min(), array.max()
    if low < 0 or high > 1:
        raise ValueError(f"Expected probabilities in [0, 1]; got values in [{low:g}, {high:g}].")
    if total and array.ndim == 2:
        sums = array.sum(axis=1)
        worst = float(sums[np.abs(sums - 1).argmax()])
        if abs(worst - 1) > 1e-3:
            raise ValueError(f"Expected each row of probability to add up to 1; got {worst:g}.")
    return array


def class_index(label: ArrayLike, num_classes: int) -> IntArray:
    """Return class numbers 0 .. num_classes - 1, shape (n,)."""
    array = np.asarray(label)
    if array.ndim != 1:
        raise ValueError(f"Expected label of shape (n,); got shape {array.shape}.")
    check_size("label", array, None)
    if array.dtype.kind not in "biuf" or (array.dtype.kind == "f" and (array % 1 != 0).any()):
        raise ValueError(f"Expected class numbers as labels; got values of type {array.dtype}.")
    index = array.astype(np.int64)
    if index.min() < 0 or index.max() >= num_classes:
        wrong = int(index.max() if index.max() >= num_classes else index.min())
        raise ValueError(f"Expected labels from 0 to {num_classes - 1}; got {wrong}.")
    return index


def group_index(group: ArrayLike, size: int) -> tuple[IntArray, int]:
    """Return the groups numbered 0 .. G - 1: each example's group, shape (n,), and G."""
    array = np.asarray(group)
    if array.ndim != 1:
        raise ValueError(f"Expected group of shape (n,); got shape {array.shape}.")
    check_size("group", array, size)
    names, index = np.unique(array, return_inverse=True)
    return index.astype(np.int64, copy=False), len(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """Class columns numbered by one list of classes."""

    columns: tuple[IntArray, ...]
    """shape (n,) each, numbers 0 .. num_classes - 1"""
    num_classes: int
    names: NDArray
    """shape (num_classes,), what the caller called the classes"""
    listed: BoolArray
    """shape (num_classes,), classes that macro means count: all of a given table, else those seen"""


def code_classes(columns: Sequence[ArrayLike], num_classes: int | None = None) -> Coded:
    """Give numbers to the classes in several columns of equal length by one list.

    Parameters
    ----------
    columns
        Label and predictions, shape (n,) each: class numbers, or any values that can be sorted
    num_classes
        Length of the label table when the columns hold class numbers; without it the classes are
        those that occur in any column
    """
    arrays = [np.asarray(column) for column in columns]
    for name, array in zip(("label", *["predicted"] * len(arrays)), arrays, strict=False):
        if array.ndim != 1:
            raise ValueError(f"Expected {name} of shape (n,); got shape {array.shape}.")
        check_size(name, array, len(arrays[0]))
        if array.dtype.kind == "f":
            without_nan(name, array)
    if num_classes is not None:
        codes = tuple(class_index(array, num_classes) for array in arrays)
        everything = np.ones(num_classes, bool)
        names = np.arange(num_classes)
        return Coded(columns=codes, num_classes=num_classes, names=names, listed=everything)
    if all(array.dtype.kind in "bui" for array in arrays):
        most = max(int(array.max()) for array in arrays)
        if most < MOST_CODES and min(int(array.min()) for array in arrays) >= 0:
            codes = tuple(array.astype(np.int64, copy=False) for array in arrays)
            seen = np.zeros(most + 1, bool)
            for code in codes:
                seen |= np.bincount(code, minlength=most + 1) > 0
            names = np.arange(most + 1)
            return Coded(columns=codes, num_classes=most + 1, names=names, listed=seen)
    names, index = np.unique(np.concatenate(arrays), return_inverse=True)
    codes = tuple(np.split(index.astype(np.int64, copy=False), len(arrays)))
    seen = np.ones(len(names), bool)
    return Coded(columns=codes, num_classes=len(names), names=names, listed=seen)


def tally(label: IntArray, predicted: IntArray, num_classes: int) -> FloatArray:
    """Count labels (rows) against predictions (columns), shape (num_classes, num_classes)."""
    cell = label * num_classes + predicted
    counts = np.bincount(cell, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes).astype(np.float64)


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return part / whole of each place; NaN, not a warning, where the whole is nothing."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
