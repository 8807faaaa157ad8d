"""CPython's tests that do not pass on a backend, and why; and how a class of them is run in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

__all__ = ["BACKENDS", "CLASSES", "Outcome", "known", "left_out", "run_class"]

BACKENDS = ("process", "loky", "thread", "serial")

CLASSES = (
    "TestProcess",
    "TestSubclassingProcess",
    "TestQueue",
    "TestLock",
    "TestSemaphore",
    "TestCondition",
    "TestEvent",
    "TestBarrier",
    "TestValue",
    "TestArray",
    "TestPool",
    "TestPoolWorkerErrors",
    "TestPoolWorkerLifetime",
    "TestConnection",
    "TestPoll",
    "TestPicklingConnections",
    "TestSharedCTypes",
    "TestInitializers",
    "TestWait",
    "TestTimeouts",
    "TestIgnoreEINTR",
    "TestSimpleQueue",
    "TestPoolNotLeakOnFailure",
    "TestSyncManagerTypes",
)

_SOCKET = "sends a descriptor by the standard library's functions, which want a socket; our pipes are named FIFOs"
_INSIDE = "looks at an attribute inside the standard library's class"
_AT_ONCE = "wants the feeder thread's late errors; here put itself raises, at once (P2, E5)"
_CAUSE = "wants a RemoteTraceback in text as the cause; ours is the real traceback, shown by the error itself (E5)"
_LAZY = "a pool starts its workers with its first task; one that is given none runs no initializer"
_SLEEPS = "ends a target that is in time.sleep(100), which is C and cannot be interrupted in a thread (X2)"
_POLLS = "polls with time.sleep alone, which lets nobody else run where one activity runs at a time"
_INLINE = "a task runs inside submit, in the caller's own thread"
_FOREIGN_WAIT = "waits for a Process in the system, where nobody lets it run: one activity runs at a time"
_ONE_PROCESS = "wants another process than the program's own"

#: On every backend.
_ALWAYS = {
    "TestConnection.test_fd_transfer": _SOCKET,
    "TestConnection.test_large_fd_transfer": _SOCKET,
    "TestConnection.test_missing_fd_transfer": _SOCKET,
    "TestInitializers.test_pool_initializer": _LAZY,
    "TestPool.test_make_pool": _INSIDE,
    "TestPool.test_map_unplicklable": "wants the pickling error itself; ours is SerializationError, caused by it",
    "TestPool.test_traceback": _CAUSE,
    "TestPoolWorkerErrors.test_unpickleable_result": "wants an error for a result that is a lambda; ours can be (E3)",
    "TestPoolWorkerLifetime.test_pool_worker_lifetime": _INSIDE,
    "TestQueue.test_queue_feeder_donot_stop_onexc": _AT_ONCE,
    "TestSimpleQueue.test_closed": _INSIDE,
}
_IN_PROCESS = {
    "TestIgnoreEINTR.test_ignore": _ONE_PROCESS,
    "TestIgnoreEINTR.test_ignore_listener": _ONE_PROCESS,
    "TestPicklingConnections.test_pickling": _ONE_PROCESS,
    "TestPool.test_map_unplicklable": "nothing is pickled in one process",
    "TestPoolWorkerLifetime.test_pool_worker_lifetime_early_close": "maxtasksperchild is Unsupported (E16)",
    "TestProcess.test_process_mainthread_native_id": _ONE_PROCESS,
    "TestProcess.test_wait_for_threads": "a thread that a target starts is the program's: its end is not waited for",
}
_ON: dict[str, dict[str, str]] = {"process": {}, "loky": {}, "thread": _IN_PROCESS, "serial": _IN_PROCESS}

#: Tests that would hang, or spoil those that come after them: not even run.
_THREAD_HANGS = {
    "TestProcess.test_kill": _SLEEPS,
    "TestProcess.test_many_processes": _SLEEPS,
    "TestProcess.test_parent_process": _ONE_PROCESS,
    "TestProcess.test_parent_process_attributes": _ONE_PROCESS,
    "TestProcess.test_terminate": _SLEEPS,
    "TestQueue.test_queue_feeder_donot_stop_onexc": _AT_ONCE,
}
_HANGS: dict[str, dict[str, str]] = {
    "process": {},
    "loky": {},
    "thread": _THREAD_HANGS,
    "serial": {
        **_THREAD_HANGS,
        "TestBarrier": _POLLS,
        "TestConnection.test_fd_transfer": _SOCKET,
        "TestConnection.test_large_fd_transfer": _SOCKET,
        "TestConnection.test_missing_fd_transfer": _SOCKET,
        "TestPicklingConnections.test_pickling": _ONE_PROCESS,
        "TestPool.test_async_timeout": _INLINE,
        "TestPool.test_terminate": _INLINE,
        "TestWait.test_wait_integer": _FOREIGN_WAIT,
        "TestWait.test_wait_socket": _FOREIGN_WAIT,
        "TestWait.test_wait_socket_slow": _FOREIGN_WAIT,
    },
}


def known(backend: str) -> dict[str, str]:
    """Give the tests that do not pass, with the reasons."""
    return {test: why for test, why in {**_ALWAYS, **_ON[backend]}.items() if test not in _HANGS[backend]}


def left_out(backend: str) -> dict[str, str]:
    """Give the tests that are not run, and whole classes of them, with the reasons."""
    return _HANGS[backend]


class Outcome(NamedTuple):
    """What became of one test: ``passed``, ``failed``, ``skipped``, or ``started`` if it never came back."""

    outcome: str
    test: str
    reason: str


def run_class(backend: str, name: str, timeout: float = 150) -> list[Outcome]:
    """Run one class of CPython's tests on a backend."""
    if name in left_out(backend):
        return [Outcome("left out", f"{name}.*", left_out(backend)[name])]
    command = [sys.executable, "-m", "tests.cpython.run", backend, name, *(f"-{test}" for test in left_out(backend))]
    with tempfile.TemporaryDirectory() as folder:  # the tests leave files where they run
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": folder}
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout, check=False
            )
            output, errors = done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            output, errors = _text(late.stdout), _text(late.stderr)
    outcomes: dict[str, Outcome] = {}
    for line in output.splitlines():
        outcome = Outcome(*line.split("\t"))
        before = outcomes.get(outcome.test)
        if before is None or before.outcome == "started":  # the first failure of several subtests counts
            outcomes[outcome.test] = outcome
    for test, why in left_out(backend).items():
        if test.startswith(f"{name}."):
            outcomes[test] = Outcome("left out", test, why)
    if not outcomes:
        raise RuntimeError(f"{name} did not run on {backend}:\n{errors[-2000:]}")
    return list(outcomes.values())


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
