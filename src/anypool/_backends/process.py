"""Worker processes of our own on this machine: the default backend.

::

    submit(batch) -> ProcessPool -> one socket pair a worker -> a fresh interpreter each -> settle
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from anypool.abc import Backend, Capabilities, Context, PoolSpec, WorkerPool

__all__ = ["ProcessBackend"]


@dataclasses.dataclass(frozen=True, slots=True)
class ProcessBackend(Backend):
    """Runs tasks in processes of this machine.

    Attributes:
        start_method: how a worker starts. ``"spawn"``, the only way so far, starts a fresh interpreter; it never
            forks this process, whose threads may hold locks, and never runs the program's ``__main__`` again.

    Raises:
        ValueError: there is no such start method.
    """

    start_method: str = "spawn"

    name: ClassVar[str] = "process"
    capabilities: ClassVar[Capabilities] = Capabilities(
        concurrent=True, processes=True, isolate=True, kill_running=True, recycle=True
    )

    def __post_init__(self) -> None:
        from anypool._launch._launcher import START_METHODS

        if self.start_method not in START_METHODS:
            known = ", ".join(repr(method) for method in START_METHODS)
            raise ValueError(f"cannot find start method {self.start_method!r}; known are: {known}")

    @classmethod
    def missing(cls) -> str | None:
        """Nothing is ever missing."""
        return None

    def open(self, spec: PoolSpec) -> WorkerPool:
        """Give a pool; its workers start as work comes."""
        from anypool._pool._pool import ProcessPool
        from anypool._sync.local import _domain  # noqa: F401  # so that what a task makes lives in this family's place

        return ProcessPool(spec)

    def context(self, *, isolate: bool = False) -> Context:
        """Give primitives that any process of this machine can attach to."""
        from anypool._sync.local import LocalContext

        return LocalContext("process")
