"""Local pipes: what the kernel says at their ends, and ends that travel."""

from __future__ import annotations

import array
import gc
import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection
from typing import Any

import pytest

from anypool._core import pins, serialise
from anypool._sync.local import LocalContext, _transit
from anypool.errors import SerializationError
from tests.unit.local_support import run, start


@pytest.fixture
def ctx() -> Iterator[LocalContext]:
    """Give a context that is closed in the end."""
    context = LocalContext("process")
    yield context
    context.close()


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Tell whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def test_duplex(ctx: LocalContext) -> None:
    """P2: both ways, in order; then the end."""
    first, second = ctx.Pipe()
    first.send({"a": [1]})
    first.send(lambda: 5)
    second.send("back")
    assert first.recv() == "back"
    assert second.recv() == {"a": [1]}
    assert second.poll()
    assert second.recv()() == 5
    assert not second.poll()
    assert not second.poll(0.01)
    first.close()
    assert first.closed
    assert second.poll(1)
    with pytest.raises(EOFError):
        second.recv()
    with pytest.raises(BrokenPipeError):
        second.send(1)
    for call in (lambda: first.send(1), first.recv, first.poll, first.fileno, lambda: pickle.dumps(first)):
        with pytest.raises(OSError, match="handle is closed"):
            call()


def test_one_way(ctx: LocalContext) -> None:
    """P2: the first end only receives, the second only sends, in multiprocessing's words."""
    reader, writer = ctx.Pipe(duplex=False)
    assert (reader.readable, reader.writable) == (True, False)
    assert (writer.readable, writer.writable) == (False, True)
    with pytest.raises(OSError, match="connection is read-only"):
        reader.send(1)
    for call in (writer.recv, writer.poll, writer.recv_bytes):
        with pytest.raises(OSError, match="connection is write-only"):
            call()
    with writer:
        writer.send(1)
    assert reader.recv() == 1


def test_bytes(ctx: LocalContext) -> None:
    """P2: messages of bytes, their limits and their errors."""
    first, second = ctx.Pipe()
    first.send_bytes(b"0123456789", 2, 5)
    assert second.recv_bytes() == b"23456"
    for bad in ((b"ab", 3), (b"ab", -1), (b"ab", 1, 2)):
        with pytest.raises(ValueError, match=r"offset|size"):
            first.send_bytes(*bad)
    first.send_bytes(b"abc")
    buffer = bytearray(5)
    assert second.recv_bytes_into(buffer, 1) == 3
    assert buffer == b"\0abc\0"
    first.send_bytes(b"abcdef")
    with pytest.raises(multiprocessing.BufferTooShort):
        second.recv_bytes_into(buffer)
    first.send_bytes(b"abcdef")
    with pytest.raises(OSError, match="bad message length"):
        second.recv_bytes(3)
    assert not second.readable
    assert second.writable
    second.send("still")
    assert first.recv() == "still"


def test_bytes_of_larger_items(ctx: LocalContext) -> None:
    """P2: buffers whose items are longer than a byte; offsets and sizes count bytes. Empty and huge messages."""
    first, second = ctx.Pipe()
    numbers = array.array("i", range(4))
    first.send_bytes(numbers, 4, 8)
    received = array.array("i", [9] * 4)
    assert second.recv_bytes_into(received, 8) == 8
    assert list(received) == [9, 9, 1, 2]
    first.send_bytes(b"")
    assert second.recv_bytes() == b""
    thread = threading.Thread(target=first.send_bytes, args=(numbers * 200_000,))
    thread.start()
    assert second.recv_bytes() == (numbers * 200_000).tobytes()
    thread.join()
    assert not second.poll(-1)
    for bad in (-1, 17):
        with pytest.raises(ValueError, match="offset"):
            second.recv_bytes_into(received, bad)
    with pytest.raises(ValueError, match="negative maxlength"):
        second.recv_bytes(-1)


