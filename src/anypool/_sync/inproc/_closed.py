"""Where something was closed that all places share: between real processes each closes a copy of its own."""

from __future__ import annotations

from collections import deque

from anypool._core import worker_info
from anypool._sync.inproc._place import MAIN, Place, here

__all__ = ["Closed"]


class Closed:
    """Remembers the processes and the tasks that have closed one object for themselves."""

    __slots__ = ("_places", "_tasks", "anywhere")

    def __init__(self) -> None:
        #: Whether anybody has at all: until then nobody needs to ask.
        self.anywhere = False
        self._places: set[Place] = set()
        # Only the last tasks: far fewer run at a time than may close it in a program's life.
        self._tasks: deque[object] = deque(maxlen=256)

    def close(self) -> None:
        """Close it for the calling thread's process, or for its task."""
        place, task = here(), worker_info.current_task()
        if task is not None and place is MAIN:
            self._tasks.append(task)
        else:
            self._places.add(place)
        self.anywhere = True

    def here(self) -> bool:
        """Tell whether it is closed for the calling thread."""
        if not self.anywhere:
            return False
        place, task = here(), worker_info.current_task()
        if task is not None and place is MAIN:
            return any(closer is task for closer in self._tasks)
        return place in self._places
