"""Tasks for the tests of the loky pool, in a module that a worker imports quickly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from anypool._core.worker_info import worker

_state: dict[str, Any] = {}


def note(path: Path, number: int, seconds: float = 0.0) -> int:
    """Leave a mark that this ran, then take some time."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"%d\n" % number)
    os.close(descriptor)
    time.sleep(seconds)
    return number


def noted(path: Path) -> list[int]:
    """Give the marks."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def note_and_die_at(path: Path, number: int, fatal: int) -> int:
    """Leave a mark, and end the worker at the fatal number."""
    note(path, number)
    if number == fatal:
        os._exit(7)
    return number


def die(number: int = signal.SIGKILL) -> None:
    """Say something, then end by a signal."""
    print("last words", file=sys.stderr)
    os.kill(os.getpid(), number)


def die_but_leave_a_child(path: Path) -> None:
    """End, leaving a process behind that has inherited all it could."""
    child = subprocess.Popen(["sleep", "30"], close_fds=False)
    note(path, child.pid)
    os._exit(1)


def die_sending(size: int) -> bytes:
    """End at about the time when the result is being written."""
    threading.Timer(0.02, os._exit, (5,)).start()
    time.sleep(0.015)
    return bytes(size)


def pid_after(seconds: float = 0.0) -> int:
    """Say which process this is."""
    time.sleep(seconds)
    return os.getpid()


def who(seconds: float = 0.0) -> tuple[int, int]:
    """Say which worker this is."""
    time.sleep(seconds)
    return worker().rank, worker().pid


def echo(*args: Any) -> Any:
    """Give the arguments back."""
    return args


def initialize(path: Path, value: int) -> None:
    """Set what ``read_state`` reads."""
    _state["value"] = value
    note(path, os.getpid())


def read_state(seconds: float) -> tuple[int, int]:
    """Give what the initializer has set, and where."""
    time.sleep(seconds)
    return _state["value"], os.getpid()


def busy() -> None:
    """Never end."""
    while True:
        sum(range(10**7))


def ignore_sigterm(path: Path) -> None:
    """Never end on SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(path, os.getpid(), 60)


def leave_a_thread() -> None:
    """End, leaving a thread behind that keeps the process."""
    threading.Thread(target=time.sleep, args=(60,)).start()
