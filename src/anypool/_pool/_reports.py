"""The errors of the pool, in words: what happened, to which task, where, and what to do next (E6, E7, E15)."""

from __future__ import annotations

import socket

from anypool._launch._handle import describe_exit
from anypool._pool._scheduler import Call
from anypool.errors import AnypoolError, InitializerFailed, TaskTimeout, WorkerDied

__all__ = ["boot_failed", "initializer_died", "initializer_raised", "internal", "task_timeout", "worker_died"]


def _task(call: Call) -> str:
    again = f", attempt {call.batch.attempt}" if call.batch.attempt > 1 else ""
    return f"task {call.batch.name!r} (id {call.batch.first_id + call.position}{again})"


def _last_words(stderr: tuple[str, ...]) -> str:
    if not stderr:
        return " It wrote nothing to its standard error."
    lines = "\n".join(f"    {line}" for line in stderr)
    return f" The last lines it wrote to its standard error:\n{lines}"


def worker_died(
    call: Call, pid: int, exitcode: int | None, stderr: tuple[str, ...], *, why: str = "", started: bool = True
) -> WorkerDied:
    """Make the error of the call whose worker died; ``why`` says so where the pool itself ended it."""
    host = socket.gethostname()
    where = f"worker process {pid} on {host}"
    if why:
        text = f"{_task(call)} {why}" + (f"; its {where} was ended for that." if pid >= 0 else ".")
    else:
        text = f"the {where} that ran {_task(call)} {describe_exit(exitcode)}."
    if not started:
        text += " The task itself had not begun: receiving its arguments may be what ends the workers."
    if not why:
        text += _last_words(stderr)
    return WorkerDied(
        text,
        task_name=call.batch.name,
        task_id=call.batch.first_id + call.position,
        attempt=call.batch.attempt,
        pid=pid,
        host=host,
        exitcode=exitcode,
        stderr=stderr,
    )


def task_timeout(call: Call, pid: int) -> TaskTimeout:
    """Make the error of a call that ran longer than it may."""
    return TaskTimeout(
        f"{_task(call)} ran longer than its timeout of {call.batch.timeout:g} s and was stopped: "
        f"worker process {pid} on {socket.gethostname()} was killed and is being replaced."
    )


def boot_failed(call: Call, reason: str, pid: int, exitcode: int | None, stderr: tuple[str, ...]) -> WorkerDied:
    """Make the error of a call that could not be run because no worker starts."""
    return WorkerDied(
        f"{_task(call)} was not run because no worker process could be started: {reason}.{_last_words(stderr)}",
        task_name=call.batch.name,
        task_id=call.batch.first_id + call.position,
        attempt=call.batch.attempt,
        pid=pid,
        host=socket.gethostname(),
        exitcode=exitcode,
        stderr=stderr,
    )


def initializer_raised(name: str, pid: int, cause: BaseException | None) -> InitializerFailed:
    """Make the error of a pool whose initializer raised."""
    error = InitializerFailed(
        f"the initializer {name!r} raised {type(cause).__name__} in worker process {pid}, "
        "so this executor cannot run tasks; mend the initializer and make a new executor."
    )
    error.__cause__ = cause
    return error


def initializer_died(name: str, pid: int, exitcode: int | None, stderr: tuple[str, ...]) -> InitializerFailed:
    """Make the error of a pool whose initializer ended its worker."""
    return InitializerFailed(
        f"worker process {pid} {describe_exit(exitcode)} while it ran the initializer {name!r}, "
        f"so this executor cannot run tasks.{_last_words(stderr)}"
    )


def internal(cause: BaseException) -> AnypoolError:
    """Make the error of a pool whose own thread failed."""
    error = AnypoolError(
        f"the process pool failed with {type(cause).__name__}: {cause}. This is a bug in anypool: please report it "
        "with the traceback below; make a new executor to go on."
    )
    error.__cause__ = cause
    return error
