"""The batch behind ``submit``: one call and its future."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anypool._core import outcome, pins
from anypool._core.futures import Future
from anypool._core.serialise import dumps
from anypool.abc import Batch, Encoded
from anypool.errors import SerializationError

__all__ = ["TaskBatch", "decode", "dump_call", "task_name"]

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def task_name(function: Callable[..., Any]) -> str:
    """Give the name that errors show for a task that runs ``function``."""
    while hasattr(function, "func") and not hasattr(function, "__qualname__"):
        function = function.func  # functools.partial
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def dump_call(function: Callable[..., Any] | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
    """Pickle one call; without a function, which a map sends once for all its calls, only the arguments.

    Raises:
        SerializationError: its path begins with ``function``, ``args[…]`` or ``kwargs[…]``.
    """
    try:
        return dumps((args, kwargs) if function is None else (function, args, kwargs), "task")
    except SerializationError:
        # Again, part by part, so that the path reads as the user wrote the call.
        if function is not None:
            dumps(function, "function")
        for index, value in enumerate(args):
            dumps(value, f"args[{index}]")
        for key, value in kwargs.items():
            dumps(value, f"kwargs[{key!r}]")
        raise


def decode(data: bytes | memoryview, name: str, task_id: int) -> tuple[Any, BaseException | None]:
    """Decode an outcome, and say in an error of ours which task it was."""
    value, error = outcome.decode(data)
    if isinstance(error, SerializationError):
        error.args = (f"task {name!r} (id {task_id}): {error}",)
    return value, error


class TaskBatch(Batch):
    """One call."""

    __slots__ = ("_call", "_encoded", "attempt", "first_id", "future", "name", "timeout")

    size = 1

    def __init__(self, future: Future[Any], call: Call, task_id: int, name: str, timeout: float | None) -> None:
        self.future = future
        self.first_id = task_id
        self.name = name
        self.timeout = timeout
        self.attempt = 1
        self._call: Call | None = call
        self._encoded: Encoded | None = None

    def encode(self) -> None:
        """Turn the call into bytes. Raises ``SerializationError``."""
        assert self._call is not None
        with pins.collect() as pinned:
            data = dump_call(*self._call)
        self._encoded = Encoded(None, (data,), pinned)
        self._call = None

    def claim(self) -> bool:
        return self.future.set_running_or_notify_cancel()

    def cancel(self) -> None:
        if self.future.cancel():
            self.future.set_running_or_notify_cancel()
        self._forget()

    def call(self, index: int) -> Call:
        call = self._call
        if call is None:
            raise LookupError(index)
        return call

    def encoded(self) -> Encoded:
        encoded = self._encoded
        if encoded is None:
            raise LookupError(self.name)
        return encoded

    def settle(self, index: int, value: Any, error: BaseException | None) -> None:
        self._forget()
        self.future._settle(value, error)

    def settle_encoded(self, index: int, data: bytes | memoryview) -> None:
        value, error = decode(data, self.name, self.first_id)
        self.settle(index, value, error)

    def _forget(self) -> None:
        self._call = None
        self._encoded = None
