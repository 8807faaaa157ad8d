"""Pickling that names its culprits: ``_core.serialise`` and ``_core.culprit`` (E3, E5)."""

from __future__ import annotations

import dataclasses
import functools
import threading
from typing import Any

import pytest

from anypool._core import pins
from anypool._core.batch import dump_call, task_name
from anypool._core.serialise import dumps, loads
from anypool.errors import SerializationError


@dataclasses.dataclass
class Holder:
    """Holds anything."""

    inside: Any


class Slotted:
    """Has slots and no dict."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing


def test_an_importable_function_travels_by_name() -> None:
    """E3: what can be imported is not copied."""
    assert loads(dumps(test_an_importable_function_travels_by_name)) is test_an_importable_function_travels_by_name


def test_a_closure_travels_by_value() -> None:
    """E3: a nested function keeps its variables."""
    base = 40
    assert loads(dumps(lambda x: base + x))(2) == 42


def test_text_that_mentions_main_is_only_made_twice() -> None:
    """E3: a string that contains __main__ is no reason to fail."""
    assert loads(dumps("see __main__ for more")) == "see __main__ for more"


LOCK = threading.Lock()


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (LOCK, "it"),
        ([1, {"a": (2, LOCK)}], "it[1]['a'][1]"),
        (Holder(Holder(LOCK)), "it.inside.inside"),
        (Slotted(LOCK), "it.thing"),
        (functools.partial(print, LOCK), "it.args[0]"),
        (Holder(LOCK).__repr__, "it.__self__.inside"),
        ({"x": [LOCK]}, "it['x'][0]"),
        (ValueError(LOCK), "it.args[0]"),
    ],
)
def test_the_error_names_the_way_to_the_culprit(obj: object, path: str) -> None:
    """E5: the path leads to the innermost object that cannot be pickled."""
    with pytest.raises(SerializationError) as caught:
        dumps(obj, "it")
    assert caught.value.path == path
    assert "_thread.lock" in caught.value.culprit
    assert "lock" in str(caught.value)


def test_a_closure_over_a_lock_names_the_variable() -> None:
    """E5: the enclosing function's variable is named."""
    guard = threading.Lock()
    with pytest.raises(SerializationError, match="variable 'guard' of the enclosing function"):
        dumps(lambda: guard, "function")


@pytest.mark.parametrize(
    ("args", "kwargs", "path"), [((1, LOCK), {}, "args[1]"), ((), {"key": [LOCK]}, "kwargs['key'][0]")]
)
def test_a_call_names_its_argument(args: tuple[Any, ...], kwargs: dict[str, Any], path: str) -> None:
    """E5: the path reads as the user wrote the call."""
    with pytest.raises(SerializationError) as caught:
        dump_call(print, args, kwargs)
    assert caught.value.path == path


def test_an_object_whose_repr_fails_is_named_all_the_same() -> None:
    """E5: the search for the culprit survives hostile objects."""

    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no")

        def __reduce__(self) -> str:
            raise OSError("never")

    with pytest.raises(SerializationError, match="never") as caught:
        dumps([Hostile()], "it")
    assert "RuntimeError" in caught.value.culprit


def test_a_deep_structure_is_refused_not_crashed_on() -> None:
    """E5: too deep a nesting is an error of this object."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SerializationError):
        dumps(deep, "it")
    while deep:  # let it go level by level: freeing it at once recurses in C
        deep = deep[0]


@pytest.mark.parametrize(
    ("function", "name"),
    [(len, "len"), (functools.partial(functools.partial(len)), "len"), (Holder, "Holder"), (Holder(1), "Holder")],
)
def test_a_task_is_named_after_what_it_runs(function: Any, name: str) -> None:
    """Errors call a task by its function."""
    assert task_name(function) == name


class Primitive:
    """Something that must stay itself inside a process."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)


def test_a_reference_comes_back_as_the_same_object() -> None:
    """P1: inside one process a primitive that was pickled is still the same primitive."""
    one = Primitive()
    with pins.collect() as pinned:
        data = dumps({"nested": [one]})
    assert pinned == [one]
    assert loads(data)["nested"][0] is one


def test_a_reference_lives_as_long_as_its_pin() -> None:
    """P1: the bytes alone do not keep it, the pins do, and the error says so."""
    one = Primitive()
    with pins.collect() as pinned:
        data = dumps(one)
    del one
    assert isinstance(loads(data), Primitive)
    pinned.clear()
    with pytest.raises(TypeError, match="collected before its pickle was read"):
        loads(data)


def test_pins_go_to_the_innermost_collector() -> None:
    """A pickling inside a pickling keeps its own."""
    with pins.collect() as outer:
        with pins.collect() as inner:
            pins.note("in")
        pins.note("out")
    assert (outer, inner) == (["out"], ["in"])
    assert not pins.note("nobody")
