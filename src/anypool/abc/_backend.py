"""A backend: a small typed settings object that can open a pool of workers and a family of primitives."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from anypool.abc._batch import Batch
from anypool.abc._capabilities import Capabilities

if TYPE_CHECKING:
    from anypool.abc._context import Context

__all__ = ["Backend", "PoolSpec", "WorkerPool"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """What the facade asks of a new pool. Everything has been checked by then.

    Attributes:
        max_workers: how many tasks may run at once, at least 1.
        initializer: called once in each worker before its first task, or ``None``.
        initargs: its arguments.
        isolate: copy values by pickling although the workers live in this process.
        max_tasks_per_child: a worker is replaced after so many batches (E16); ``None`` is never.
    """

    max_workers: int
    initializer: Callable[..., object] | None = None
    initargs: tuple[Any, ...] = ()
    isolate: bool = False
    max_tasks_per_child: int | None = None


class WorkerPool(ABC):
    """Running workers. Thread-safe. The facade is its only caller and holds its only strong reference.

    The promise behind all of it: every batch that ``submit`` accepted is either claimed and then settled, call by
    call, or cancelled; in bounded time whatever happens to the workers; and never by blocking the caller of
    ``submit``.
    """

    @abstractmethod
    def submit(self, batch: Batch) -> None:
        """Accept a batch. Never called after ``shutdown`` or ``stop``."""

    @abstractmethod
    def kill(self, batch: Batch) -> bool:
        """Stop a running batch (E8); its unsettled running call gets ``WorkerDied``. False if it is not running."""

    @abstractmethod
    def shutdown(self, *, wait: bool, cancel_pending: bool) -> None:
        """Finish what was submitted and let the workers go. Idempotent, also after a call with ``wait=False``.

        Args:
            wait: return only when every batch has ended and every worker is gone.
            cancel_pending: cancel the batches that have not been claimed.
        """

    @abstractmethod
    def stop(self, *, force: bool) -> None:
        """End the workers now, as the stdlib's ``terminate_workers`` (``kill_workers`` with ``force``) do.

        Running calls get ``WorkerDied``, unclaimed batches are cancelled. Returns when the workers are gone, or at
        once where threads cannot be interrupted.
        """


class Backend(ABC):
    """Settings of one engine, and the factory of what runs on it. Immutable, comparable, cheap to make."""

    #: The name by which ``Executor(name)`` finds it.
    name: ClassVar[str]
    #: What it can do.
    capabilities: ClassVar[Capabilities]

    @classmethod
    @abstractmethod
    def missing(cls) -> str | None:
        """Say how to install what is missing (``pip install "anypool[dask]"``), or ``None`` if all is here."""

    @abstractmethod
    def open(self, spec: PoolSpec) -> WorkerPool:
        """Start a pool. May return before its workers are up."""

    @abstractmethod
    def context(self, *, isolate: bool = False) -> Context:
        """Open a family of primitives and processes; ``Context.close`` ends it."""
