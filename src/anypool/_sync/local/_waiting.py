"""Those who wait until something changes in a queue's words: a number of them, and a semaphore that wakes them.

::

    waiter: look --nothing--> look a little longer --> number + 1, look again, sleep (a second at most), number - 1
    other:  change the words, leave the mutex --> number? --> semaphore.release()

Both are hints. A token too many costs a look, and one too few, because its bearer was killed, ``_RECHECK`` seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic

from anypool._sync.local import _names, _semaphores

__all__ = ["Waiting", "deadline_of", "new_bell"]

#: The longest sleep without a look, in seconds.
_RECHECK = 1.0
#: Looks before sleeping, some 20 microseconds together: being woken costs both sides more, and where items come in a
#: stream the next one is nearly there.
_LOOKS = 40

_yield: Callable[[], object] = getattr(os, "sched_yield", lambda: None)


def deadline_of(timeout: float | None) -> float | None:
    """Give the time at which a wait that begins now is over."""
    return None if timeout is None else monotonic() + timeout


class Waiting:
    """Those who wait for one thing. ``mutex`` guards their number, the word at ``index``, and nothing else."""

    __slots__ = ("_bell", "_index", "_mutex", "_words")

    def __init__(
        self,
        words: memoryview,
        index: int,
        mutex: AbstractContextManager[None],
        bell: _semaphores.Semaphore,
    ) -> None:
        self._words = words
        self._index = index
        self._mutex = mutex
        self._bell = bell

    def wait(self, ready: Callable[[], bool], deadline: float | None) -> bool:
        """Wait until ``ready`` or about so; tell whether there is time left for another try."""
        left = _RECHECK if deadline is None else min(_RECHECK, deadline - monotonic())
        if left <= 0:
            return False
        for _ in range(_LOOKS):
            if ready():
                return True
            _yield()
        words, index = self._words, self._index
        # Leaving the mutex is a barrier, as it is on the other side: either we see its change or it sees our number.
        with self._mutex:
            words[index] += 1
        try:
            if not ready():
                self._bell.acquire(True, left)
        finally:
            with self._mutex:
                if words[index]:
                    words[index] -= 1
        return True

    def wake(self) -> None:
        """Wake one more, if not all are being woken already. Call it when the word at ``index`` is not 0."""
        # A waiter that was killed is counted for ever. It must not make us post without end.
        if self._bell.get_value() < self._words[self._index]:
            self._bell.release()

    def wake_all(self) -> None:
        """Wake all who wait."""
        for _ in range(self._words[self._index] - self._bell.get_value()):
            self._bell.release()


def new_bell(names: _names.Names) -> _semaphores.Semaphore:
    """Make the semaphore on which they sleep."""
    return _semaphores.new_semaphore(names, 0)
