"""The errors of the pool: those of all process backends (``_core.deaths``), for the pool's own notion of a call."""

from __future__ import annotations

from anypool._core import deaths
from anypool._core.deaths import Death
from anypool._pool._scheduler import Call
from anypool.errors import AnypoolError, InitializerFailed, TaskTimeout, WorkerDied

__all__ = ["boot_failed", "initializer_died", "initializer_raised", "internal", "task_timeout", "worker_died"]


def worker_died(
    call: Call, pid: int, exitcode: int | None, stderr: tuple[str, ...], *, why: str = "", started: bool = True
) -> WorkerDied:
    """Make the error of the call whose worker died; ``why`` says so where the pool itself ended it."""
    return deaths.died(call.batch, call.position, Death(pid, exitcode, stderr), why=why, started=started)


def task_timeout(call: Call, pid: int) -> TaskTimeout:
    """Make the error of a call that ran longer than it may."""
    return deaths.timed_out(call.batch, call.position, Death(pid, None, ()))


def boot_failed(call: Call, reason: str, pid: int, exitcode: int | None, stderr: tuple[str, ...]) -> WorkerDied:
    """Make the error of a call that could not be run because no worker starts."""
    return deaths.never_started(call.batch, call.position, Death(pid, exitcode, stderr), reason)


def initializer_raised(name: str, pid: int, cause: BaseException | None) -> InitializerFailed:
    """Make the error of a pool whose initializer raised."""
    return deaths.initializer_raised(name, pid, cause)


def initializer_died(name: str, pid: int, exitcode: int | None, stderr: tuple[str, ...]) -> InitializerFailed:
    """Make the error of a pool whose initializer ended its worker."""
    return deaths.initializer_died(name, Death(pid, exitcode, stderr))


def internal(cause: BaseException) -> AnypoolError:
    """Make the error of a pool whose own thread failed."""
    error = AnypoolError(
        f"the process pool failed with {type(cause).__name__}: {cause}. This is a bug in anypool: please report it "
        "with the traceback below; make a new executor to go on."
    )
    error.__cause__ = cause
    return error
