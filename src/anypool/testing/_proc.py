"""Looks into ``/proc``: which processes belong to this session, what they hold open, whether they are alive.

On other systems than Linux it sees nothing, and the leak check looks at threads and names alone.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Started", "descriptors", "family", "is_alive", "mark_session", "mentions", "pids"]

#: An environment variable that marks every process that this session starts, so that one whose parent was killed and
#: which therefore is nobody's descendant is still found.
_MARK = "ANYPOOL_TEST_SESSION"


class Started(NamedTuple):
    """One life of a process: its number is used again by the system, its number and start time are not."""

    pid: int
    start: int
    command: str
    state: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Started) and (self.pid, self.start) == (other.pid, other.start)

    def __hash__(self) -> int:
        return hash((self.pid, self.start))


def mark_session() -> None:
    """Mark the processes that are started from now on. An outer session's mark is replaced."""
    os.environ[_MARK] = f"{os.getpid()}-{uuid.uuid4().hex}"


def pids() -> list[int]:
    """Give all processes of the machine."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return []


def family() -> list[Started]:
    """Give this process's descendants, and every process that carries this session's mark."""
    parents: dict[int, int] = {}
    starts: dict[int, tuple[int, str]] = {}
    for pid in pids():
        stat = _read(pid, "stat")
        if stat:
            # The command in parentheses may have spaces and parentheses in it.
            fields = stat[stat.rindex(b")") + 2 :].split()
            parents[pid] = int(fields[1])
            starts[pid] = (int(fields[19]), fields[0].decode())
    own = os.getpid()
    mark = f"{_MARK}={os.environ[_MARK]}".encode() if _MARK in os.environ else None
    found = []
    for pid, (start, state) in starts.items():
        if pid == own:
            continue
        if _descends(pid, own, parents) or (mark and mark in _read(pid, "environ").split(b"\0")):
            command = _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
            found.append(
                Started(pid, start, command[:200] or _read(pid, "comm").decode(errors="replace").strip(), state)
            )
    return found


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:  # it ended, or it is another user's
        return b""


def is_alive(pid: int) -> bool:
    """Tell whether the process runs; one that ended and was not waited for does not."""
    stat = _read(pid, "stat")
    return bool(stat) and stat[stat.rindex(b")") + 2 :].split()[0] not in (b"Z", b"X")


def descriptors(pid: int | None = None) -> Iterator[tuple[int, str]]:
    """Give a process's open descriptors with their targets."""
    folder = f"/proc/{pid or 'self'}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            yield int(name), os.readlink(f"{folder}/{name}")
        except OSError:
            continue  # the descriptor that listed the folder


def mentions(pid: int, text: str) -> bool:
    """Tell whether a process has a file open or mapped whose path has ``text`` in it."""
    return text.encode() in _read(pid, "maps") or any(text in target for _, target in descriptors(pid))
