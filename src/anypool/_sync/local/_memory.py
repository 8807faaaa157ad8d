"""Memory for Value and Array of all processes of a machine: a file in the domain, mapped by everyone who attaches.

Its name goes with its last object where it never was pickled, otherwise with its context; a mapping stays for as long
as somebody here has it.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

from anypool._sync._values import Allocate
from anypool._sync.local import _names

__all__ = ["allocator"]

_MAP_FIXED = 0x10  # the same on Linux, macOS and the BSDs; the mmap module has no name for it before 3.13


class _Memory:
    """A mapped file."""

    def __init__(self, path: str, kind: str, size: int | None = None) -> None:
        self.path = path
        self.kind = kind
        self.name: _names.Name | None = None
        fd = os.open(path, os.O_RDWR | (0 if size is None else os.O_CREAT | os.O_EXCL), 0o600)
        try:
            if size is not None:
                _reserve(fd, path, kind, size)
            self.buffer = _map(fd, os.fstat(fd).st_size)
        except BaseException:
            if size is not None:
                os.unlink(path)
            raise
        finally:
            os.close(fd)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.name is not None:
            self.name.share()
        return (_attach, (self.kind, self.path))


def _reserve(fd: int, path: str, kind: str, size: int) -> None:
    # All of it now: where there is no room, a store into the mapping would be SIGBUS, the end of the process.
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:  # macOS
            for begin in range(0, size, 1 << 20):
                os.pwrite(fd, bytes(min(1 << 20, size - begin)), begin)
    except OSError as error:
        base = os.path.dirname(os.path.dirname(path))
        raise OSError(
            error.errno,
            f"there is no room in {base} for a shared {kind} of {size} bytes ({error.strerror}): make room there (in a "
            f"container: docker run --shm-size=…), or share less",
        ) from None


def _map(fd: int, size: int) -> mmap.mmap:
    # Before 3.13 Python keeps a descriptor for every mapping of a file, and a thousand Values would be all that a
    # process can have. So it maps, and unmaps, anonymous memory, and the file takes its place in between.
    memory = mmap.mmap(-1, size)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    if _mmap(address, size, protection, mmap.MAP_SHARED | _MAP_FIXED, fd, 0) != address:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot map shared memory: {os.strerror(number)}")
    return memory


_mmap: Any = ctypes.CDLL(None, use_errno=True).mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]


def allocator(names: _names.Names) -> Allocate:
    """Give what allocates, under names of a context."""

    def allocate(size: int, kind: str) -> _Memory:
        # At least one byte: there is no mapping of nothing.
        name, memory = names.create(".memory", lambda path: _Memory(path, kind, max(size, 1)))
        memory.name = name
        return _names.register(name.path, memory)

    return allocate


def _attach(kind: str, path: str) -> _Memory:
    return _names.attach(kind, path, lambda path: _Memory(path, kind))
