"""The file behind a card (see ``_cards``): where everything is in it, and what others read there."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys
from typing import Final, Literal, NamedTuple

from anypool.abc import Holder

__all__ = [
    "BYTE_ORDER",
    "COUNT",
    "COUNT_OFFSET",
    "ENTRY",
    "HEADER",
    "OBJECT_OFFSET",
    "SUFFIX",
    "TASK",
    "TASK_AT",
    "TASK_TEXT_AT",
    "TEXT",
    "TEXT_AT",
    "VERSION",
    "WHO",
    "Seen",
    "holder_of",
    "is_alive",
    "number_of",
    "path_of",
    "scan",
    "strike",
    "sweep",
]

SUFFIX = ".card"
BYTE_ORDER: Final[Literal["little", "big"]] = sys.byteorder
HEADER = 4096
ENTRY = 128

WHO = struct.Struct("=QqqHH")  # version, pid, task id, bytes of the name, bytes of the task's name
VERSION = 1
TASK = struct.Struct("=qHH")
TASK_AT = 16
TEXT_AT = 64
TEXT = 1024
TASK_TEXT_AT = TEXT_AT + TEXT

WORDS = struct.Struct("=QQQQ")
#: Where an entry has the C object of its lock (behind 16 bytes that the garbage collector may look at), and in that
#: object the number of times that its process has taken the lock and not released it.
OBJECT_OFFSET = 48
COUNT_OFFSET = OBJECT_OFFSET + 32
COUNT = struct.Struct("=i")

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_ALPHABET = {letter: value for value, letter in enumerate(_LETTERS)}


def number_of(path: str) -> int:
    """Give the number of what lies at ``path`` in a domain: its random token's 50 bits, never 0."""
    number = 1
    for letter in path.rpartition("/")[2].partition(".")[0]:
        number = number << 5 | _ALPHABET[letter]
    return number


def path_of(directory: str, number: int) -> str:
    """Give the path of the card with a number."""
    letters = [_LETTERS[number >> shift & 31] for shift in range(45, -1, -5)]
    return f"{directory}/{''.join(letters)}{SUFFIX}"


class Seen(NamedTuple):
    """What somebody's card says of one lock.

    Attributes:
        card: the card's path.
        offset: the entry's place in the file.
        balance: see ``Entry.count``, corrected by what others have released for its process.
        waits_since: see ``Entry.waits_since``.
    """

    card: str
    offset: int
    balance: int
    waits_since: int


def is_alive(path: str) -> bool:
    """Tell whether the process whose card lies at ``path`` lives."""
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def scan(directory: str, lock: int) -> list[Seen]:
    """Read what all cards of a domain say of a lock. Empty if the domain is gone."""
    wanted = lock.to_bytes(8, BYTE_ORDER)
    found: list[tuple[str, int, int, int]] = []
    corrections: dict[int, int] = {}
    for path in _cards(directory):
        try:
            content = _read(path)
        except FileNotFoundError:
            continue
        offset = content.find(wanted, HEADER)
        while offset >= 0:
            if offset % ENTRY == 0:
                _, since, helped, times = WORDS.unpack_from(content, offset)
                count = COUNT.unpack_from(content, offset + COUNT_OFFSET)[0]
                found.append((path, offset, count, since))
                if helped:
                    corrections[helped] = corrections.get(helped, 0) + times
            offset = content.find(wanted, offset + 8)
    seen = []
    for path, offset, count, since in found:
        correction = corrections.pop(number_of(path), 0) if corrections else 0
        seen.append(Seen(path, offset, count - correction, since))
    return seen


def strike(seen: Seen) -> bool:
    """Take a lock out of a dead process's card; tell whether it was there."""
    try:
        fd = os.open(seen.card, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not any(os.pread(fd, 8, seen.offset)):
            return False
        os.pwrite(fd, bytes(8), seen.offset)
        return True
    finally:
        os.close(fd)


def holder_of(path: str) -> Holder:
    """Read who the process is whose card lies at ``path``."""
    try:
        content = _read(path, HEADER)
        _, pid, task, name, task_name = WHO.unpack_from(content)
    except (FileNotFoundError, struct.error):
        return Holder("a process that is gone", -1, socket.gethostname())
    text = content[TEXT_AT : TEXT_AT + name].decode("utf-8", "replace")
    of_task = content[TASK_TEXT_AT : TASK_TEXT_AT + task_name].decode("utf-8", "replace")
    return Holder(text, pid, socket.gethostname(), of_task if task >= 0 else "", task)


def sweep(directory: str, litter: int = 0) -> None:
    """Remove the cards of dead processes that do not show a lock as taken, if there are more than ``litter`` cards."""
    cards = _cards(directory)
    if len(cards) <= litter:
        return
    for path in cards:
        try:
            content = _read(path)
        except FileNotFoundError:
            continue
        taken = any(
            content[offset : offset + 8] != bytes(8) and COUNT.unpack_from(content, offset + COUNT_OFFSET)[0] > 0
            for offset in range(HEADER, len(content), ENTRY)
        )
        if not taken:
            _bury(path)


def _bury(path: str) -> None:
    """Remove the card of a process if that is dead."""
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        # Kept while the name goes, so that a process that has just made the card sees that it is gone.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except (BlockingIOError, FileNotFoundError):
        pass  # alive, or somebody else was faster
    finally:
        os.close(fd)


def _cards(directory: str) -> list[str]:
    try:
        return [f"{directory}/{name}" for name in sorted(os.listdir(directory)) if name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []


def _read(path: str, size: int = 1 << 30) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.pread(fd, min(size, os.fstat(fd).st_size), 0)
    finally:
        os.close(fd)
