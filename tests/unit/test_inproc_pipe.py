"""Pipe inside one process, with real threads and in turns."""

from __future__ import annotations

import array
import gc
import multiprocessing
import multiprocessing.connection
import os
import pickle
import threading
from typing import Any

import pytest

from anypool._sync.inproc import InprocContext, Place, SerialMonitor, ThreadMonitor, entered
from anypool.errors import SerializationError


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, ThreadMonitor if request.param == "thread" else SerialMonitor)


def test_both_ways(ctx: InprocContext) -> None:
    """P2: objects and bytes, in order, both ways."""
    one, two = ctx.Pipe()
    one.send({"a": 1})
    one.send_bytes(b"raw")
    two.send("back")
    assert (two.poll(), two.recv(), two.recv_bytes(), one.recv()) == (True, {"a": 1}, b"raw", "back")
    assert not two.poll()
    assert not two.poll(0.01)


def test_one_way(ctx: InprocContext) -> None:
    """P2: without duplex the first receives and the second sends, with multiprocessing's texts."""
    reader, writer = ctx.Pipe(duplex=False)
    assert (reader.readable, reader.writable, writer.readable, writer.writable) == (True, False, False, True)
    with pytest.raises(OSError, match="connection is read-only"):
        reader.send(1)
    for receive in (writer.recv, writer.recv_bytes, writer.poll):
        with pytest.raises(OSError, match="connection is write-only"):
            receive()


def test_messages_of_both_kinds_are_pickles(ctx: InprocContext) -> None:
    """P2: recv() unpickles what send_bytes() sent, and the other way round."""
    one, two = ctx.Pipe()
    one.send_bytes(pickle.dumps([1]))
    assert two.recv() == [1]
    one.send([2])
    assert pickle.loads(two.recv_bytes()) == [2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((b"abc", -1), "offset is negative"),
        ((b"abc", 4), "buffer length < offset"),
        ((b"abc", 0, -1), "size is negative"),
        ((b"abc", 1, 3), r"buffer length < offset \+ size"),
    ],
)
def test_send_bytes_checks(ctx: InprocContext, arguments: tuple[Any, ...], message: str) -> None:
    """P2: multiprocessing's texts."""
    with pytest.raises(ValueError, match=message):
        ctx.Pipe()[0].send_bytes(*arguments)


def test_slices_and_buffers(ctx: InprocContext) -> None:
    """P2: offsets and sizes are in bytes, whatever the buffer's items are."""
    one, two = ctx.Pipe()
    one.send_bytes(b"abcdef", 1, 3)
    assert two.recv_bytes() == b"bcd"
    one.send_bytes(array.array("i", [1, 2]))
    target = array.array("i", [0, 0, 0])
    assert two.recv_bytes_into(target, 4) == 8
    assert list(target) == [0, 1, 2]
    one.send_bytes(b"too long")
    with pytest.raises(multiprocessing.BufferTooShort) as caught:
        two.recv_bytes_into(bytearray(3))
    assert caught.value.args == (b"too long",)
    with pytest.raises(ValueError, match="negative offset"):
        two.recv_bytes_into(bytearray(3), -1)
    with pytest.raises(ValueError, match="offset too large"):
        two.recv_bytes_into(bytearray(3), 4)


def test_too_long_a_message_ends_the_reading(ctx: InprocContext) -> None:
    """P2: the end is closed, or can only write from then on."""
    reader, writer = ctx.Pipe(duplex=False)
    writer.send_bytes(b"1234")
    with pytest.raises(ValueError, match="negative maxlength"):
        reader.recv_bytes(-1)
    with pytest.raises(OSError, match="bad message length"):
        reader.recv_bytes(3)
    assert reader.closed
    one, two = ctx.Pipe()
    two.send_bytes(b"1234")
    with pytest.raises(OSError, match="bad message length"):
        one.recv_bytes(3)
    assert not one.closed
    assert not one.readable


