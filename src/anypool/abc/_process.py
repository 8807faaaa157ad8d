"""The contract of a process (X1)."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["Process"]


class Process(ABC):
    """An activity of its own, as ``multiprocessing.Process`` (X1). Subclasses may override ``run``."""

    name: str
    daemon: bool

    @abstractmethod
    def run(self) -> None:
        """What the process does: by default ``target(*args, **kwargs)``."""

    @abstractmethod
    def start(self) -> None:
        """Start it; once only."""

    @abstractmethod
    def join(self, timeout: float | None = None) -> None:
        """Wait until it ends, for at most ``timeout`` seconds."""

    @abstractmethod
    def is_alive(self) -> bool:
        """Tell whether it runs."""

    @abstractmethod
    def terminate(self) -> None:
        """End it with SIGTERM (on threads: at its next bytecode, X2)."""

    @abstractmethod
    def kill(self) -> None:
        """End it with SIGKILL."""

    @abstractmethod
    def close(self) -> None:
        """Release what it holds. ``ValueError`` while it runs."""

    @property
    @abstractmethod
    def exitcode(self) -> int | None:
        """``None`` while it runs, 0 on success, 1 after an exception, ``-N`` after signal N."""

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """The operating system's process id, ``None`` before ``start``."""

    @property
    @abstractmethod
    def ident(self) -> int | None:
        """The same as ``pid``."""

    @property
    @abstractmethod
    def sentinel(self) -> int:
        """A descriptor that becomes readable when the process ends."""