def test_is_multiprocessings_own_format(ctx: LocalContext) -> None:
    """An object that was sent can be read as bytes and unpickled, and the other way round."""
    first, second = ctx.Pipe()
    first.send({"a": 1})
    assert pickle.loads(second.recv_bytes()) == {"a": 1}
    first.send_bytes(pickle.dumps({"b": 2}))
    assert second.recv() == {"b": 2}


def test_unpicklable_message(ctx: LocalContext) -> None:
    """E5: nothing was sent, and the pipe is usable."""
    first, second = ctx.Pipe()
    with pytest.raises(SerializationError, match="message"):
        first.send(threading.Lock())
    first.send(1)
    assert second.recv() == 1


def test_with_a_stranger(ctx: LocalContext) -> None:
    """P1: a round trip of large and small messages with a process that got a pickle, and both kinds of end."""
    here, there = ctx.Pipe()
    program = """
        end, = args
        while True:
            try:
                end.send(end.recv())
            except EOFError:
                print("end")
                break
    """
    with start(program, there) as child:
        there.close()
        for message in ("x", bytes(3_000_000), [1, 2]):
            here.send(message)
            assert here.recv() == message
        here.close()
        assert child.communicate(timeout=10)[0].strip() == "end"


def test_stranger_is_killed(ctx: LocalContext) -> None:
    """P2: the kernel tells the other side, whatever the end died of."""
    here, there = ctx.Pipe()
    with start("args[0].send(1); args[0].recv()", there) as child:
        there.close()
        assert here.recv() == 1
        child.kill()
        assert here.poll(5)
        with pytest.raises(EOFError):
            here.recv()
        with pytest.raises(BrokenPipeError):
            here.send(1)
        assert child.wait(5) == -9
        with pytest.raises(BrokenPipeError):
            os.write(here._writer.fd, b"1")  # type: ignore[attr-defined]  # the kernel's own word


def test_end_closed_while_it_travels(ctx: LocalContext) -> None:
    """P1: what was sent before the end was unpickled is there, and the end is seen when the receiver is gone."""
    reader, writer = ctx.Pipe(duplex=False)
    data = pickle.dumps(writer)
    writer.send("early")
    writer.close()
    del writer
    gc.collect()
    assert reader.recv() == "early"
    assert not reader.poll(0.05), "the end is on its way, so this is not the end"
    assert run("import pickle; pickle.loads(args[0]).send('late')", data) == ""
    assert reader.recv() == "late"
    assert reader.poll(5)
    with pytest.raises(EOFError):
        reader.recv()
    assert until(lambda: "anypool-transit" not in [thread.name for thread in threading.enumerate()])


def test_collector_keeps_the_end(ctx: LocalContext) -> None:
    """A carrier that collects decides itself how long the end lives; no thread is needed."""
    reader, writer = ctx.Pipe(duplex=False)
    with pins.collect() as pinned:
        data = pickle.dumps(writer)
    writer.close()
    assert threading.active_count() == 1
    for _ in range(2):  # the same bytes can be read by several
        with pickle.loads(data) as again:
            again.send("again")
        assert reader.recv() == "again"
    assert not reader.poll(0.01)
    pinned.clear()
    assert reader.poll(1)
    with pytest.raises(EOFError):
        reader.recv()


@pytest.mark.parametrize("carrier", ["queue", "pipe"])
def test_end_through_a_carrier(ctx: LocalContext, carrier: str) -> None:
    """P1: ends are sent through a queue and through a pipe, with a lambda beside them, and closed at once."""
    reader, writer = ctx.Pipe(duplex=False)
    channel, (near, far) = ctx.Queue(), ctx.Pipe()
    item = {"end": writer, "function": lambda: 7}
    if carrier == "queue":
        channel.put(item)
        program = "item = args[0].get()"
    else:
        near.send(item)
        program = "item = args[1].recv()"
    writer.close()
    del item, writer
    assert run(program + "; item['end'].send(item['function']())", channel, far) == ""
    assert reader.recv() == 7
    assert reader.poll(5)
    with pytest.raises(EOFError):
        reader.recv()


