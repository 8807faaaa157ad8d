"""Local queues: P3 above all, under kill -9 at any point."""

from __future__ import annotations

import gc
import os
import pickle
import queue
import threading
import time
from collections.abc import Iterator

import pytest

from anypool._sync.local import LocalContext, _items, _log, _queue
from anypool.errors import SerializationError
from tests.unit.local_support import run, start


@pytest.fixture
def ctx() -> Iterator[LocalContext]:
    """Give a context that is closed in the end."""
    context = LocalContext("process")
    yield context
    context.close()


def test_first_in_first_out(ctx: LocalContext) -> None:
    """P2: order, sizes and the errors of the standard library."""
    channel = ctx.Queue(2)
    assert channel.empty()
    channel.put("a")
    channel.put_nowait({"b": [lambda: 3]})
    assert channel.full()
    assert channel.qsize() == 2
    for kwargs in ({"block": False}, {"timeout": 0.01}, {"timeout": -1}):
        with pytest.raises(queue.Full):
            channel.put(1, **kwargs)
    assert channel.get() == "a"
    assert channel.get_nowait()["b"][0]() == 3
    for kwargs in ({"block": False}, {"timeout": 0.01}, {"timeout": -1}):
        with pytest.raises(queue.Empty):
            channel.get(**kwargs)
    with pytest.raises(ValueError, match="maxsize must not be negative, got -1"):
        ctx.Queue(-1)
    for wrong in ("2", 2.0, None):
        with pytest.raises(TypeError, match="maxsize must be a whole number"):
            ctx.Queue(wrong)  # type: ignore[arg-type]  # that is the point


def test_timeouts_that_are_over_still_take_what_is_there(ctx: LocalContext) -> None:
    """P2: a negative timeout is none at all, as in multiprocessing; it is no reason to leave an item."""
    channel = ctx.Queue(1)
    channel.put(1, timeout=-1)
    assert channel.get(timeout=-1) == 1
    channel.put(2, timeout=0)
    assert channel.get(timeout=0) == 2


def test_closed(ctx: LocalContext) -> None:
    """P2: a closed queue refuses, here alone; the items stay."""
    channel = ctx.Queue()
    other = pickle.loads(pickle.dumps(channel))
    channel.put(1)
    for kind in (ValueError, AssertionError):
        with pytest.raises(kind, match="not closed"):
            channel.join_thread()
    channel.close()
    channel.close()
    channel.join_thread()
    channel.cancel_join_thread()
    for call in (lambda: channel.put(1), channel.get, channel.get_nowait, lambda: pickle.dumps(channel)):
        with pytest.raises(ValueError, match=r"^Queue <.*> is closed$"):
            call()
    assert (channel.qsize(), channel.empty(), channel.full()) == (1, False, False)
    assert other.get() == 1


def test_goes_on_after_its_context(ctx: LocalContext) -> None:
    """P8: whoever has the queue when its names go reads on, large items and those in new pages too."""
    with_names = ctx.Queue()
    items = [bytes([number]) * 100_000 for number in range(3)]
    for item in items:
        with_names.put(item)
    ctx.close()
    for number in range(5_000):
        with_names.put((number, "x" * 40))
    assert [with_names.get() for _ in range(3)] == items
    assert [with_names.get()[0] for _ in range(5_000)] == list(range(5_000))


def test_unpicklable_item(ctx: LocalContext) -> None:
    """E5: what cannot be pickled raises in put and leaves the queue usable."""
    channel = ctx.Queue(1)
    with pytest.raises(SerializationError) as caught:
        channel.put({"key": [threading.Lock()]})
    assert caught.value.path == "item['key'][0]"
    channel.put(1, timeout=1)
    assert channel.get(timeout=1) == 1


def test_between_strangers(ctx: LocalContext) -> None:
    """P1: putters and getters that know nothing but a pickle; every item arrives once, each putter's in order."""
    requests, answers = ctx.Queue(5), ctx.Queue()
    worker = """
        while (item := args[0].get(timeout=10)) is not None:
            args[1].put((os.getpid(), item))
    """
    children = [start(worker, requests, answers) for _ in range(3)]
    for number in range(500):
        requests.put(number)
    for _ in children:
        requests.put(None)
    for child in children:
        child.communicate(timeout=20)
        assert child.returncode == 0
    assert answers.qsize() == 500
    found = [answers.get(timeout=1) for _ in range(500)]
    assert sorted(item for _, item in found) == list(range(500))
    for child in children:
        own = [item for pid, item in found if pid == child.pid]
        assert own == sorted(own)


def test_queue_in_a_queue(ctx: LocalContext) -> None:
    """P1: primitives are sent through a queue; what was sent outlives its sender's references."""
    outer = ctx.Queue()
    inner = ctx.Queue()
    inner.put("deep")
    outer.put({"inner": inner, "lock": ctx.Lock()})
    del inner
    gc.collect()
    assert run("item = args[0].get(); print(item['inner'].get(), item['lock'])", outer) == "deep <Lock(owner=None)>"


def test_putter_exits_without_a_reader(ctx: LocalContext) -> None:
    """P3: 100 MB and an exit at once; nobody waits, nothing is lost."""
    channel = ctx.Queue()
    before = time.monotonic()
    run("args[0].put([bytes(100_000_000)]); args[0].put('end')", channel)
    assert time.monotonic() - before < 8
    assert channel.qsize() == 2
    assert len(channel.get(timeout=5)[0]) == 100_000_000
    assert channel.get(timeout=5) == "end"
    assert isinstance(channel, _queue.Queue)
    log = channel._carrier.log
    assert os.fstat(log.fd).st_blocks * 512 < 200_000, "consumed memory was not given back"


