"""Large items through queues and pipes: values stay the same, private and writable; nothing is left behind."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from anypool._core import serialise
from anypool._sync.local import LocalContext, _queue
from anypool.errors import SerializationError
from tests.unit.local_support import run, start


@pytest.fixture
def ctx() -> Iterator[LocalContext]:
    """Give a context that is closed in the end."""
    context = LocalContext("process")
    yield context
    context.close()


def carry(ctx: LocalContext, by: str, item: object) -> Any:
    """Send an object through a queue or a pipe and give what arrives."""
    if by == "queue":
        channel = ctx.Queue()
        channel.put(item)
        return channel.get(timeout=5)
    reader, writer = ctx.Pipe(duplex=False)
    with reader, writer:
        thread = threading.Thread(target=writer.send, args=(item,))
        thread.start()
        received = reader.recv()
        thread.join()
    return received


both = pytest.mark.parametrize("by", ["queue", "pipe"])


@both
@pytest.mark.parametrize("size", [0, 1, 4095, 32_767, 32_768, 70_001, 3_000_001])
def test_bytes_keep_their_type(ctx: LocalContext, by: str, size: int) -> None:
    """Bytes and bytearrays of any size, and those inside of others."""
    content = os.urandom(size)
    for item in (content, bytearray(content), [content, bytearray(content)], {"key": content}):
        received = carry(ctx, by, item)
        assert type(received) is type(item)
        assert received == item


class Bytes(bytes):
    """Not bytes itself."""


@both
def test_a_subclass_stays_one(ctx: LocalContext, by: str) -> None:
    """Only bytes itself travels as bytes."""
    received = carry(ctx, by, Bytes(100_000))
    assert type(received).__name__ == "Bytes"
    assert received == bytes(100_000)


@both
def test_arrays_are_private_and_writable(ctx: LocalContext, by: str) -> None:
    """E4: an array arrives as one of the receiver's own."""
    array = np.arange(500_000)
    received = carry(ctx, by, {"first": array, "second": (array, array[::2], array.reshape(500, -1).T), "text": "x"})
    assert received["first"].flags.writeable
    received["first"][0] = 77
    assert array[0] == 0
    again = carry(ctx, by, array)
    again += 1
    assert (carry(ctx, by, array) == array).all()
    assert (received["second"][1] == array[::2]).all()
    assert (received["second"][2] == array.reshape(500, -1).T).all()
    assert received["first"] is received["second"][0], "what was shared in one item is shared where it arrives"


@both
def test_arrays_of_all_kinds(ctx: LocalContext, by: str) -> None:
    """Small ones, empty ones, read-only ones, of objects, of records, many at once, and beside a lambda."""
    readonly = np.arange(100_000)
    readonly.flags.writeable = False
    record = np.zeros(10_000, dtype=[("a", "i4"), ("b", "f8")])
    arrays = [np.arange(3), np.zeros((0, 5)), np.zeros(50_000), readonly, record, np.array([None, "x"], dtype=object)]
    received = carry(ctx, by, [*arrays, lambda: 5])
    assert received.pop()() == 5
    for array, other in zip(arrays, received, strict=True):
        assert (array == other).all()
        assert array.dtype == other.dtype
        assert array.flags.writeable == other.flags.writeable
    many = [np.full(8_192, number) for number in range(1_500)]
    assert all((array == other).all() for array, other in zip(many, carry(ctx, by, many), strict=True))


def test_an_unpicklable_part(ctx: LocalContext) -> None:
    """E5: the error is the same beside a large array, and nothing was sent."""
    channel = ctx.Queue()
    reader, writer = ctx.Pipe()
    for send in (channel.put, writer.send):
        with pytest.raises(SerializationError, match=r"\['bad'\]"):
            send({"array": np.zeros(100_000), "bad": threading.Lock()})
    assert channel.empty()
    assert not reader.poll()


def test_a_primitive_beside_an_array(ctx: LocalContext) -> None:
    """P1: pins are kept also for what travels in parts."""
    channel = ctx.Queue()
    inner = ctx.Queue()
    inner.put("deep")
    channel.put({"array": np.ones(100_000), "inner": inner})
    del inner
    assert run("item = args[0].get(); print(item['inner'].get(), int(item['array'].sum()))", channel) == "deep 100000"


def test_a_large_object_read_as_bytes(ctx: LocalContext) -> None:
    """A message that came in parts is for recv_bytes what it would have been in one piece: a pickle."""
    reader, writer = ctx.Pipe(duplex=False)
    with start("args[0].send(args[1]); args[0].send(args[1])", writer, np.arange(100_000)) as child:
        assert (pickle.loads(reader.recv_bytes()) == np.arange(100_000)).all()
        buffer = bytearray(1_000_000)
        size = reader.recv_bytes_into(buffer)
        assert (pickle.loads(buffer[:size]) == np.arange(100_000)).all()
        assert child.wait(5) == 0


def test_a_sender_that_dies_in_the_middle(ctx: LocalContext) -> None:
    """P2: half a message is an error, as in multiprocessing, whatever it carries."""
    program = """
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGKILL)).start()
        args[0].send({item})
    """
    for item in (
        "bytes(3_000_000)",
        "bytearray(3_000_000)",
        "[bytes(3_000_000)]",
        "pickle.PickleBuffer(bytes(3_000_000))",
    ):
        reader, writer = ctx.Pipe(duplex=False)
        with start(program.format(item=item), writer) as child:
            writer.close()
            assert child.wait(5) == -9
            with pytest.raises(OSError, match="got end of file during message"):
                reader.recv()
        reader.close()


def test_nothing_is_left_of_items_nobody_took(ctx: LocalContext) -> None:
    """P8: large items have no files of their own; they go with their queue."""
    channel = ctx.Queue()
    assert isinstance(channel, _queue.Queue)
    directory = os.path.dirname(channel._carrier.log.path)
    before = sorted(os.listdir(directory))
    for _ in range(3):
        channel.put(np.zeros(1_000_000))
    assert sorted(os.listdir(directory)) == before
    del channel
    assert not [name for name in os.listdir(directory) if name.endswith(".queue")]


def test_policy_is_that_of_dumps() -> None:
    """The stream with buffers beside it is made as dumps makes it: plain pickle, or by value."""
    array = np.arange(10_000)
    for obj in (1, [array], lambda: 3):
        data, buffers, pinned = serialise.dumps_with_buffers(obj, "it", 1 << 30)
        assert (buffers, pinned) == ([], [])
        assert data == serialise.dumps(obj)
    data, buffers, _ = serialise.dumps_with_buffers([array, lambda: 3, np.arange(5)], "it", 1000)
    assert [len(buffer) for buffer in buffers] == [array.nbytes]
    received = pickle.loads(data, buffers=[bytearray(buffers[0])])
    assert (received[0] == array).all()
    assert received[1]() == 3