def test_the_end(ctx: InprocContext) -> None:
    """P2: what was sent is read first, then EOFError; the other way BrokenPipeError; closed here OSError."""
    one, two = ctx.Pipe()
    with one:
        one.send(1)
    assert two.poll()
    assert two.recv() == 1
    assert two.poll()
    with pytest.raises(EOFError):
        two.recv()
    with pytest.raises(BrokenPipeError):
        two.send(1)
    assert one.closed
    for use in (lambda: one.send(1), one.recv, one.poll, one.fileno):
        with pytest.raises(OSError, match="handle is closed"):
            use()
    one.close()


def test_dropping_an_end_closes_it(ctx: InprocContext) -> None:
    """P8: nobody holds it, so the other side sees the end."""
    one, two = ctx.Pipe()
    del one
    gc.collect()
    with pytest.raises(EOFError):
        two.recv()


def test_the_textbook(ctx: InprocContext) -> None:
    """P2: the parent closes the child's end after start(); the child's death then ends the pipe."""
    parent, child = ctx.Pipe()

    def work(connection: Any) -> None:
        connection.send(connection.recv() + 1)

    process = ctx.Process(target=work, args=(child,))
    process.start()
    child.close()
    assert child.closed
    parent.send(1)
    assert parent.recv() == 2
    with pytest.raises(EOFError):
        parent.recv()
    process.join()
    assert process.exitcode == 0


def test_a_subclass_and_a_closure_inherit_ends(ctx: InprocContext) -> None:
    """P1: as attributes of a subclass and as captured variables too."""
    one, two = ctx.Pipe()
    three, four = ctx.Pipe()

    class Worker(ctx.Process):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.connection = two

        def run(self) -> None:
            self.connection.send("attribute")

    processes: list[Any] = [Worker(), ctx.Process(target=lambda: four.send("captured"))]
    for process in processes:
        process.start()
    two.close()
    four.close()
    assert (one.recv(), three.recv()) == ("attribute", "captured")
    for process in processes:
        process.join()


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("monitor", [ThreadMonitor, SerialMonitor])
def test_an_end_on_its_way_stays_open(monitor: type, isolate: bool) -> None:
    """P1: the sender may close its own as soon as put() has returned."""
    ctx = InprocContext("x", monitor, isolate)
    one, two = ctx.Pipe()
    way = ctx.Queue()

    def work() -> None:
        with way.get()[0]["end"] as end:
            end.send("here")

    process = ctx.Process(target=work)
    way.put([{"end": two}])
    two.close()
    process.start()
    assert one.recv() == "here"
    with pytest.raises(EOFError):
        one.recv()
    process.join()


def test_an_end_in_a_dropped_queue_is_closed(ctx: InprocContext) -> None:
    """P8: what nobody can receive any more keeps nothing open."""
    one, two = ctx.Pipe()
    way = ctx.Queue()
    way.put(two)
    two.close()
    assert not one.poll()
    del way
    gc.collect()
    assert one.poll()


def test_a_task_may_be_a_place(ctx: InprocContext) -> None:
    """A pool can give each task its own idea of what is closed."""
    one, two = ctx.Pipe()
    place = Place("task 1")
    two.hold(place)  # type: ignore[attr-defined]
    two.close()
    with entered(place):
        two.send(1)
    assert one.recv() == 1
    with pytest.raises(EOFError):
        one.recv()


def test_selectors_can_wait(ctx: InprocContext) -> None:
    """multiprocessing.connection.wait works on ends and sentinels; no descriptor is left."""
    wait: Any = multiprocessing.connection.wait
    before = set(os.listdir("/proc/self/fd"))
    one, two = ctx.Pipe()
    assert wait([one], 0) == []
    process = ctx.Process(target=two.send, args=("x",))
    process.start()
    assert wait([one, process.sentinel], 5)
    process.join()
    assert set(wait([one, process.sentinel], 0)) == {one, process.sentinel}
    assert one.recv() == "x"
    assert wait([one], 0) == []
    two.close()
    assert wait([one], 0) == [one]
    process.close()
    del one, two, process
    gc.collect()
    assert set(os.listdir("/proc/self/fd")) == before


def test_isolated_send_raises_for_what_cannot_travel() -> None:
    """E5: and nothing was sent."""
    one, two = InprocContext("thread", ThreadMonitor, isolate=True).Pipe()
    with pytest.raises(SerializationError, match="message"):
        one.send(threading.Lock())
    assert not two.poll()
