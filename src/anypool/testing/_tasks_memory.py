"""What the suite's tasks do with shared memory."""

from __future__ import annotations

import ctypes
from typing import Any

__all__: list[str] = []  # the suite's own; nothing to export


class Point(ctypes.Structure):
    """A structure that can be imported everywhere."""

    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))


def add_many(number: Any, times: int) -> None:
    """Add one many times, reading and writing apart, so that only the lock prevents a loss."""
    for _ in range(times):
        with number:
            number.value += 1


def double(*shared: Any) -> None:
    """Double whatever it is."""
    for one in shared:
        if hasattr(one, "value"):
            one.value *= 2
        elif hasattr(one, "x"):
            one.x *= 2
            one.y *= 2
        else:
            for index in range(len(one)):
                one[index] *= 2


def reverse(array: Any) -> int:
    """Turn an array round, under its lock; give its length."""
    with array:
        array[:] = array[::-1]
    return len(array)


def fill(array: Any, first: int, values: Any) -> None:
    """Write a slice."""
    array[first : first + len(values)] = values


def set_last(array: Any, value: Any) -> Any:
    """Write the last element of what may be large; give the one before."""
    array[len(array) - 1] = value
    return array[len(array) - 2]


def kind_and_size(raw: Any) -> tuple[bool, bool, int]:
    """Tell whether it is a C int, a C array, and how many bytes it has."""
    return isinstance(raw, ctypes.c_int), isinstance(raw, ctypes.Array), ctypes.sizeof(raw)
