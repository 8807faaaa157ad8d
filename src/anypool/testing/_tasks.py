"""Functions and classes that the suite's tasks are made of; importable by workers, so standard library only."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

__all__: list[str] = []  # the suite's own; nothing to export


# --- values ----------------------------------------------------------------------------------------------------


def identity(value: Any) -> Any:
    """Give back what it got."""
    return value


def nothing(*args: Any, **kwargs: Any) -> None:
    """Take anything, do nothing."""


def add(left: int, right: int) -> int:
    """Add."""
    return left + right


def square(number: int) -> int:
    """Multiply a number by itself."""
    return number * number


def keywords(**kwargs: Any) -> dict[str, Any]:
    """Give back the keywords."""
    return kwargs


def append_to(items: list[Any], value: Any) -> list[Any]:
    """Change the argument, and return it."""
    items.append(value)
    return items


def append_line(path: Any, text: Any) -> Any:
    """Append a line to a file in one write, so that lines of several processes do not mix; give the text back."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, f"{text}\n".encode())
    finally:
        os.close(descriptor)
    return text


def thread_id(*_: Any) -> tuple[int, int]:
    """Say which process and thread runs this."""
    return os.getpid(), threading.get_ident()


def enter_then(gate: Any, value: Any) -> Any:
    """Wait at the gate, then give the value back."""
    gate.enter()
    return value


def kilobytes(number: int) -> bytes:
    """Give 4,000 bytes that are this call's own."""
    return bytes([number % 256]) * 4000


class Counter:
    """A callable object with state and methods of all kinds."""

    def __init__(self, start: int) -> None:
        self.count = start

    def __call__(self, step: int) -> int:
        """Count on."""
        return self.count + step

    def forward(self, step: int) -> int:
        """Count on; a bound method."""
        return self.count + step

    @classmethod
    def named(cls, text: str) -> str:
        """Give the class's name with a text."""
        return f"{cls.__name__} {text}"

    @staticmethod
    def double(number: int) -> int:
        """Give twice the number."""
        return 2 * number


@dataclasses.dataclass
class Box:
    """A dataclass that holds anything."""

    content: Any


# --- exceptions ------------------------------------------------------------------------------------------------


class Stubborn(Exception):
    """An exception whose constructor takes other things than its args, as many in the wild."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"{reason} (code {code})")
        self.code = code
        self.reason = reason


class Holding(Exception):
    """An exception that cannot be pickled: it holds a lock."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


def raise_it(error: BaseException) -> NoReturn:
    """Raise what it is given."""
    raise error


def raise_stubborn(code: int) -> NoReturn:
    """Raise a ``Stubborn``."""
    raise Stubborn(code, reason="no such thing")


def raise_holding() -> NoReturn:
    """Raise an exception that cannot be pickled."""
    raise Holding("the original words")


def raise_with_history() -> NoReturn:
    """Raise an exception with notes and a cause, which has a context of its own."""
    try:
        try:
            raise KeyError("missing")
        except KeyError:
            raise ValueError("not a number")  # noqa: B904  the implicit context is what is wanted
    except ValueError as error:
        outer = RuntimeError("outer", 42)
        outer.add_note("first note")
        outer.add_note("second note")
        raise outer from error


def raise_hidden() -> NoReturn:
    """Raise an exception whose context is not to be shown."""
    try:
        raise KeyError("hidden")
    except KeyError:
        raise RuntimeError("alone") from None


def raise_group() -> NoReturn:
    """Raise an exception group with a group in it."""
    raise ExceptionGroup("all", [ValueError("one"), ExceptionGroup("inner", [Stubborn(2, reason="two")])])


def raise_deep(depth: int) -> int:
    """Recurse until Python has enough."""
    return raise_deep(depth + 1) + 1


def exit_with(code: Any) -> NoReturn:
    """Call ``sys.exit``."""
    sys.exit(code)


# --- objects that resist pickling ------------------------------------------------------------------------------


class RaisesOnPickle:
    """Its ``__reduce__`` raises."""

    def __reduce__(self) -> NoReturn:
        raise LookupError("reduce refuses")


class RaisesOnUnpickle:
    """Its ``__setstate__`` raises what it was told to."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getstate__(self) -> dict[str, Any]:
        return {"error": self.error}

    def __setstate__(self, state: dict[str, Any]) -> None:
        raise state["error"]


def make_lock(*_: Any) -> Any:
    """Return what cannot be pickled."""
    return threading.Lock()


def make_nested_lock() -> dict[str, Any]:
    """Return what cannot be pickled, deep in something that can."""
    return {"fine": 1, "wrong": ["also fine", threading.Lock()]}


def make_raising(kind: str) -> Any:
    """Return an object that raises when it is pickled or unpickled."""
    return RaisesOnPickle() if kind == "pickle" else RaisesOnUnpickle(LookupError("setstate refuses"))


# --- deaths ----------------------------------------------------------------------------------------------------


def die(how: str, words: str = "") -> NoReturn:
    """End this process: ``"exit 7"`` or a signal's name."""
    if words:
        print(words, file=sys.stderr, flush=True)
    if how.startswith("exit "):
        os._exit(int(how.removeprefix("exit ")))
    os.kill(os.getpid(), getattr(signal, how))
    # A signal to oneself is delivered before kill() returns, unless it is blocked or another thread takes it.
    threading.Event().wait(30)
    raise AssertionError(f"{how} did not end the process")


def die_or_append(path: Any, number: int, fatal: Any) -> int:
    """Append the number to the file; end the process if it is one of the fatal ones."""
    append_line(path, number)
    if number in fatal:
        die("SIGKILL")
    return number


def fail_or_append(path: Any, number: int, wrong: Any) -> int:
    """Append the number to the file; raise if it is one of the wrong ones."""
    append_line(path, number)
    if number in wrong:
        raise ValueError(f"item {number}")
    return number


def arrive_and_spin(gate: Any) -> NoReturn:
    """Report to the gate and then run bytecode for ever."""
    gate.arrive()
    while True:
        pass


def spin_at_two(number: int, gate: Any) -> int:
    """Give the number back; at 2 run for ever."""
    return number if number != 2 else arrive_and_spin(gate)


# --- workers ---------------------------------------------------------------------------------------------------

#: What an initializer left for the tasks of its worker; a list, for in-process workers share it.
initialized: list[Any] = []


def initialize(path: Any, value: Any) -> None:
    """Note that this worker was initialised, in the file and for its tasks."""
    append_line(path, f"{os.getpid()} {threading.get_ident()}")
    initialized[:] = [value]


def what_was_initialized(*_: Any) -> list[Any]:
    """Give what the initializer left."""
    return list(initialized)


def fail_to_initialize(text: str) -> NoReturn:
    """An initializer that raises."""
    raise ZeroDivisionError(text)


def worker_info(*_: Any) -> tuple[Any, ...]:
    """Give what ``anypool.worker()`` says."""
    import anypool

    return tuple(anypool.worker())


def enter_then_worker_info(gate: Any) -> tuple[Any, ...]:
    """Wait at the gate, so that each worker has one task; then give what ``anypool.worker()`` says."""
    gate.enter()
    return worker_info()


# --- texts -----------------------------------------------------------------------------------------------------


def text_of(error: BaseException) -> str:
    """Give the whole traceback as Python would print it."""
    return "".join(traceback.format_exception(error))


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function that is itself an argument."""
    return function(*args)
