"""The errors for tasks whose worker ended before they did: who, where, how, last words, what to do next (E6, E7, E15).

One place for all backends with processes, for what a user reads must not depend on the backend either.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

from anypool._core.exits import describe_exit
from anypool.errors import InitializerFailed, TaskTimeout, WorkerDied

if TYPE_CHECKING:
    from anypool.abc import Batch

__all__ = [
    "KILLED",
    "NOBODY",
    "STOPPED",
    "Death",
    "died",
    "initializer_died",
    "initializer_raised",
    "never_started",
    "timed_out",
]

#: Why the pool itself ended a worker.
KILLED = "was killed at your request"
STOPPED = "was stopped with its pool"

_MEND = "so this executor cannot run tasks; mend the initializer and make a new executor"


class Death(NamedTuple):
    """How a worker ended.

    Attributes:
        pid: its process id, negative where there was none.
        exitcode: its exit status, ``-N`` after signal N, ``None`` if unknown.
        stderr: the last lines of its standard error.
    """

    pid: int
    exitcode: int | None
    stderr: tuple[str, ...]

    def words(self) -> str:
        """Say it in one sentence, with the last lines of its standard error behind it."""
        return f"{self.worker()} {describe_exit(self.exitcode)}{self.last_lines()}"

    def worker(self) -> str:
        """Say which worker it was."""
        return f"worker process {self.pid} on {socket.gethostname()}"

    def last_lines(self) -> str:
        """Give the last lines of its standard error, indented, behind a heading."""
        if not self.stderr:
            return ". It wrote nothing to its standard error"
        lines = "\n".join(f"    {line}" for line in self.stderr)
        return f". The last lines it wrote to its standard error:\n{lines}"


#: For a call that ended while no worker had it.
NOBODY = Death(-1, None, ())


def _task(batch: Batch, index: int) -> str:
    again = f", attempt {batch.attempt}" if batch.attempt > 1 else ""
    return f"task {batch.name!r} (id {batch.first_id + index}{again})"


def _error(batch: Batch, index: int, death: Death, message: str) -> WorkerDied:
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


def died(batch: Batch, index: int, death: Death, *, why: str = "", started: bool = True) -> WorkerDied:
    """Make the error of call ``index``, whose worker ended.

    Args:
        batch: what the call belongs to.
        index: which call.
        death: how the worker ended; ``NOBODY`` if none had the call.
        why: says so where the pool itself ended the worker.
        started: the call had begun; otherwise it ends workers before that, and is given up.
    """
    if why:
        return _error(
            batch, index, death, why + (f"; its {death.worker()} was ended for that" if death.pid >= 0 else "")
        )
    if not started:
        return _error(
            batch,
            index,
            death,
            f"was given up before it began: receiving its arguments may be what ends the workers. The {death.words()}",
        )
    return _error(
        batch,
        index,
        death,
        "was lost: it had started, so it is not run again on its own; submit it again if that is safe. "
        f"The {death.words()}",
    )


def never_started(batch: Batch, index: int, death: Death, reason: object) -> WorkerDied:
    """Make the error of a call that could not run because no worker starts."""
    return _error(
        batch,
        index,
        death,
        f"was not run because no worker process could be started: {reason}. Check the system's limits on processes, "
        f"descriptors and memory, and that a fresh interpreter can import anypool{death.last_lines()}",
    )


def timed_out(batch: Batch, index: int, death: Death) -> TaskTimeout:
    """Make the error of a call that ran longer than it may."""
    return TaskTimeout(
        f"{_task(batch, index)} ran longer than its timeout of {batch.timeout:g} s and was stopped: its "
        f"{death.worker()} was killed and is being replaced. Give it more with options(timeout=…), or split it"
    )


def initializer_raised(name: str, pid: int, cause: BaseException | None) -> InitializerFailed:
    """Make the error of every task of a pool whose initializer raised."""
    error = InitializerFailed(
        f"the initializer {name!r} raised {type(cause).__name__} in worker process {pid}, {_MEND}"
    )
    error.__cause__ = cause
    return error


def initializer_died(name: str, death: Death) -> InitializerFailed:
    """Make the error of every task of a pool whose initializer ended its worker."""
    return InitializerFailed(
        f"{death.worker()} {describe_exit(death.exitcode)} while it ran the initializer {name!r}, {_MEND}"
        f"{death.last_lines()}"
    )
