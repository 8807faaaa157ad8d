"""Launching a fresh interpreter: what it inherits, what it must not, and how its end is seen."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anypool._core.exits import describe_exit
from anypool._launch._handle import Handle
from anypool._launch._launcher import launch

PATIENCE = 20.0

Start = Callable[..., Handle]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on this process's ``sys.path`` only, with the entries."""
    folder = tmp_path / "only here"
    folder.mkdir()
    (folder / "launched.py").write_text(_ENTRIES)
    monkeypatch.syspath_prepend(folder)
    yield folder


@pytest.fixture
def start(module: Path) -> Iterator[Start]:
    """Launch entries of the module; what still runs in the end is killed."""
    handles: list[Handle] = []

    def run(entry: str, payload: bytes = b"", **options: Any) -> Handle:
        handles.append(launch(f"launched:{entry}", payload, **options))
        return handles[-1]

    yield run
    for handle in handles:
        handle.send_signal(signal.SIGKILL)
        handle.wait(PATIENCE)
        handle.close()


_ENTRIES = """
import json, os, signal, sys, threading, time

def report(payload, lifeline):
    main = sys.modules["__main__"]
    facts = {
        "path": sys.path, "argv": sys.argv, "main": sorted(vars(main)), "descriptors": os.listdir("/proc/self/fd"),
        "stdin": os.readlink("/proc/self/fd/0"), "lifeline": lifeline, "modules": sorted(sys.modules),
        "blocked": [int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())], "pid": os.getpid(),
    }
    import multiprocessing
    current, parent = multiprocessing.current_process(), multiprocessing.parent_process()
    facts.update(name=current.name, authkey=bytes(current.authkey).hex(), parent=parent.pid, alive=parent.is_alive())
    os.write(int(payload), json.dumps(facts).encode())

def size(payload, lifeline):
    sys.exit(len(payload) // 1_000_000)

def exit(payload, lifeline):
    sys.exit(int(payload))

def interrupted(payload, lifeline):
    write = int(payload)
    os.write(write, b"x")
    try:
        time.sleep(30)
    except KeyboardInterrupt:
        sys.exit(5)

def not_interrupted(payload, lifeline):
    os.write(int(payload), b"x")
    os.kill(os.getpid(), signal.SIGINT)
    os.execvp("sh", ["sh", "-c", "kill -INT $$; exit 6"])

def spin(payload, lifeline):
    os.write(int(payload), b"x")
    sum(range(10**12))  # one C call that holds the GIL

def attach(payload, lifeline):
    from multiprocessing.shared_memory import SharedMemory
    block = SharedMemory(payload.decode())
    value = block.buf[0]
    block.close()
    sys.exit(value)
"""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe."""
    read, write = os.pipe()
    yield read, write
    for descriptor in (read, write):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_what_a_child_sees(start: Start, pipe: tuple[int, int], module: Path) -> None:
    """It finds modules as this process does, has a clean ``__main__``, no stray descriptor, and knows its parent."""
    import multiprocessing

    stray = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(stray, True)
    handle = start("report", str(pipe[1]).encode(), name="a child", fds=[pipe[1]])
    os.close(stray)
    assert handle.wait(PATIENCE) == 0
    facts = json.loads(os.read(pipe[0], 1 << 16))
    assert facts["path"][: len(sys.path)] == sys.path and str(module) in facts["path"]
    assert facts["argv"] == sys.argv
    assert set(facts["main"]) <= {
        "__anypool_worker__", "__builtins__", "__doc__", "__loader__", "__name__", "__package__", "__spec__"
    }  # fmt: skip
    # The standard three, the pipe, the lifeline, listdir's own; and multiprocessing's resource tracker, if it runs.
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    tracked = tracker is not None and tracker._resource_tracker._fd is not None
    assert len(facts["descriptors"]) <= 6 + tracked
    assert facts["stdin"] == "/dev/null"
    assert facts["blocked"] == []
    assert facts["name"] == "a child" and facts["pid"] == handle.pid
    assert facts["authkey"] == bytes(multiprocessing.current_process().authkey).hex()
    assert facts["parent"] == os.getpid() and facts["alive"]
    for heavy in ("asyncio", "dataclasses", "inspect", "logging", "multiprocessing", "socket", "subprocess"):
        assert heavy not in facts["modules"]


def test_package_is_found(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child finds this package although the program's path does not lead to it any more."""
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if not Path(folder, "anypool").is_dir()])
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    assert start("exit", b"4").wait(PATIENCE) == 4


def test_large_payload(start: Start) -> None:
    """A payload larger than any pipe blocks nobody."""
    began = time.monotonic()
    handle = start("size", bytes(200_000_000))
    assert time.monotonic() - began < 5
    assert handle.wait(PATIENCE) == 200


@pytest.mark.parametrize("code", [0, 1, 77])
def test_exit_codes(start: Start, code: int) -> None:
    """X1: the status of ``sys.exit``."""
    handle = start("exit", str(code).encode())
    assert handle.poll() in (None, code)
    assert handle.wait(PATIENCE) == code == handle.poll() == handle.wait(0)


