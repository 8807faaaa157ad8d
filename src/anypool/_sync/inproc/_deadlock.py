"""Decides whether a wait on the serial backend can ever end, and says in words why it cannot."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from anypool._sync.inproc._activity import ACTIVITIES, Activity
from anypool.errors import WouldDeadlock

if TYPE_CHECKING:
    from anypool._sync.inproc._baton import Baton

__all__ = ["explain", "may_be_ended_by_others"]

#: The alarms: what handles them is a watchdog, such as a test's timeout, and not somebody who puts into a queue.
_ALARMS = {"SIGALRM", "SIGVTALRM", "SIGPROF"}


def may_be_ended_by_others(stuck: Baton, roots: Mapping[int, Activity]) -> bool:
    """Tell whether anybody outside of ``stuck``, in which all wait without a deadline, might end one of the waits.

    A thread that the user started might do anything, so its existence is enough. So is a handler for a signal.
    """
    for ident in sys._current_frames():
        activity = ACTIVITIES.get(ident) or roots.get(ident)
        if activity is None or activity.baton is None:
            return True
        baton = activity.baton
        if baton is not stuck and (
            baton.running or baton.ready or any(other.deadline is not None for other in baton.parked)
        ):
            return True
    main = roots.get(threading.main_thread().ident or 0)
    return main in stuck.parked and _handles_signals()


def _handles_signals() -> bool:
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if not callable(handler) or handler is signal.default_int_handler or getattr(number, "name", "") in _ALARMS:
            continue
        # Ours only takes note of a Ctrl-C, and then raises as Python's own does.
        if (getattr(handler, "__module__", None) or "").partition(".")[0] != __name__.partition(".")[0]:
            return True
    return False


def explain(me: Activity, parked: Iterable[Activity]) -> WouldDeadlock:
    """Make the error for the activity that has just begun to wait."""
    others = [activity for activity in parked if activity is not me]
    waits = "; ".join(f"{activity.name} waits {activity.waits_for}{_held(activity)}" for activity in others)
    rest = f"nothing else can run ({waits})" if others else "there is nothing else that could run"
    return WouldDeadlock(
        f"{me.name} would wait for ever {me.waits_for}{_held(me)}: {rest}. On the serial backend one activity runs "
        "at a time and a task runs inside submit(), so put, release or set before you wait for it, start a Process "
        "for the other side before you wait, give a timeout, or use the backend 'thread' or 'process'."
    )


def _held(activity: Activity) -> str:
    holder = activity.holder() if activity.holder is not None else None
    if holder is None:
        return ""
    return ", which it holds itself" if holder == activity.name else f", which {holder} holds"
