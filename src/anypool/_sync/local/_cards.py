"""A card for each process that uses locks: who it is and which locks it holds, readable after its death.

::

    <domain>/<token>.card, flock'ed by its process for life: who can lock it knows that the process is gone
    header: version | pid | task id | name, task name          one entry a lock, 128 bytes each:
    words 0-3: lock's number | since when it waits | for whom it released, how often      from 32: see ``_held``

The owner writes through mapped memory. Everybody else reads the file, and only where a lock is taken and
somebody waits.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import mmap
import os
import threading
from collections.abc import Iterator

from anypool._core import worker_info
from anypool._sync.local import _domain
from anypool._sync.local._card_file import (
    COUNT,
    COUNT_OFFSET,
    ENTRY,
    HEADER,
    SUFFIX,
    TASK,
    TASK_AT,
    TASK_TEXT_AT,
    TEXT,
    TEXT_AT,
    VERSION,
    WHO,
    number_of,
    sweep,
)

__all__ = ["Card", "Entry", "own_card"]

#: Bytes of the file's beginning that are mapped first, and of each further piece.
_CHUNK = 16384
#: Dead processes' cards that are let lie before somebody who makes a new one looks whether they can go.
_LITTER = 16
#: The same in a forked child, of which there may be many that end without taking their cards away.
_FORK_LITTER = 64


class Entry:
    """A lock's place in this process's card."""

    __slots__ = ("address", "card", "words")

    def __init__(self, card: Card, address: int) -> None:
        self.card = card
        self.address = address
        self.words = _view(address, ENTRY)

    @property
    def lock(self) -> int:
        """The lock's number; 0 is a free entry."""
        return self.words[0]

    @property
    def count(self) -> int:
        """How many times more often the lock was taken here than released."""
        value: int = COUNT.unpack_from(self.words.cast("B"), COUNT_OFFSET)[0]
        return value

    def add(self, number: int) -> None:
        """Change the count, where no C object does."""
        COUNT.pack_into(self.words.cast("B"), COUNT_OFFSET, self.count + number)

    def waits_since(self, nanoseconds: int) -> None:
        """Say since when a thread of this process waits for the lock in the system, by the monotonic clock; 0: none."""
        self.words[1] = nanoseconds

    @property
    def has_released_for_another(self) -> bool:
        """Whether this process ever released the lock for another one."""
        return self.words[2] != 0

    def released_for(self, card: int) -> bool:
        """Say that this process released the lock for the one whose card it is; False if there is no room to say so."""
        if self.words[2] not in (0, card):
            return False
        self.words[2] = card
        self.words[3] += 1
        return True


