"""What holds a descriptor and is not ours: multiprocessing's own connections, and sockets, as task arguments."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A program of its own: multiprocessing serves such descriptors with a thread that stays.
_PROGRAM = """
import multiprocessing, socket, sys
from anypool import Executor

def shout(end):
    if isinstance(end, socket.socket):
        end.sendall(b"hello")
    else:
        end.send("hello")
    end.close()

with Executor(sys.argv[1], 1) as ex:
    here, there = multiprocessing.Pipe()
    ex.submit(shout, there).result()
    print(here.recv())
    here, there = socket.socketpair()
    ex.submit(shout, there).result()
    print(here.recv(10).decode())
    here.close(); there.close()
"""


@pytest.mark.parametrize("backend", ["process", "loky"])
def test_they_arrive_as_what_they_are(backend: str) -> None:
    """E3: plain pickle would send the number of the descriptor, which means another one in the worker."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, backend], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["hello", "hello"]), done.stderr
