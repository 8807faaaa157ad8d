"""The domain: the private directory that holds the names of everything a family of processes shares.

::

    creator: current_path() reserves a name --launcher--> worker: adopt(path)
    whoever needs it first:  mkdir, flock(SHARED) on the directory          (every member, for its life)
    creator's exit:          everything in it is removed
    somebody's next domain:  flock(EXCLUSIVE) succeeds = no member lives -> swept

A name is only *reserved* until somebody needs a file, so a program without primitives touches no disk; and a domain can
be removed when its creator has closed all contexts: the next user makes it again under the same path.
"""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]  # the C module has no stub
import errno
import fcntl
import os
import stat
import threading
from collections.abc import Callable
from typing import TypeVar

from anypool._launch import _inherited

__all__ = [
    "adopt",
    "clear",
    "cover",
    "create",
    "current_path",
    "ensure",
    "leavers",
    "new_token",
    "rejoin",
    "semaphore_name",
    "unlink",
]

T = TypeVar("T")

_SHARED_MEMORY = "/dev/shm"
#: With less room than this in shared memory (a container's default is 64 MB) queues go to the temporary directory.
_ROOM = 1 << 30

# No regular expressions here: launched workers import this, and re alone costs milliseconds.
# macOS allows 31 characters for a semaphore's name: "/anypool-" + 10 + "-" + 10 are 30.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PREFIX = "anypool-"
_LENGTH = 10

_lock = threading.Lock()
_path: str | None = None
#: The process that reserved the path, and removes what is there.
_creator: int | None = None
#: Our descriptor of the directory; its shared lock says "a member lives".
_member: int | None = None

#: What else of this process has to go when the domain's directory has gone: called with its path.
leavers: list[Callable[[str], None]] = []


def new_token() -> str:
    """Give ten random characters (50 bits) from the system, so that no two processes, forks included, get the same."""
    return "".join([_ALPHABET[byte & 31] for byte in os.urandom(_LENGTH)])


def current_path() -> str:
    """Give the path of this process's domain, which need not exist yet; what a launcher hands to its child."""
    if _path is None and _inherited.domain is not None:
        adopt(_inherited.domain)
    return _path or _reserve()


def adopt(path: str) -> None:
    """Join the domain at ``path``, the parent's: what is made here outlives this process."""
    global _path, _member
    with _lock:
        if _member is not None:
            os.close(_member)
            _member = None
        _path = path
    if os.path.isdir(path):
        ensure()


def ensure() -> str:
    """Make sure that the domain's directory exists and that we count as a member; give its path."""
    global _path, _member
    if _member is not None and _path is not None:
        return _path
    while True:
        path = current_path()
        with _lock:
            if _member is not None:
                return path
            try:  # noqa: SIM105  # contextlib would be one more import for every worker
                os.mkdir(path, 0o700)
            except FileExistsError:
                pass  # another member was first
            _member = _join(path)
            if _member is not None:
                return path
            if _path == path and os.path.lexists(path):
                # Somebody else sits there: after an empty directory was removed its name could be taken.
                _path = _inherited.domain = None


def _join(path: str) -> int | None:
    """Lock the directory as a member. ``None`` if it is not ours or a sweeper removed it in between."""
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # a symbolic link
            return None
        raise
    try:
        fcntl.flock(directory, fcntl.LOCK_SH)  # only a sweeper can make us wait, for a moment
        if _is_ours(directory) and _is_at(directory, path):
            joined, directory = directory, -1
            return joined
        return None
    finally:
        if directory >= 0:
            os.close(directory)


def _is_ours(directory: int) -> bool:
    status = os.fstat(directory)
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077


def _is_at(directory: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(directory), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def create(suffix: str, make: Callable[[str], T]) -> tuple[str, T]:
    """Call ``make(path)`` with a new path in the domain until it finds the place free; give both."""
    while True:
        path = f"{ensure()}/{new_token()}{suffix}"
        try:
            return path, make(path)
        except FileExistsError:
            continue
        except FileNotFoundError:
            rejoin()


def rejoin() -> None:
    """Notice that the directory is not there any more."""
    global _member
    if _path is not None:
        for leave in leavers:
            leave(_path)
    with _lock:
        if _member is not None:
            os.close(_member)
            _member = None


def clear() -> None:
    """Remove the domain with all that is left in it, if this process is its creator; the next user makes it again."""
    if _path is not None and _creator == os.getpid():
        _end(_path)
        rejoin()


def cover(path: str) -> None:
    """Be a member if ``path``, to which this process is about to attach, is of its own domain.

    After ``clear`` it is not one any more, although a worker may have made the domain again.
    """
    own = _path or _inherited.domain
    if _member is None and own is not None and path.startswith(f"{own}/"):
        ensure()


def semaphore_name(path: str) -> str:
    """Give the name in the system's own space of the semaphore whose marker file is ``path``."""
    directory, _, file = path.rpartition("/")
    return f"/{directory.rpartition('/')[2]}-{file.removesuffix('.sem')}"


def unlink(path: str) -> None:
    """Remove one name, and its semaphore if it marks one. Whoever is attached already goes on.

    With the table of those who wait for something (``_waiters``) go the semaphores on which they sleep.
    """
    if path.endswith(".waiters"):
        place = 0
        while os.path.lexists(sleeper := f"{path.removesuffix('.waiters')}.{place}.sem"):
            unlink(sleeper)
            place += 1
    if path.endswith(".sem"):
        try:  # noqa: SIM105  # contextlib would be one more import for every worker
            _multiprocessing.sem_unlink(semaphore_name(path))
        except OSError:
            pass  # its maker died between making the marker and the semaphore
    try:
        os.unlink(path)
    except FileNotFoundError:
        return  # two may clean up at once


def _reserve() -> str:
    global _path, _creator
    # Its finalizers below priority 0 run after it has joined the non-daemon processes, which still use their locks.
    from multiprocessing.util import Finalize

    with _lock:
        if _path is None:
            base = _base()
            path = f"{base}/{_PREFIX}{new_token()}"
            Finalize(None, _end, args=(path,), exitpriority=-100)  # checks the pid: a fork's exit removes nothing
            _path = path
            _creator = os.getpid()
            _sweep(base)
        return _path


def _base() -> str:
    import tempfile

    temporary = os.path.abspath(tempfile.gettempdir())
    if not os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
        return temporary
    room = _free(_SHARED_MEMORY)
    return _SHARED_MEMORY if room >= _ROOM or room >= _free(temporary) else temporary


def _free(path: str) -> int:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def _end(path: str) -> None:
    """Remove the domain with all names in it; at the exit of its creator."""
    for _ in range(100):  # a process that outlives its creator may be making something right now
        try:
            for entry in os.listdir(path):
                unlink(f"{path}/{entry}")
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError:
            continue
        return


def _is_name(entry: str) -> bool:
    token = entry.removeprefix(_PREFIX)
    return len(token) == _LENGTH and len(entry) == len(_PREFIX) + _LENGTH and set(token) <= set(_ALPHABET)


def _sweep(base: str) -> None:
    """Remove the domains of this user that have no living member: their creators were killed."""
    try:
        entries = [entry for entry in os.listdir(base) if _is_name(entry)]
    except OSError:
        return  # no permission to list: nothing of ours can be found there either
    for entry in entries:
        path = f"{base}/{entry}"
        try:
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # another user's, or swept by somebody else
        try:
            if _is_ours(directory):
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(directory, path):
                    _end(path)
        except OSError:
            pass  # a member lives
        finally:
            os.close(directory)


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)
_inherited.provide(current_path)
