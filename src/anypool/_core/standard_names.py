"""What is the same in every context: ``Pool``, ``Manager`` and ``multiprocessing``'s small names (X3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from anypool import abc
from anypool._core import cpus

if TYPE_CHECKING:
    import logging
    from multiprocessing import context as mp_context
    from multiprocessing.managers import SyncManager
    from types import ModuleType

__all__ = ["StandardNames"]


class StandardNames(abc.Context):
    """What a context has beside its primitives and processes; each method is the contract's."""

    #: Whether values are copied although they stay in this process (E4).
    _isolate: bool = False
    #: The backend object that opened it, where that may have settings; its name alone would forget them.
    _opened_by: abc.Backend | None = None

    def Pool(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
    ) -> abc.Pool:
        """Make a pool with ``multiprocessing.Pool``'s interface over an executor of this backend."""
        from anypool._core.mp_pool import Pool

        return Pool(processes, initializer, initargs, maxtasksperchild, context=self)

    def Manager(self) -> SyncManager:
        """Start a ``multiprocessing.managers.SyncManager``: a server process with dicts, lists, namespaces and more."""
        from anypool._core.manager import start_manager

        return start_manager()

    def cpu_count(self) -> int:
        """Give the number of CPUs that this process may use, by affinity and cgroup (X1)."""
        return cpus.cpu_count()

    # Properties, not attributes: importing multiprocessing takes 15 ms, and most programs ask for none of these.

    @property
    def ProcessError(self) -> type[mp_context.ProcessError]:
        """``multiprocessing.ProcessError``."""
        from multiprocessing import context

        return context.ProcessError

    @property
    def BufferTooShort(self) -> type[mp_context.BufferTooShort]:
        """``multiprocessing.BufferTooShort``."""
        from multiprocessing import context

        return context.BufferTooShort

    @property
    def TimeoutError(self) -> type[mp_context.TimeoutError]:
        """``multiprocessing.TimeoutError``."""
        from multiprocessing import context

        return context.TimeoutError

    @property
    def AuthenticationError(self) -> type[mp_context.AuthenticationError]:
        """``multiprocessing.AuthenticationError``."""
        from multiprocessing import context

        return context.AuthenticationError

    @property
    def reducer(self) -> ModuleType:
        """``multiprocessing.reduction``."""
        from multiprocessing import reduction

        return reduction

    def get_context(self, backend: str | abc.Backend | None = None) -> abc.Context:
        """Give this context, for ``None`` and ``"spawn"``; otherwise another one."""
        if backend is None or backend == "spawn":
            return self
        from anypool._core import contexts

        return contexts.get_context(backend)

    # As on a platform that has one start method, so that programs which ask, or choose that one, run unchanged.

    def get_all_start_methods(self) -> list[str]:
        """Give ``["spawn"]``."""
        return ["spawn"]

    def get_start_method(self, allow_none: bool = False) -> str:
        """Give ``"spawn"``."""
        return "spawn"

    def set_start_method(self, method: str | None, force: bool = False) -> None:
        """Accept ``"spawn"``, and ``None`` with ``force``; ``ValueError`` for others."""
        if method == "spawn" or (method is None and force):
            return
        raise ValueError(
            f"cannot find context for {method!r}: the one start method of anypool is 'spawn', a fresh interpreter that "
            "does not run your program again. Leave the call out; to choose between processes and threads, call "
            "anypool.set_backend()"
        )

    def freeze_support(self) -> None:
        """Do nothing."""

    def allow_connection_pickling(self) -> None:
        """Do nothing."""

    def set_forkserver_preload(self, module_names: list[str]) -> None:
        """Do nothing with the hint."""

    def set_executable(self, executable: str) -> None:
        """Say which Python interpreter new processes run."""
        from multiprocessing import spawn

        spawn.set_executable(executable)

    def get_logger(self) -> logging.Logger:
        """Give ``multiprocessing``'s logger."""
        from multiprocessing import util

        return util.get_logger()

    def log_to_stderr(self, level: str | int | None = None) -> logging.Logger:
        """Let ``multiprocessing``'s logger write to standard error, and give it."""
        from multiprocessing import util

        return util.log_to_stderr(level)
