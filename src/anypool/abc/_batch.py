"""The unit that the facade hands to a pool: one or more calls that a single worker runs in order.

``submit`` makes a batch of one call; ``map`` makes batches of as many as fit. The pool owes every call of a batch that
it claimed exactly one ``settle``, whatever happens to the worker.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["Batch", "Encoded"]


class Encoded(NamedTuple):
    """A batch as bytes, ready to travel.

    Attributes:
        function: the pickled function that all calls share, or ``None`` where each call carries its own.
        calls: one pickle a call: ``(args, kwargs)`` with a shared function, ``(function, args, kwargs)`` without.
        pins: objects that must stay alive until the batch has been settled, because the bytes name them (a lock's
            name in the file system, a pipe's descriptors).
    """

    function: bytes | None
    calls: Sequence[bytes]
    pins: Sequence[object]


class Batch(ABC):
    """Calls that travel together. All methods may be called from any thread."""

    __slots__ = ()

    #: Number of the first call's task in its executor; call ``i`` is task ``first_id + i``.
    first_id: int
    #: How many calls there are.
    size: int
    #: The name that errors show: the function's qualified name, or what ``options(name=…)`` gave.
    name: str
    #: Seconds that each call may run, counted from its start, or ``None``.
    timeout: float | None
    #: Which attempt this is, from 1.
    attempt: int

    @abstractmethod
    def claim(self) -> bool:
        """Tell whether the batch may start, and make it running.

        The pool calls it exactly once, just before it hands the batch to a worker. ``False`` means that the user
        cancelled it while it waited: drop it, settle nothing.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Cancel the batch, which was never claimed, as ``shutdown(cancel_futures=True)`` does."""

    @abstractmethod
    def call(self, index: int) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        """Give call ``index`` as live objects, for a pool that runs it in this process.

        Raises:
            LookupError: every call has been settled meanwhile, and the arguments are gone.
        """

    @abstractmethod
    def encoded(self) -> Encoded:
        """Give the batch as bytes, for a pool of processes. It was encoded in the submitting thread.

        Raises:
            LookupError: every call has been settled meanwhile, and the bytes are gone.
        """

    @abstractmethod
    def settle(self, index: int, value: Any, error: BaseException | None) -> None:
        """End call ``index`` with a value, or with an error where ``error`` is not ``None``.

        A call that has been settled before is left as it is.
        """

    @abstractmethod
    def settle_encoded(self, index: int, data: bytes | memoryview) -> None:
        """End call ``index`` with an outcome as ``anypool._core.outcome`` encodes it.

        ``data`` is the pool's own memory and valid during this call only; what is kept is copied.
        """
