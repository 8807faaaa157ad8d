"""JoinableQueue: what is unfinished is counted strictly, whoever dies."""

from __future__ import annotations

import pickle
import queue
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from anypool._sync.local import LocalContext
from tests.unit.local_support import run, start


@pytest.fixture
def ctx() -> Iterator[LocalContext]:
    """Give a context that is closed in the end."""
    context = LocalContext("process")
    yield context
    context.close()


def test_counts(ctx: LocalContext) -> None:
    """P2: an item is unfinished from its put on until somebody says that it is done."""
    channel = ctx.JoinableQueue(2)
    assert channel.join()
    with pytest.raises(ValueError, match=r"^task_done\(\) called too many times$"):
        channel.task_done()
    channel.put(1)
    channel.put(2)
    with pytest.raises(queue.Full):
        channel.put(3, timeout=0.01)
    assert not channel.join(0.01)
    assert not channel.join(-1)
    assert [channel.get(), channel.get()] == [1, 2]
    channel.task_done()
    assert not channel.join(timeout=0)
    channel.task_done()
    assert channel.join(0)
    with pytest.raises(ValueError, match="too many times"):
        channel.task_done()
    assert channel.join()


def test_with_strangers(ctx: LocalContext) -> None:
    """P1: workers that got a pickle do the items; join returns when the last is done."""
    channel, results = ctx.JoinableQueue(), ctx.Queue()
    program = """
        while (item := args[0].get()) is not None:
            args[1].put(item * item)
            args[0].task_done()
        args[0].task_done()
    """
    children = [start(program, channel, results) for _ in range(2)]
    for number in range(100):
        channel.put(number)
    assert channel.join(20)
    assert results.qsize() == 100
    for _ in children:
        channel.put(None)
    assert channel.join(20)
    for child in children:
        child.communicate(timeout=10)
        assert child.returncode == 0


def test_all_joiners_wake(ctx: LocalContext) -> None:
    """Several wait, here and in another process; all return, although more is put at once."""
    channel = ctx.JoinableQueue()
    again = pickle.loads(pickle.dumps(channel))
    channel.put(1)
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(again.join(10))) for _ in range(3)]
    for thread in threads:
        thread.start()
    with start("print(1, flush=True); print(args[0].join(10))", channel) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.05)
        channel.get()
        channel.task_done()
        channel.put(2)
        for thread in threads:
            thread.join(5)
        assert child.communicate(timeout=10)[0].strip() == "True"
    assert found == [True, True, True]
    assert not channel.join(0)


def test_killed_putters_count_what_they_put(ctx: LocalContext) -> None:
    """P3: after putters were killed at random points as many are unfinished as there are items."""
    channel = ctx.JoinableQueue()
    program = """
        import random, select
        for putter in range(40):
            pid = os.fork()
            if pid == 0:
                for number in range(1_000_000):
                    args[0].put(number)
                os._exit(0)
            select.select([], [], [], random.uniform(0, 0.003))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    """
    run(program, channel)
    for _ in range(channel.qsize()):
        assert not channel.join(0)
        channel.get(timeout=1)
        channel.task_done()
    assert channel.join(0)
    with pytest.raises(ValueError, match="too many times"):
        channel.task_done()


def test_a_dead_worker_has_not_done_its_item(ctx: LocalContext) -> None:
    """Its item stays unfinished until somebody else says that it is done with."""
    channel = ctx.JoinableQueue()
    channel.put("item")
    with start("args[0].get(); os.kill(os.getpid(), signal.SIGKILL)", channel) as child:
        assert child.wait(10) == -signal.SIGKILL
    assert not channel.join(0.01)
    channel.task_done()
    assert channel.join(0)


def test_closed(ctx: LocalContext) -> None:
    """P2: what was got before the close can still be said to be done."""
    channel = ctx.JoinableQueue()
    channel.put(1)
    channel.get()
    channel.close()
    with pytest.raises(ValueError, match="is closed"):
        channel.put(1)
    channel.task_done()
    assert channel.join(0)
