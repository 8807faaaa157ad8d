"""Runs the calls of an encoded batch, one after the other, wherever the bytes have arrived: the worker's inner loop.

::

    bytes -> unpickle -> call -> pickle -> sink.finished(index, outcome)

Nothing that a call does gets out of here, ``SystemExit`` and ``KeyboardInterrupt`` included: it becomes an outcome.
"""

from __future__ import annotations

from anypool._core import worker_info
from anypool._core.outcome import blame, encode_error, encode_value
from anypool._core.serialise import loads

# Not from typing: see serialise.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    class Sink(Protocol):
        """Where outcomes go, one by one, as they are made."""

        def started(self, index: int) -> None:
            """Call ``index`` is about to begin; from here on it must never be run again (E2)."""

        def finished(self, index: int, outcome: bytes) -> None:
            """Call ``index`` ended."""


__all__ = ["run_batch"]


def run_batch(
    function: bytes | memoryview | None,
    calls: Sequence[bytes | memoryview],
    sink: Sink,
    *,
    first: int = 0,
    first_id: int = 0,
    name: str = "",
    attempt: int = 1,
) -> None:
    """Run the calls from ``first`` on.

    Args:
        function: the pickled function that all calls share, or ``None``.
        calls: one pickle a call, see ``anypool.abc.Encoded``.
        sink: gets the outcomes.
        first: the index of the first call to run; earlier ones have been run by somebody else.
        first_id: the task number of call 0.
        name: the tasks' name.
        attempt: which attempt this is.
    """
    shared: Callable[..., Any] | None = None
    broken: BaseException | None = None
    for index in range(first, len(calls)):
        sink.started(index)
        before = worker_info.set_task(first_id + index, name, attempt)
        try:
            if function is not None and shared is None and broken is None:
                try:
                    shared = loads(function)
                except BaseException as error:
                    broken = error
            outcome = encode_error(_not_loadable("the function", broken)) if broken else _run(shared, calls[index])
        finally:
            worker_info.clear_task(before)
        sink.finished(index, outcome)


def _run(shared: Callable[..., Any] | None, data: bytes | memoryview) -> bytes:
    try:
        loaded = loads(data)
    except BaseException as reason:
        return encode_error(_not_loadable("the task's function or arguments", reason))
    function, args, kwargs = loaded if shared is None else (shared, *loaded)
    del loaded
    try:
        value = function(*args, **kwargs)
    except BaseException as error:
        # The first frame is this one; the user's traceback begins behind it.
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        return encode_error(error)
    del function, args, kwargs
    try:
        return encode_value(value)
    except BaseException as error:
        error.__traceback__ = None
        return encode_error(error)


def _not_loadable(what: str, reason: BaseException) -> BaseException:
    from anypool.errors import SerializationError

    failed = SerializationError(
        f"{what} could not be unpickled in the worker: {type(reason).__name__}: {reason}. {blame(reason)}"
        "Check that the module is installed and importable there, and that __setstate__ and __reduce__ match.",
        path=what,
        culprit=type(reason).__name__,
    )
    failed.__cause__ = reason
    return failed
