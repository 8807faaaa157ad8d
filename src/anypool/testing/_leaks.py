"""What a test left behind: processes, threads, descriptors, names in shared memory, temporary files (E11, P8).

A snapshot before, a snapshot after, and a short patience for what is just ending. Only what this session made counts:
other programs on the machine come and go meanwhile.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from anypool.testing import _proc

__all__ = ["Snapshot", "eventually", "find_leaks"]

#: Where POSIX semaphores and shared memory have their names on Linux.
SHARED_MEMORY = Path("/dev/shm")
#: How the names of interest begin there: ours, loky's, and multiprocessing's semaphores and shared memory.
_PREFIXES = ("anypool", "sem.anypool", "loky", "sem.loky", "sem.mp-", "psm_", "joblib")
#: How the files end in which processes say which locks they hold.
_CARD = ".card"
#: Modules that start one helper process per program and keep it: (module, object, its pid, its descriptor).
_HELPERS = (
    ("multiprocessing.resource_tracker", "_resource_tracker", "_pid", "_fd"),
    ("loky.backend.resource_tracker", "_resource_tracker", "_pid", "_fd"),
    ("multiprocessing.forkserver", "_forkserver", "_forkserver_pid", "_forkserver_alive_fd"),
)


def eventually(predicate: Callable[[], bool], timeout: float = 5.0) -> bool:
    """Wait until ``predicate()`` is true, for what gives no event to wait for (another process's death, say).

    Args:
        predicate: asked again and again, at growing intervals of at most 50 ms.
        timeout: seconds.

    Returns:
        Whether it became true.
    """
    deadline = time.monotonic() + timeout
    pause = 0.001
    while not predicate():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    return True


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What there was at one moment.

    Attributes:
        processes: this process's descendants, and those that a dead one of them left behind.
        threads: the threads that ``threading`` knows.
        descriptors: open descriptors with what they lead to.
        names: names in shared memory and in the folder for temporary files.
    """

    processes: frozenset[_proc.Started]
    threads: frozenset[threading.Thread]
    descriptors: frozenset[tuple[int, str]]
    names: frozenset[Path]

    @classmethod
    def take(cls) -> Snapshot:
        """Look around."""
        return cls(
            processes=frozenset(_proc.family()),
            threads=frozenset(threading.enumerate()),
            descriptors=frozenset(_proc.descriptors()),
            names=frozenset(_names()),
        )


def find_leaks(before: Snapshot, *, patience: float = 2.0, allowed: Iterable[str] = ()) -> list[str]:
    """Tell what is there now and was not there before.

    Args:
        before: the snapshot from before.
        patience: seconds that what is there may still take to go.
        allowed: regular expressions; what they are found in is not a leak.

    Returns:
        A line for each leak: what it is and how to recognise it.
    """
    patterns = [re.compile(pattern) for pattern in allowed]

    def look() -> list[str]:
        return [leak for leak in _differences(before) if not any(pattern.search(leak) for pattern in patterns)]

    found: list[str] = []

    def clean() -> bool:
        # A dropped executor in a reference cycle ends when it is collected, so each look is after a collection. The
        # first is not: most tests leave nothing, and a collection is the slowest part of all this.
        nonlocal found
        if found:
            gc.collect()
        found = look()
        return not found

    eventually(clean, patience)
    return found


def _differences(before: Snapshot) -> Iterator[str]:
    helpers = set(_helpers())
    for process in _proc.family():
        if process not in before.processes and process.pid not in {pid for pid, _ in helpers}:
            yield f"process {process.pid} ({process.state}): {process.command}"
    for thread in threading.enumerate():
        if thread not in before.threads:
            yield f"thread {thread.name!r} ({'daemon' if thread.daemon else 'not daemon'})"
    # A process that has used local primitives stays a member of its domain until it ends, and one that has used locks
    # has its card there (a dead one's lies until the next look); everything else in there must go.
    domains = set()
    for number, target in _proc.descriptors():
        if (number, target) in before.descriptors or number in {fd for _, fd in helpers}:
            continue
        if os.path.basename(target).startswith("anypool-") and os.path.isdir(target):
            domains.add(Path(target))
        elif target.removesuffix(" (deleted)").endswith(_CARD):
            continue
        else:
            yield f"descriptor {number} of {target}"
    for path in _names():
        if path not in before.names and path not in domains and path.suffix != _CARD and not _is_foreign(path):
            yield f"name {path}"


def _helpers() -> Iterator[tuple[int, int]]:
    """Give pid and descriptor of each helper that some library started for the whole life of this program."""
    for module, attribute, pid, descriptor in _HELPERS:
        helper = getattr(sys.modules.get(module), attribute, None)
        if helper is not None:
            yield getattr(helper, pid, None) or -1, -1 if (fd := getattr(helper, descriptor, None)) is None else fd


def _names() -> Iterator[Path]:
    for entry in _entries(SHARED_MEMORY):
        if entry.name.startswith(_PREFIXES):
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from (Path(inner.path) for inner in _entries(Path(entry.path)))
    # The plugin gives the session a temporary folder of its own, so everything there counts.
    yield from (Path(entry.path) for entry in _entries(Path(tempfile.gettempdir())))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError:  # somebody else's, which may go at any moment
        return []


def _is_foreign(path: Path) -> bool:
    """Tell whether a program outside this session made the name: then its pid is in it, or it holds it open."""
    if SHARED_MEMORY not in path.parents:
        return False
    top = SHARED_MEMORY / path.relative_to(SHARED_MEMORY).parts[0]
    try:
        if top.stat().st_uid != os.getuid():
            return True
    except OSError:
        return True  # gone meanwhile, so nobody's leak
    family = {process.pid for process in _proc.family()} | {os.getpid()}
    number = re.match(r"(?:sem\.)?loky-(\d+)-", top.name)
    if number:
        pid = int(number[1])
        return pid not in family and _proc.is_alive(pid)
    stem = "-".join(top.name.removeprefix("sem.").split("-")[:2])
    held = any(_proc.mentions(pid, stem) for pid in _proc.pids() if pid not in family)
    return held or not os.path.lexists(path)
