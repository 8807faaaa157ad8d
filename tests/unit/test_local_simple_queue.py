"""SimpleQueue: put, get, empty, close."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator

import pytest

from anypool._sync.local import LocalContext
from anypool.errors import SerializationError
from tests.unit.local_support import start


@pytest.fixture
def ctx() -> Iterator[LocalContext]:
    """Give a context that is closed in the end."""
    context = LocalContext("process")
    yield context
    context.close()


def test_alone(ctx: LocalContext) -> None:
    """P2: order, and what cannot be pickled."""
    channel = ctx.SimpleQueue()
    assert channel.empty()
    channel.put("a")
    with pytest.raises(SerializationError, match="item"):
        channel.put(threading.Lock())
    channel.put({"b": bytes(100_000)})
    assert not channel.empty()
    assert channel.get() == "a"
    assert channel.get() == {"b": bytes(100_000)}
    assert channel.empty()


def test_with_a_stranger(ctx: LocalContext) -> None:
    """P1: both sides wait for each other."""
    requests, answers = ctx.SimpleQueue(), ctx.SimpleQueue()
    with start("while (item := args[0].get()): args[1].put(item + 1)", requests, answers) as child:
        for number in range(1, 100):
            requests.put(number)
            assert answers.get() == number + 1
        requests.put(0)
        assert child.wait(10) == 0


def test_closed(ctx: LocalContext) -> None:
    """P2: OSError here, as of multiprocessing's pipe; others go on."""
    channel = ctx.SimpleQueue()
    other = pickle.loads(pickle.dumps(channel))
    channel.put(1)
    channel.close()
    channel.close()
    for call in (lambda: channel.put(1), channel.get, channel.empty, lambda: pickle.dumps(channel)):
        with pytest.raises(OSError, match="handle is closed"):
            call()
    assert other.get() == 1
