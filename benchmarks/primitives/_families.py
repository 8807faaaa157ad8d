"""The families of primitives that are compared: whatever has ``multiprocessing``'s names."""

from __future__ import annotations

import multiprocessing
import multiprocessing.managers
from collections.abc import Callable
from types import TracebackType
from typing import Any

import anypool

__all__ = ["FAMILIES", "REFERENCE", "Family"]

#: What the ratios refer to.
REFERENCE = "multiprocessing"


class Family:
    """Makes primitives and processes, for as long as it is open.

    Attributes:
        maker: the object with the names ``Lock``, ``Queue`` …
        pipes: whether it has pipes of its own.
    """

    maker: Any
    pipes = True

    def process(self, target: Callable[..., object], *args: object) -> Any:
        """Start a process that is handed ``args``."""
        started = self.maker.Process(target=target, args=args)
        started.start()
        return started

    def __enter__(self) -> Family:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Let go."""


class _Multiprocessing(Family):
    def __init__(self) -> None:
        self.maker = multiprocessing.get_context("spawn")


class _Manager(Family):
    pipes = False

    def __init__(self) -> None:
        self.maker = self._manager = multiprocessing.get_context("spawn").Manager()

    def process(self, target: Callable[..., object], *args: object) -> Any:
        started = multiprocessing.get_context("spawn").Process(target=target, args=args)
        started.start()
        return started

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._manager.shutdown()


class _Ours(Family):
    backend = ""

    def __init__(self) -> None:
        self.maker = anypool.get_context(self.backend)


class _Process(_Ours):
    backend = "process"


class _Thread(_Ours):
    backend = "thread"


class _Serial(_Ours):
    backend = "serial"


FAMILIES: dict[str, type[Family]] = {
    "process": _Process,
    "thread": _Thread,
    "serial": _Serial,
    "multiprocessing": _Multiprocessing,
    "manager": _Manager,
}
