"""P2: Pipe to the edge, as ``multiprocessing`` has it."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

import pytest

from anypool import Executor, SerializationError, WouldDeadlock, abc
from anypool.testing import _tasks as tasks
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite
from anypool.testing._gate import Gate

__all__ = ["Pipes"]


wait: Callable[..., list[Any]] = connection.wait  # typed for its own connections only


class Pipes(BackendSuite):
    """Pipe and its two connections."""

    def test_both_ways(self, ex: Executor) -> None:
        """P2: a duplex pipe's ends send and receive, in order, any value."""
        with_left, with_right = ex.Pipe()
        with with_left as left, with_right as right:
            assert isinstance(left, abc.Connection)
            assert left.readable and left.writable and not left.closed
            for value in (1, None, b"", {"k": [2]}):
                left.send(value)
            assert [right.recv() for _ in range(4)] == [1, None, b"", {"k": [2]}]
            right.send("back")
            assert left.recv() == "back"
        assert left.closed and right.closed

    def test_one_way(self, ex: Executor) -> None:
        """P2: without duplex the first end only receives and the second only sends."""
        reader, writer = ex.Pipe(duplex=False)
        assert (reader.readable, reader.writable) == (True, False)
        assert (writer.readable, writer.writable) == (False, True)
        writer.send("x")
        assert reader.recv() == "x"
        with pytest.raises(OSError, match="read-only"):
            reader.send("x")
        with pytest.raises(OSError, match="write-only"):
            writer.recv()
        with pytest.raises(OSError, match="write-only"):
            writer.poll()
        reader.close()
        writer.close()

    def test_closed_end(self, ex: Executor) -> None:
        """P2: a closed end can do nothing; closing it again is allowed."""
        left, right = ex.Pipe()
        left.close()
        left.close()
        assert left.closed
        for use in (lambda: left.send(1), left.recv, left.poll, left.fileno, lambda: left.send_bytes(b"x")):
            with pytest.raises(OSError, match="closed"):
                use()
        right.close()

    def test_end_of_the_pipe(self, ex: Executor) -> None:
        """P2: when the other end is closed what was sent is still received, then comes ``EOFError``."""
        left, right = ex.Pipe()
        left.send("last")
        left.close()
        assert right.poll()
        assert right.recv() == "last"
        assert right.poll(PATIENCE)  # the end can be "received", too
        with pytest.raises(EOFError):
            right.recv()
        with pytest.raises(EOFError):
            right.recv_bytes()
        right.close()

    def test_nobody_there_to_receive(self, ex: Executor) -> None:
        """P2: sending when the other end is closed is ``BrokenPipeError``."""
        left, right = ex.Pipe()
        right.close()
        with pytest.raises(BrokenPipeError):
            left.send("x")
        left.close()

    def test_poll(self, ex: Executor) -> None:
        """P2: ``poll`` tells whether there is something; its timeout is in seconds; None waits."""
        left, right = ex.Pipe()
        assert right.poll() is False
        began = time.monotonic()
        assert right.poll(0.1) is False
        assert time.monotonic() - began >= 0.09
        assert right.poll(-1) is False
        left.send(1)
        assert right.poll() is True
        assert right.poll(None) is True
        assert right.recv() == 1
        assert right.poll(0) is False
        left.close()
        right.close()

    def test_bytes(self, ex: Executor) -> None:
        """P2: messages of bytes keep their bounds; offset and size choose a part."""
        left, right = ex.Pipe()
        left.send_bytes(b"first")
        left.send_bytes(bytearray(b"0123456789"), 2)
        left.send_bytes(memoryview(b"0123456789"), 2, 3)
        left.send_bytes(b"")
        assert [right.recv_bytes() for _ in range(4)] == [b"first", b"23456789", b"234", b""]
        for offset, size in ((-1, None), (11, None), (0, -1), (5, 6)):
            with pytest.raises(ValueError):
                left.send_bytes(b"0123456789", offset, size)
        left.close()
        right.close()

    def test_bytes_into_a_buffer(self, ex: Executor) -> None:
        """P2: ``recv_bytes_into`` fills a buffer from an offset; one too small gets ``BufferTooShort`` with it all."""
        left, right = ex.Pipe()
        buffer = bytearray(10)
        left.send_bytes(b"abc")
        assert right.recv_bytes_into(buffer, 4) == 3
        assert buffer == b"\0\0\0\0abc\0\0\0"
        left.send_bytes(b"0123456789ab")
        with pytest.raises(multiprocessing.BufferTooShort) as caught:
            right.recv_bytes_into(buffer)
        assert caught.value.args[0] == b"0123456789ab"
        for offset in (-1, 11):
            with pytest.raises(ValueError):
                right.recv_bytes_into(buffer, offset)
        left.close()
        right.close()

    def test_too_long(self, ex: Executor) -> None:
        """P2: a message longer than ``maxlength`` is an ``OSError``; a negative one is a ``ValueError``."""
        left, right = ex.Pipe()
        left.send_bytes(b"12345")
        assert right.recv_bytes(5) == b"12345"
        with pytest.raises(ValueError):
            right.recv_bytes(-1)
        left.send_bytes(b"123456")
        with pytest.raises(OSError, match="bad message length"):
            right.recv_bytes(5)
        left.close()
        right.close()

    def test_object_that_cannot_be_pickled(self, ex: Executor) -> None:
        """E5, P2: it raises in ``send``, and nothing was sent; where nothing is pickled it arrives."""
        left, right = ex.Pipe()
        lock = threading.Lock()
        if self.copies:
            with pytest.raises(SerializationError):
                left.send([lock])
            assert not right.poll()
        else:
            left.send([lock])
            assert right.recv() == [lock]
        left.send("fine")
        assert right.recv() == "fine"
        left.close()
        right.close()

    def test_between_tasks(self, ex: Executor) -> None:
        """P2: two tasks talk over a pipe whose ends the caller has given away; alone on serial one is told at once."""
        left, right = ex.Pipe()
        if not self.concurrent:
            with pytest.raises(WouldDeadlock):
                ex.submit(right.recv).result(PATIENCE)
            left.close()
            right.close()
            return
        receiver = ex.submit(_receive_all, right)
        sender = ex.submit(sync_tasks.send_all, left, list(range(100)))
        # The tasks have ends of their own, on threads too; the pipe ends when the last of them is closed.
        left.close()
        right.close()
        sender.result(PATIENCE)
        assert receiver.result(PATIENCE) == list(range(100))

    def test_with_a_process(self, ex: Executor) -> None:
        """P2: question and answer with a ``Process``, megabytes included, on serial too."""
        left, right = ex.Pipe()
        process = ex.Process(target=sync_tasks.echo, args=(right,))
        process.start()
        right.close()  # ours; the process has its own, on threads too
        data = random.Random(1).randbytes(3_000_000)
        for value in ("one", 2, data):
            left.send(value)
            assert left.recv() == value
        left.close()
        process.join(PATIENCE)
        assert process.exitcode == 0

    def test_dead_process_is_the_end(self, ex: Executor) -> None:
        """P2: when the process that holds the other end has gone, the caller gets ``EOFError`` and does not hang."""
        left, right = ex.Pipe()
        process = ex.Process(target=tasks.nothing, args=(right,))
        process.start()
        right.close()
        with pytest.raises(EOFError):
            left.recv()
        process.join(PATIENCE)
        left.close()

    def test_receiver_is_woken(self, ex: Executor, gate: Gate) -> None:
        """P2: a task that waits in ``recv`` is woken by the caller's ``send``."""
        left, right = ex.Pipe()
        if self.concurrent:

            def receive() -> Any:
                gate.arrive()
                with right:
                    return right.recv()

            future = ex.submit(receive)
            gate.arrived()
            left.send("woken")
            assert future.result(PATIENCE) == "woken"
        left.close()
        right.close()

    def test_wait_for_several(self, ex: Executor) -> None:
        """P2: ``multiprocessing.connection.wait`` takes the connections of every backend."""
        left, right = ex.Pipe()
        other, third = ex.Pipe(duplex=False)
        waited: list[Any] = [right, other]
        assert wait(waited, timeout=0) == []
        left.send(1)
        assert wait(waited, timeout=PATIENCE) == [right]
        third.send(2)
        assert set(wait(waited, timeout=PATIENCE)) == {right, other}
        assert (right.recv(), other.recv()) == (1, 2)
        assert wait(waited, timeout=0) == []
        left.close()
        assert wait(waited, timeout=PATIENCE) == [right]
        for end in (right, other, third):
            end.close()


def _receive_all(end: Any) -> list[Any]:
    received = []
    with end:
        while True:
            try:
                received.append(end.recv())
            except EOFError:
                return received
