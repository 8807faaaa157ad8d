"""The thread that calls the callbacks of a pool's results."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

__all__ = ["Callbacks"]

#: The callback, what it is called with, and what is called after it whatever it does.
_Job = tuple[Callable[[Any], object], Any, Callable[[], None]]


class Callbacks:
    """Calls callbacks one after the other, on a thread of its own that starts with the first.

    Not on the executor's thread, where the results of all its tasks come in: a callback that waits for another result
    would wait for ever.
    """

    def __init__(self, *, own_thread: bool) -> None:
        self._own_thread = own_thread
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.RLock()  # the collector may run a pool's __del__ inside
        self._thread: threading.Thread | None = None

    def call(self, job: _Job) -> None:
        """Have ``callback(value)`` and then ``after()`` called."""
        with self._lock:
            if self._own_thread and self._thread is None:
                # It knows the queue alone: a pool that nobody holds must be found out by the collector.
                thread = threading.Thread(target=_work, args=(self._queue,), name="anypool-callbacks", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter exits and starts no more threads
                    thread.start()
                    self._thread = thread
            if self._thread is not None and self._own_thread:
                self._queue.put(job)
                return
        _call(job)

    def end(self) -> None:
        """Let the thread end when it has called what it was given; later ones are called where they come."""
        with self._lock:
            self._own_thread = False
            if self._thread is not None:
                self._queue.put(None)

    def join(self) -> None:
        """Wait for that end, unless this is a callback itself."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()


def _work(queue: SimpleQueue[_Job | None]) -> None:
    while True:
        job = queue.get()
        if job is None:
            return
        _call(job)
        del job  # not kept until the next one comes


def _call(job: _Job) -> None:
    callback, value, after = job
    try:
        callback(value)
    except Exception as error:
        # Said and not raised: nobody waits here, and the next callback must be called all the same. (A callback that
        # raises ends multiprocessing's own thread for results, and with it every later result.)
        thread = threading.current_thread()
        threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, thread)))
    finally:
        after()