class Card:
    """This process's card in one domain."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._fd = -1
        self._free: list[Entry] = []
        self._chunks: list[int] = []
        self._guard = threading.Lock()
        self._create()
        self._grow()
        self._header = _view(self._chunks[0], HEADER).cast("B")
        self._name_length = self._header[24] | self._header[25] << 8

    @property
    def lost(self) -> bool:
        """Whether its name is gone: the domain was removed, and was perhaps made again since."""
        try:
            return self._fd < 0 or os.fstat(self._fd).st_nlink == 0
        except OSError:
            return True  # somebody has closed a descriptor that was not his

    def entry(self, lock: int) -> Entry:
        """Take a free entry for the lock."""
        with self._guard:
            if not self._free:
                self._grow()
            entry = self._free.pop()
        entry.words[1] = entry.words[2] = entry.words[3] = 0
        entry.words[0] = lock
        return entry

    def forget(self, entry: Entry) -> None:
        """Make an entry free for another lock."""
        entry.words[0] = 0
        self._free.append(entry)

    def write_task(self, task: tuple[int, str, int] | None) -> None:
        """Say which task runs."""
        number, name = (-1, "") if task is None else (task[0], task[1])
        text = name.encode("utf-8", "replace")[:TEXT]
        header = self._header
        header[TASK_TEXT_AT : TASK_TEXT_AT + len(text)] = text
        TASK.pack_into(header, TASK_AT, number, self._name_length, len(text))

    def leave(self) -> None:
        """Take the card away at the process's regular end, unless it shows that a lock is still taken."""
        if self._pid == os.getpid() and not any(entry.count > 0 for entry in _entries(self._chunks, self)):
            _domain.unlink(self.path)

    def retire(self) -> bool:
        """Let go of the file, whose name is gone, and of the memory if no lock uses it; tell whether that is so."""
        # Taken first: at exit a pool's thread may let go of the domain at the same time as the main thread.
        descriptor, self._fd = self._fd, -1
        if descriptor >= 0:
            try:  # noqa: SIM105  # contextlib would be one more import
                os.close(descriptor)
            except OSError:
                pass  # a program that turns into a daemon closes what it did not open
        if any(entry.lock for entry in _entries(self._chunks, self)):
            return False
        self._free.clear()
        while self._chunks:
            _libc.munmap(self._chunks.pop(), _CHUNK)
        return True

    def _create(self) -> None:
        while True:
            self.path = f"{self.directory}/{_domain.new_token()}{SUFFIX}"
            try:
                self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            if os.fstat(self._fd).st_nlink:
                break
            os.close(self._fd)  # swept before it was locked
        self.number = number_of(self.path)
        self._pid = os.getpid()
        name = _process_name().encode("utf-8", "replace")[:TEXT]
        header = bytearray(HEADER)
        WHO.pack_into(header, 0, VERSION, self._pid, -1, len(name), 0)
        header[TEXT_AT : TEXT_AT + len(name)] = name
        os.pwrite(self._fd, header, 0)

    def _grow(self) -> None:
        start = len(self._chunks) * _CHUNK
        # A store into mapped memory for which there is no room is SIGBUS; this raises.
        os.posix_fallocate(self._fd, start, _CHUNK)
        address = _map(None, self._fd, start)
        self._chunks.append(address)
        self._free += reversed(list(_entries([address], self, header=start == 0)))

    def _after_fork(self) -> None:
        # The memory is the parent's card. A card of this process's own has to appear at the same addresses, for there
        # the C objects of this process's locks are.
        self._guard = threading.Lock()
        before = [ctypes.string_at(address, _CHUNK) for address in self._chunks]
        retired = self._fd < 0
        if not retired:
            os.close(self._fd)
        try:
            if retired:
                raise FileNotFoundError(self.path)
            self._create()
            os.posix_fallocate(self._fd, 0, _CHUNK * len(before))
            sweep(self.directory, _FORK_LITTER)
        except OSError:  # the domain is gone, so nobody will look for a card either
            self._fd = os.memfd_create("anypool-card")
            os.ftruncate(self._fd, _CHUNK * len(before))
        header = os.pread(self._fd, HEADER, 0)
        for index, (address, content) in enumerate(zip(self._chunks, before, strict=True)):
            _map(address, self._fd, index * _CHUNK)
            ctypes.memmove(address, content, _CHUNK)
        ctypes.memmove(self._chunks[0], header, len(header))
        for entry in _entries(self._chunks, self):
            entry.words[1] = entry.words[2] = entry.words[3] = 0
            COUNT.pack_into(entry.words.cast("B"), COUNT_OFFSET, 0)  # what a thread of the parent holds, it does not


def _entries(chunks: list[int], card: Card, *, header: bool = True) -> Iterator[Entry]:
    for index, address in enumerate(chunks):
        begin = HEADER if header and index == 0 else 0
        for offset in range(begin, _CHUNK, ENTRY):
            yield Entry(card, address + offset)


def _view(address: int, size: int) -> memoryview:
    return memoryview((ctypes.c_char * size).from_address(address)).cast("B").cast("Q")


_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_MAP_FIXED = 0x10


def _map(address: int | None, fd: int, offset: int) -> int:
    """Map a chunk for ever: a bound method of a lock may outlive everything that this package knows."""
    flags = mmap.MAP_SHARED | (0 if address is None else _MAP_FIXED)
    found: int | None = _libc.mmap(address, _CHUNK, mmap.PROT_READ | mmap.PROT_WRITE, flags, fd, offset)
    if found is None or found == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "cannot map memory for locks")
    return found


def _process_name() -> str:
    from multiprocessing.process import current_process

    return current_process().name


# This process's cards by directory. There is one, unless a lock of another program's domain was unpickled here.
_own: dict[str, Card] = {}
#: Cards of domains that are gone, in whose memory locks still are.
_retired: list[Card] = []
_making = threading.RLock()


def own_card(directory: str) -> Card:
    """Give this process's card in a domain, made when it is first asked for.

    Raises:
        FileNotFoundError: the domain does not exist any more.
    """
    card = _own.get(directory)
    if card is None or card.lost:
        with _making:
            card = _own.get(directory)
            if card is None or card.lost:
                _retire(directory)
                sweep(directory, _LITTER)
                card = _own[directory] = Card(directory)
                card.write_task(worker_info.current_task())
                worker_info.watch(_show_task)
    return card


def _retire(directory: str) -> None:
    """Let go of the card of a directory that is not there any more."""
    card = _own.pop(directory, None)
    if card is not None:
        _retired.append(card)
    _retired[:] = [card for card in _retired if not card.retire()]


def _show_task(task: tuple[int, str, int] | None) -> None:
    for card in _own.values():
        card.write_task(task)


def _leave() -> None:
    for card in _own.values():
        card.leave()


def _after_fork() -> None:
    global _making
    _making = threading.RLock()  # another thread of the parent may have held it
    for card in [*_own.values(), *_retired]:
        card._after_fork()


atexit.register(_leave)
_domain.leavers.append(_retire)
os.register_at_fork(after_in_child=_after_fork)
