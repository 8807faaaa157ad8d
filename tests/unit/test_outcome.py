"""Values and exceptions as bytes: ``_core.outcome`` (E5)."""

from __future__ import annotations

import threading
import traceback
from typing import Any

import pytest

from anypool import errors
from anypool._core.outcome import decode, encode_error, encode_value
from anypool.errors import SerializationError


class Odd(Exception):
    """Its __init__ takes other parameters than its args, as so many do."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.detail = detail


class OddUnicode(UnicodeDecodeError):
    """A built-in class that only its C __init__ fills, below a Python one."""

    def __init__(self, where: int) -> None:
        super().__init__("utf-8", b"abc", where, where + 1, "odd")


class Stateful(Exception):
    """Brings its own __reduce__."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Stateful, ("rebuilt",), {"mark": 1})


def travel(error: BaseException) -> BaseException:
    """Send an exception through bytes."""
    value, arrived = decode(encode_error(error))
    assert value is None
    assert arrived is not None
    return arrived


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """Give the exception with a traceback of its own."""
    try:
        raise error from cause
    except BaseException as caught:
        return caught


@pytest.mark.parametrize("value", [None, 0, "x", b"\0" * 10_000, {"a": (1, [2])}, ValueError])
def test_values_arrive(value: object) -> None:
    """E4: a result is a copy of what was returned."""
    assert decode(encode_value(value)) == (value, None)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x", 3),
        KeyError("k"),
        OSError(2, "no such file", "name.txt"),
        UnicodeDecodeError("utf-8", b"abc", 1, 2, "why"),
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        StopIteration(5),
        Odd(7, detail="d"),
        OddUnicode(1),
        ExceptionGroup("many", [ValueError(1), Odd(2, detail="e")]),
        errors.WorkerDied("gone", task_name="t", pid=3, stderr=("a", "b")),
        errors.SerializationError("bad", path="args[0]", culprit="<x>"),
    ],
)
def test_an_exception_keeps_type_args_text_and_attributes(error: BaseException) -> None:
    """E5: type, args and attributes arrive, whatever the class's __init__ wants."""
    arrived = travel(error)
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert repr(arrived.args) == repr(error.args)
    assert repr(arrived.__dict__) == repr(error.__dict__)


def test_oserror_keeps_its_file_name() -> None:
    """E5: what a built-in class keeps beside its args arrives."""
    arrived = travel(OSError(2, "no such file", "name.txt"))
    assert isinstance(arrived, FileNotFoundError)
    assert arrived.filename == "name.txt"


def test_notes_cause_and_context_arrive() -> None:
    """E5: the whole chain arrives, with notes."""
    error = raised(ValueError("outer"), Odd(1, detail="inner"))
    error.add_note("look here")
    arrived = travel(error)
    assert arrived.__notes__ == ["look here"]
    assert isinstance(arrived.__cause__, Odd)
    assert arrived.__cause__.detail == "inner"
    assert arrived.__suppress_context__


def test_the_remote_traceback_is_the_exceptions_own() -> None:
    """E5: function names and lines of the remote side are in the traceback."""
    text = "".join(traceback.format_exception(travel(raised(ValueError("x")))))
    assert "in raised" in text
    assert "raise error from cause" in text


def test_an_exception_that_is_its_own_context_ends() -> None:
    """E5: cycles in the chain neither hang nor fail."""
    first, second = ValueError(1), ValueError(2)
    first.__context__, second.__context__ = second, first
    arrived = travel(first)
    assert arrived.__context__ is not None
    assert arrived.__context__.__context__ is arrived


def test_a_deep_recursion_arrives() -> None:
    """E5: a thousand frames do not break the journey."""

    def down(n: int) -> int:
        return down(n + 1) + 1

    try:
        down(0)
    except RecursionError as error:
        assert isinstance(travel(error), RecursionError)


def test_an_unpicklable_exception_says_what_it_was() -> None:
    """E5: it becomes SerializationError with the path, and keeps the original's text."""
    error = raised(ValueError("the message"))
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    arrived = travel(error)
    assert isinstance(arrived, SerializationError)
    assert arrived.path == "exception.lock"
    assert any("the message" in note for note in arrived.__notes__)


def test_an_exception_that_cannot_be_rebuilt_says_what_it_was() -> None:
    """E5: failing to unpickle is an error of this task, with the original's text."""

    class Wicked(Exception):
        def __reduce__(self) -> tuple[Any, ...]:
            return (int, ("not a number",))

    arrived = travel(raised(Wicked("the message")))
    assert isinstance(arrived, SerializationError)
    assert any("the message" in note for note in arrived.__notes__)


def test_a_value_that_cannot_be_rebuilt_blames_its_class() -> None:
    """E5: the class whose __setstate__ raised is named."""

    class Broken:
        def __init__(self) -> None:
            self.x = 1

        def __setstate__(self, state: object) -> None:
            raise SystemExit("in setstate")

    value, error = decode(encode_value(Broken()))
    assert value is None
    assert isinstance(error, SerializationError)
    assert "Broken.__setstate__" in str(error)
    assert isinstance(error.__cause__, SystemExit)


def test_an_exception_with_its_own_reduce_is_respected() -> None:
    """E5: a class that says how to pickle it is pickled that way."""
    arrived = travel(Stateful("original"))
    assert arrived.args == ("rebuilt",)
    assert arrived.__dict__ == {"mark": 1}


def test_an_exception_whose_text_fails_still_arrives() -> None:
    """E5: a __str__ that raises does no harm."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    assert type(travel(Mute())).__name__ == "Mute"