def test_strict_maxsize_with_many_putters(ctx: LocalContext) -> None:
    """P2: never more items than there is room for, whoever puts."""
    channel = ctx.Queue(3)
    program = "for number in range(200): args[0].put(number)"
    children = [start(program, channel) for _ in range(3)]
    seen = []
    for _ in range(600):
        seen.append(channel.qsize())
        channel.get(timeout=10)
    assert max(seen) <= 3
    for child in children:
        child.communicate(timeout=10)
        assert child.returncode == 0


PUTTERS = """
    import random, select
    channel, putters, seed = args
    rng = random.Random(seed)
    for putter in range(putters):
        pid = os.fork()
        if pid == 0:
            size = rng.choice([1, 100, 5_000, 200_000])
            for number in range(1_000_000):
                channel.put((putter, number, os.urandom(1)[0:1] * size))
            os._exit(0)
        select.select([], [], [], rng.uniform(0, 0.004))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    channel.put(None)
"""


def check_items(items: list[tuple[int, int, bytes]]) -> None:
    """Assert that items are whole, and each putter's without gap or double."""
    following: dict[int, int] = {}
    for putter, number, payload in items:
        assert number == following.get(putter, 0), f"putter {putter}"
        following[putter] = number + 1
        assert payload in (payload[:1], payload[:1] * 100, payload[:1] * 5_000, payload[:1] * 200_000)


def test_putters_killed_anywhere(ctx: LocalContext) -> None:
    """P3: 250 putters die by kill -9 at random points: items are whole or absent, and the queue goes on."""
    channel = ctx.Queue()
    with start(PUTTERS, channel, 250, 1) as child:
        items = list(iter(lambda: channel.get(timeout=10), None))
        assert child.wait(10) == 0
    check_items(items)
    assert channel.empty()
    with pytest.raises(queue.Empty):
        channel.get(timeout=0.01)


def test_putters_killed_at_a_full_queue(ctx: LocalContext) -> None:
    """P3: the free places that dead putters were about to take are not lost."""
    channel = ctx.Queue(3)
    with start(PUTTERS, channel, 150, 2) as child:
        items = list(iter(lambda: channel.get(timeout=10), None))
        assert child.wait(10) == 0
    check_items(items)
    for number in range(3):
        channel.put(number, timeout=3)
    assert channel.full()


GETTERS = """
    import random, select
    channel, answers, getters = args
    rng = random.Random(3)
    for getter in range(getters):
        pid = os.fork()
        if pid == 0:
            while True:
                answers.put(channel.get())
        select.select([], [], [], rng.uniform(0, 0.004))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
"""


def test_getters_killed_anywhere(ctx: LocalContext) -> None:
    """P3: an item dies at most with the getter that took it; none comes twice, and the rest is there."""
    channel, answers = ctx.Queue(), ctx.Queue()
    with start(GETTERS, channel, answers, 200) as child:
        put = 0
        while child.poll() is None:
            for _ in range(50):
                channel.put(put)
                put += 1
    found = []
    for source in (answers, channel):
        while True:
            try:
                found.append(source.get(timeout=0.01))
            except queue.Empty:
                break
    assert len(set(found)) == len(found)
    assert put - 200 <= len(found) <= put


def test_blocked_getter_sees_an_unannounced_item(ctx: LocalContext) -> None:
    """A putter killed between its item and the wake-up costs a getter a second, not for ever."""
    channel = ctx.Queue()
    assert isinstance(channel, _queue.Queue)
    carrier = channel._carrier

    def put_and_die() -> None:
        with carrier.putters:
            carrier.log.append(_items.PICKLE, pickle.dumps("silent"))

    threading.Timer(0.1, put_and_die).start()
    before = time.monotonic()
    assert channel.get(timeout=5) == "silent"
    assert time.monotonic() - before < 2


def test_dead_waiters_cost_little(ctx: LocalContext) -> None:
    """Getters that were killed in their sleep are counted for ever; that wakes nobody else wrongly for ever."""
    channel = ctx.Queue()
    children = [start("print(1, flush=True); args[0].get()", channel) for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    assert isinstance(channel, _queue.Queue)
    words = channel._carrier.words
    deadline = time.monotonic() + 5
    while words[_log.WAITING_GETTERS] < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    for child in children:
        child.kill()
        child.communicate()
    for number in range(1000):
        channel.put(number)
    assert channel._carrier._bells[0].get_value() <= 3
    assert [channel.get(timeout=1) for _ in range(1000)] == list(range(1000))
    with pytest.raises(queue.Empty):
        channel.get(timeout=0.01)


def test_fork_in_the_middle_of_a_put(ctx: LocalContext) -> None:
    """A forked child is another process: the mutex excludes the two, and both go on afterwards."""
    channel = ctx.Queue()
    channel.put("before")
    assert isinstance(channel, _queue.Queue)
    carrier = channel._carrier
    with carrier.putters:
        pid = os.fork()
        if pid == 0:
            channel.put("child")
            os._exit(0)
        time.sleep(0.1)  # time to go wrong
        assert carrier.log.count == 1
    assert [channel.get(timeout=5), channel.get(timeout=5)] == ["before", "child"]
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_blocked_threads(ctx: LocalContext) -> None:
    """Blocked putters and getters of one process and another wake one another."""
    channel = ctx.Queue(1)
    program = """
        threads = [threading.Thread(target=lambda: [args[0].put(i) for i in range(100)]) for _ in range(3)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """
    with start(program, channel) as child:
        found = [channel.get(timeout=5) for _ in range(300)]
        assert child.wait(5) == 0
    assert sorted(found) == sorted(list(range(100)) * 3)
    assert channel.empty()