def test_signal(start: Start, pipe: tuple[int, int]) -> None:
    """X1: minus the signal's number, also for a process deep in a C call."""
    handle = start("spin", str(pipe[1]).encode(), fds=[pipe[1]])
    assert os.read(pipe[0], 1) == b"x"
    assert handle.wait(0.05) is None
    handle.send_signal(signal.SIGTERM)
    assert handle.wait(PATIENCE) == -signal.SIGTERM
    handle.send_signal(signal.SIGTERM)  # nothing happens


def test_closing_kills(start: Start, pipe: tuple[int, int]) -> None:
    """E13: who lets go of the handle ends the process, even one that never runs a bytecode again."""
    handle = start("spin", str(pipe[1]).encode(), fds=[pipe[1]])
    assert os.read(pipe[0], 1) == b"x"
    os.close(handle._lifeline)
    handle._lifeline = -1
    assert handle.wait(2) == -signal.SIGKILL


def test_closing_before_it_is_up(start: Start) -> None:
    """E13: the parent may die while the child boots."""
    handle = start("spin", b"2")
    os.close(handle._lifeline)
    handle._lifeline = -1
    assert handle.wait(2) == -signal.SIGKILL


def test_a_fork_does_not_hold_the_lifeline(start: Start, pipe: tuple[int, int]) -> None:
    """E13: a forked copy of this process must not keep the children alive."""
    handle = start("spin", str(pipe[1]).encode(), fds=[pipe[1]])
    assert os.read(pipe[0], 1) == b"x"
    go, gone = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(gone)
        os.read(go, 1)
        os._exit(0)
    os.close(go)
    os.close(handle._lifeline)
    handle._lifeline = -1
    try:
        assert handle.wait(2) == -signal.SIGKILL
    finally:
        os.close(gone)
        os.waitpid(child, 0)


def test_ctrl_c(start: Start, pipe: tuple[int, int]) -> None:
    """X1: a process gets Ctrl-C where it was asked for, also one that came while it booted."""
    handle = start("interrupted", str(pipe[1]).encode(), fds=[pipe[1]], keyboard_interrupt=True)
    handle.send_signal(signal.SIGINT)
    # It lands at its first moment with a handler, or in the sleep.
    assert handle.wait(PATIENCE) in (1, 5, -signal.SIGINT)


def test_workers_ignore_ctrl_c(start: Start, pipe: tuple[int, int]) -> None:
    """E12: a worker ignores it from its first moment on, but a program that it starts does not."""
    handle = start("not_interrupted", str(pipe[1]).encode(), fds=[pipe[1]])
    for _ in range(20):
        handle.send_signal(signal.SIGINT)
        time.sleep(0.002)  # to hit different moments of its boot
    assert os.read(pipe[0], 1) == b"x"
    assert handle.wait(PATIENCE) == -signal.SIGINT


def test_standard_error(start: Start, pipe: tuple[int, int]) -> None:
    """Standard error goes where it was told, from the interpreter's first word on."""
    handle = start("no_such_entry", stderr=pipe[1])
    os.close(pipe[1])
    assert handle.wait(PATIENCE) == 1
    assert b"no_such_entry" in os.read(pipe[0], 1 << 16)


def test_reaped_by_others(start: Start) -> None:
    """A program that waits for any child takes the exit code away; the end is seen nevertheless."""
    handle = start("exit", b"3")
    os.waitpid(handle.pid, 0)
    assert handle.wait(PATIENCE) == 255


def test_without_pidfd(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no pidfd, the lifeline tells of the end."""
    monkeypatch.delattr(os, "pidfd_open")
    handle = start("exit", b"3")
    assert handle.wait(PATIENCE) == 3
    handle = start("spin", b"2")
    assert handle.wait(0.05) is None
    handle.send_signal(signal.SIGKILL)
    assert handle.wait(PATIENCE) == -signal.SIGKILL


def test_shared_memory_outlives_a_child(module: Path) -> None:
    """python/cpython#82300: a child that attaches to a block does not unlink it at its exit."""
    program = f"""
import sys
sys.path.insert(0, {str(module)!r})
from multiprocessing.shared_memory import SharedMemory
from anypool._launch._launcher import launch
block = SharedMemory(create=True, size=10)
block.buf[0] = 42
codes = [launch("launched:attach", block.name.encode()).wait() for _ in range(2)]
SharedMemory(block.name).close()
block.close()
block.unlink()
sys.exit(codes != [42, 42])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (3, "exited with status 3"),
        (-9, "SIGKILL"),
        (-11, "SIGSEGV"),
        (-64, "signal 64"),
        (None, "unknown"),
    ],
)
def test_describe_exit(code: int | None, text: str) -> None:
    """E6: the name of the signal, not its number."""
    assert text in describe_exit(code) or "SIGRTMAX" in describe_exit(code)
