"""The pool's clocks: tasks with a timeout, and workers that were told to go (E7, E11)."""

from __future__ import annotations

import signal

from anypool._pool._dispatcher import Dispatcher
from anypool._pool._member import Doom

__all__ = ["enforce"]

#: Seconds between two looks at a call with a deadline that has been sent and has not begun.
_START_POLL = 0.02


def enforce(shared: Dispatcher, now: float) -> list[float]:
    """Kill what is over its time, under the lock, and give the times of the next looks."""
    clocks: list[float] = []
    for rank in list(shared.timed):
        due = _task(shared, rank, now)
        if due is None:
            shared.timed.discard(rank)
        else:
            clocks.append(due)
    for member in shared.members.values():
        if member.kill_at is None:
            continue
        if member.kill_at > now:
            clocks.append(member.kill_at)
        else:
            cut = Doom("closed the connection of its worker to the pool", None)
            shared.end(member, member.doom or cut, signal.SIGKILL)
            member.kill_at = None
    return clocks


def _task(shared: Dispatcher, rank: int, now: float) -> float | None:
    """Give when the call that the worker runs has to be looked at next, ``None`` if it has no deadline."""
    current = shared.scheduler.current(rank)
    timeout = current.work.batch.timeout if current is not None else None
    member = shared.members[rank]
    if current is None or timeout is None or member.doom is not None:
        return None
    if shared.slots.started(rank) < current.number:
        return now + _START_POLL
    due = shared.slots.start_time(rank) + timeout
    if due > now:
        return due
    shared.end(member, Doom("", current.work.batch), signal.SIGKILL)
    return None
