"""The errors for tasks whose worker ended before they did: who, where, how, last words, what to do next (E6)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

from anypool._launch._handle import describe_exit
from anypool.errors import InitializerFailed, TaskTimeout, WorkerDied

if TYPE_CHECKING:
    from anypool.abc import Batch

__all__ = ["Death", "initializer_died", "killed", "lost", "never_started", "stopped", "timed_out"]


class Death(NamedTuple):
    """How a worker ended."""

    pid: int
    exitcode: int | None
    stderr: tuple[str, ...]

    def words(self) -> str:
        """Say it in one sentence, with the last lines of its standard error behind it."""
        text = f"its worker (pid {self.pid} on {socket.gethostname()}) {describe_exit(self.exitcode)}"
        return text + self.last_lines()

    def last_lines(self) -> str:
        """Give the last lines of its standard error, indented, behind a heading."""
        return "; its last lines on stderr:\n" + "\n".join(f"    {line}" for line in self.stderr) if self.stderr else ""


def _died(batch: Batch, index: int, death: Death, message: str) -> WorkerDied:
    return WorkerDied(
        f"{_task(batch, index)} {message}",
        task_name=batch.name,
        task_id=batch.first_id + index,
        attempt=batch.attempt,
        pid=death.pid,
        host=socket.gethostname(),
        exitcode=death.exitcode,
        stderr=death.stderr,
    )


def _task(batch: Batch, index: int) -> str:
    return f"task {batch.name!r} (id {batch.first_id + index}, attempt {batch.attempt})"


def lost(batch: Batch, index: int, death: Death) -> WorkerDied:
    """The task was running when its worker died."""
    return _died(
        batch,
        index,
        death,
        "was lost: it had started, so it is not run again on its own; submit it again if that is safe. "
        f"What happened: {death.words()}",
    )


def killed(batch: Batch, index: int, death: Death) -> WorkerDied:
    """The task was stopped by ``Future.kill()``."""
    return _died(batch, index, death, f"was killed at your request; {death.words()}")


def stopped(batch: Batch, index: int, death: Death) -> WorkerDied:
    """The task was stopped with the whole pool."""
    return _died(batch, index, death, f"was stopped because the executor's workers were ended; {death.words()}")


def timed_out(batch: Batch, index: int, death: Death) -> TaskTimeout:
    """The task ran beyond its deadline."""
    return TaskTimeout(
        f"{_task(batch, index)} ran longer than its timeout of {batch.timeout:g} s and was stopped; its worker "
        f"(pid {death.pid} on {socket.gethostname()}) is replaced. Give it more with options(timeout=...), or split "
        f"it{death.last_lines()}"
    )


def never_started(batch: Batch, index: int, death: Death | None, reason: object) -> WorkerDied:
    """No worker could be brought up to run the task."""
    return _died(
        batch,
        index,
        death or Death(-1, None, ()),
        f"did not run: no loky worker can be started ({reason}). Check the system's limits on processes, descriptors "
        "and memory, and that a fresh interpreter can import anypool and loky",
    )


def initializer_died(death: Death) -> InitializerFailed:
    """A worker ended inside the user's initializer."""
    return InitializerFailed(f"the initializer did not come back: {death.words()}")
