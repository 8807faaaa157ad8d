"""The parent's side of a launch: exec a new interpreter and hand it a boot record that says what to become.

::

    launch() --exec--> python -c "read the record, take its sys.path, main(record)" --> entry(payload, lifeline)
        └── record: a memory file (so that no size of payload can block either side) with marshalled plain values
"""

from __future__ import annotations

import marshal
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from multiprocessing import process
from pathlib import Path
from typing import IO, Any

from anypool._launch import _inherited
from anypool._launch._handle import Handle

__all__ = ["START_METHODS", "launch"]

#: The ways to start a process. A fork of this process is none of them: its threads' locks would stay locked for ever.
START_METHODS = ("spawn",)

_BOOT = """\
import marshal, sys
with open({descriptor}, "rb") as file: record = marshal.load(file)
sys.path[:] = record["path"]
from anypool._launch._child import main
main(record)
"""


def launch(
    entry: str,
    payload: bytes,
    *,
    name: str = "anypool",
    fds: Iterable[int] = (),
    stderr: int | None = None,
    die_with_parent: bool = True,
    keyboard_interrupt: bool = False,
) -> Handle:
    """Start a fresh interpreter that calls ``entry(payload, lifeline)``.

    Args:
        entry: ``"module:function"``, importable in the child.
        payload: what it gets; of any size.
        name: what ``multiprocessing.current_process().name`` says there, and ``ps``.
        fds: descriptors that the child gets under the same numbers.
        stderr: the child's standard error; this process's own if ``None``. Its standard input is ``/dev/null``.
        die_with_parent: the child is killed when this process ends or lets go of the handle.
        keyboard_interrupt: Ctrl-C raises ``KeyboardInterrupt`` in the child; otherwise the child ignores it.

    Raises:
        OSError: the system refused: no more processes, descriptors or memory.
    """
    near, far = socket.socketpair()
    with near, far, _record_file() as file:
        fds = {*fds, far.fileno(), file.fileno()}
        tracker = _tracker_descriptor()
        if tracker is not None:
            fds.add(tracker)
        record = {
            "path": _path(),
            "argv": [str(argument) for argument in getattr(sys, "argv", [""])],
            "authkey": bytes(process.current_process().authkey),
            "name": name,
            "parent": (process.current_process().name, os.getpid()),
            "domain": _inherited.pass_on(),
            "tracker": tracker,
            "lifeline": far.fileno(),
            "die_with_parent": die_with_parent,
            "keyboard_interrupt": keyboard_interrupt,
            "entry": entry,
            "payload": payload,
        }
        marshal.dump(record, file)
        file.seek(0)  # flushes, and the child shares the position
        pid = _execute([*_interpreter(), "-c", _BOOT.format(descriptor=file.fileno()), name], fds, stderr)
        return Handle(pid, near.detach())


def _path() -> list[str]:
    path = [folder for folder in sys.path if isinstance(folder, str)]
    # The program may have taken this package's folder from its path again after the import.
    root = str(Path(__file__).parents[2])
    return path if root in path else [*path, root]


def _execute(command: list[str], fds: Iterable[int], stderr: int | None) -> int:
    # The child inherits the mask: a Ctrl-C while it boots must not kill it before it has its own handler.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr, pass_fds=tuple(fds))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    # The Handle waits for it. subprocess, which warns of a child that was not waited for and then waits for it on its
    # own at some later time, must think that it is over.
    child.returncode = 0
    return child.pid


def _interpreter() -> list[str]:
    spawn = sys.modules.get("multiprocessing.spawn")
    # A program with an embedded interpreter says by multiprocessing.set_executable() where python is.
    executable = os.fsdecode(spawn.get_executable()) if spawn is not None else sys.executable
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # not in typeshed
    return [executable, *flags]


def _record_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("anypool-boot"), "w+b")
    return tempfile.TemporaryFile()


def _tracker_descriptor() -> int | None:
    """Give the descriptor of multiprocessing's resource tracker if it runs; never start it."""
    module: Any = sys.modules.get("multiprocessing.resource_tracker")
    descriptor: int | None = module._resource_tracker._fd if module is not None else None
    return descriptor