def test_pickled_in_vain(ctx: LocalContext) -> None:
    """The lambda makes plain pickle fail after the end was pickled; only the pickle that travels keeps the end open."""
    reader, writer = ctx.Pipe(duplex=False)
    data = serialise.dumps([writer, lambda: 1])
    writer.close()
    serialise.loads(data)[0].close()
    assert reader.poll(1)
    with pytest.raises(EOFError):
        reader.recv()


def test_failed_put_lets_the_end_go(ctx: LocalContext) -> None:
    """An item that found no place keeps no descriptors."""
    import queue

    reader, writer = ctx.Pipe(duplex=False)
    channel = ctx.Queue(1)
    channel.put(1)
    with pytest.raises(queue.Full):
        channel.put(writer, block=False)
    writer.close()
    assert reader.poll(1)
    with pytest.raises(EOFError):
        reader.recv()


def test_late_attach_to_a_gone_peer(ctx: LocalContext) -> None:
    """Both kinds of end can be attached after the other side has gone for good, without blocking, and learn it."""
    reader, writer = ctx.Pipe(duplex=False)
    with pins.collect() as pinned:
        data = pickle.dumps(writer)
    reader.close()
    writer.close()
    late = pickle.loads(data)
    with pytest.raises(BrokenPipeError):
        late.send(1)
    late.close()
    pinned.clear()
    reader, writer = ctx.Pipe(duplex=False)
    with pins.collect() as pinned:
        data = pickle.dumps(reader)
    reader.close()
    writer.send("last")
    writer.close()
    with pickle.loads(data) as late:
        assert late.recv() == "last"
        assert late.poll(0)
        with pytest.raises(EOFError):
            late.recv()
    pinned.clear()
    with pickle.loads(data) as late:
        assert late.poll(1), "poll must see an end that came before the attach"
        with pytest.raises(EOFError):
            late.recv()


def test_two_holders(ctx: LocalContext) -> None:
    """P2: the other side sees the end when everybody who holds this end has closed it."""
    first, second = ctx.Pipe()
    copy = pickle.loads(pickle.dumps(second))
    second.close()
    first.send(1)
    assert copy.recv() == 1
    copy.close()
    assert first.poll(5)
    with pytest.raises(EOFError):
        first.recv()


def test_standard_wait(ctx: LocalContext) -> None:
    """P2: multiprocessing.connection.wait takes our ends."""
    ends = [ctx.Pipe(duplex=False) for _ in range(3)]
    ends[1][1].send(1)
    readers: list[Any] = [reader for reader, _ in ends]
    assert connection.wait(readers, 1) == [readers[1]]


def test_forked_child_keeps_no_pins(ctx: LocalContext) -> None:
    """What the parent holds for travelling bytes is not kept open by a fork."""
    reader, writer = ctx.Pipe(duplex=False)
    with pins.collect() as pinned:
        pickle.dumps(writer)
    release_read, release_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        writer.close()
        os.close(release_write)
        os.read(release_read, 1)
        os._exit(0)
    writer.close()
    pinned.clear()
    assert reader.poll(5)
    with pytest.raises(EOFError):
        reader.recv()
    os.close(release_write)
    os.close(release_read)
    os.waitpid(pid, 0)


def test_transit_ends_with_the_names(ctx: LocalContext) -> None:
    """P8: bytes that nobody ever read keep neither a thread nor a descriptor after the context was closed."""
    before = len(os.listdir("/proc/self/fd"))
    reader, writer = ctx.Pipe()
    pickle.dumps(writer)
    assert threading.active_count() == 2
    reader.close()
    writer.close()
    ctx.close()
    assert threading.active_count() == 1
    assert len(os.listdir("/proc/self/fd")) == before
    assert not _transit._office._pins
