"""What the suite's tasks do where several meet: conditions, barriers, and locks whose holders go away."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

__all__: list[str] = []  # the suite's own; nothing to export


def report(results: Any, function: Callable[..., Any], args: Any) -> None:
    """Put what ``function`` gives or raises into a queue, for a ``Process`` has no result."""
    try:
        results.put((True, function(*args)))
    except Exception as error:
        results.put((False, error))


# --- conditions ------------------------------------------------------------------------------------------------


def wait_once(condition: Any, ready: Any, timeout: float | None = 20) -> bool:
    """Report and wait. Whoever takes the lock after the report finds this one waiting."""
    with condition:
        ready.release()
        return bool(condition.wait(timeout))


def wait_twice_held(condition: Any, ready: Any) -> list[Any]:
    """Wait with a lock that was taken twice; tell whether it was notified, and what two releases and a third give."""
    condition.acquire()
    condition.acquire()
    ready.release()
    seen: list[Any] = [condition.wait(20)]
    for _ in range(3):
        try:
            seen.append(condition.release())
        except AssertionError:
            seen.append("AssertionError")
    return seen


def wait_for_number(condition: Any, number: Any, ready: Any) -> Any:
    """Wait until a shared number is positive; give the predicate's last value."""
    with condition:
        ready.release()
        return condition.wait_for(lambda: number.value, 20)


def take_turns(condition: Any, turn: Any, own: int, rounds: int) -> int:
    """Wait for one's turn and give it to the next, again and again; tell how often it came."""
    count = 0
    with condition:
        for _ in range(rounds):
            if not condition.wait_for(lambda: turn.value == own, 20):
                break
            count += 1
            turn.value = 1 - own
            condition.notify_all()
    return count


def try_outside(condition: Any) -> list[str]:
    """Do without the lock what needs it; give the exceptions' names."""
    names = []
    for call in (condition.wait, condition.notify, condition.notify_all, condition.release):
        try:
            call()
            names.append("nothing")
        except Exception as error:
            names.append(type(error).__name__)
    return names


# --- barriers --------------------------------------------------------------------------------------------------


def meet(barrier: Any, rounds: int, timeout: float | None = 20) -> list[int]:
    """Wait at a barrier again and again; give one's numbers."""
    return [barrier.wait(timeout) for _ in range(rounds)]


def meet_or_break(barrier: Any, timeout: float | None = 20) -> str:
    """Wait at a barrier; give the name of the exception, or ``"met"``."""
    try:
        barrier.wait(timeout)
    except Exception as error:
        return type(error).__name__
    return "met"


# --- holders ---------------------------------------------------------------------------------------------------


def take_all_and_end(locks: list[Any], how: str, taken: Any = None, never: Any = None) -> None:
    """Take locks, the first of them twice if it can be, and end without releasing them."""
    for lock in locks:
        assert lock.acquire(True, 20)
    with contextlib.suppress(Exception):
        locks[0].acquire(False)
    if how == "exception":
        raise RuntimeError("on purpose, with locks in hand")
    if how == "exit":
        sys.exit(3)
    if how == "os._exit":
        os._exit(4)
    if how == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "wait":
        taken.set()
        never.wait()


def take_or_hear(lock: Any, ready: Any = None) -> Any:
    """Take and release a lock; give ``"taken"``, or what ``HolderDied`` says of the holder."""
    from anypool import HolderDied

    if ready is not None:
        ready.release()
    try:
        if not lock.acquire(True, 20):
            return "timeout"
    except HolderDied as error:
        return (error.kind, error.name, error.pid)
    lock.release()
    return "taken"


def notify_and_end(condition: Any) -> None:
    """Wake a waiter and end with its lock in hand."""
    condition.acquire()
    condition.notify()


def holder_while_held(lock: Any, gate: Any = None) -> Any:
    """Take a lock, pass the gate, and give what the lock says of its holder, and one's own process id."""
    with lock:
        if gate is not None:
            gate.enter()
        return lock.holder(), os.getpid()
