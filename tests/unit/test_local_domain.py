"""The domain: who makes it, who removes it, and what is swept after a kill."""

from __future__ import annotations

import gc
import os
import pickle
import stat
from pathlib import Path

import pytest

from anypool._core import contexts
from anypool._sync.local import LocalContext, _domain, _names
from tests.unit.local_support import names_left, run, start


@pytest.fixture(autouse=True)
def no_other_context() -> None:
    """Close the program's default contexts: these tests are about the last one."""
    for context in contexts._contexts.values():
        context.close()
    contexts._contexts.clear()


def own_names() -> list[str]:
    """Give what is left in shared memory of this process's own domain."""
    return names_left(os.path.basename(_domain.current_path()))


def make_everything(ctx: LocalContext) -> list[object]:
    """Make one of each, and pickle all."""
    locks = [ctx.Lock(), ctx.RLock(), ctx.Semaphore(), ctx.BoundedSemaphore()]
    made: list[object] = [*locks, ctx.Event(), ctx.Queue(3), *ctx.Pipe()]
    pickle.dumps(made)
    return made


def test_close_leaves_nothing() -> None:
    """P8: after close nothing is left in shared memory, and no descriptor after the last reference."""
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    ctx = LocalContext("process")
    made = make_everything(ctx)
    assert own_names()
    path = _domain.current_path()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    ctx.close()
    ctx.close()
    assert own_names() == []
    del made
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(RuntimeError, match="closed"):
        ctx.Lock()


def test_comes_back_after_it_was_empty() -> None:
    """An empty domain is removed and made again under the same name, so its children still agree on it."""
    path = _domain.current_path()
    for _ in range(3):
        ctx = LocalContext("process")
        lock = ctx.Lock()
        assert os.path.isdir(path)
        ctx.close()
        assert not os.path.exists(path)
        with lock:
            pass
    assert _domain.current_path() == path


def test_collected_without_a_pickle() -> None:
    """P8: a primitive that was never pickled is removed with its last reference; a pickled one with its context."""
    ctx = LocalContext("process")
    keep = ctx.Lock()
    before = len(own_names()), len(os.listdir(_domain.current_path()))
    made: object
    for make in (ctx.Lock, ctx.Event, ctx.Queue, ctx.Pipe):
        made = make()
        del made
        gc.collect()
        assert (len(own_names()), len(os.listdir(_domain.current_path()))) == before
    for make in (ctx.Lock, ctx.Event, ctx.Queue):
        pickle.dumps(make())
    gc.collect()
    assert len(os.listdir(_domain.current_path())) > before[1]
    assert keep.acquire(False)
    ctx.close()
    assert own_names() == []


def test_pickled_names_outlive_their_context_object() -> None:
    """Only close() ends a family: a context that is merely forgotten takes nothing from those who use its things."""
    program = """
        import gc
        from anypool._sync.local import LocalContext
        data = pickle.dumps(LocalContext("process").Lock())
        gc.collect()
        LocalContext("process").close()
        print(pickle.loads(data).acquire(False))
    """
    assert run(program) == "True"


MAKE = """
    from anypool._sync.local import LocalContext, _domain, _names
    ctx = LocalContext("process")
    made = [ctx.Lock(), ctx.RLock(), ctx.Semaphore(), ctx.Event(), ctx.Queue(3), ctx.Pipe()]
    pickle.dumps(made)
    print(os.path.basename(_domain.current_path()), flush=True)
"""


def test_exit_leaves_nothing() -> None:
    """P8: a program that closed nothing leaves nothing when it ends."""
    assert names_left(run(MAKE)) == []


def test_fork_does_not_remove() -> None:
    """A forked child's ordinary exit leaves its parent's domain alone."""
    program = MAKE + "\n    if (pid := os.fork()) == 0: sys.exit()\n    os.waitpid(pid, 0)"
    program += "\n    print(os.path.isdir(_domain.current_path()))"
    token, exists = run(program).split()
    assert exists == "True"
    assert names_left(token) == []


def test_killed_creator_is_swept(tmp_path: Path) -> None:
    """P8: what a killed program left is removed when the next domain is made, not while a member of it lives."""
    # Elsewhere than usual: any other program of this machine that makes a domain right now would sweep, too.
    elsewhere = """
    from anypool._sync.local import _domain
    _domain._base = lambda: args[0]
    """
    with start(elsewhere + MAKE + "\n    os.kill(os.getpid(), signal.SIGKILL)", str(tmp_path)) as child:
        token = child.communicate(timeout=10)[0].strip()
    assert os.listdir(tmp_path) == [token]
    left = names_left(token)
    assert len(left) >= 5  # three locks, and what the queue has
    ctx = LocalContext("process")
    ready, gate = ctx.Semaphore(0), ctx.Semaphore(0)
    member = """
    _domain.adopt(f"{args[0]}/{args[1]}")
    args[2].release()
    args[3].acquire(timeout=20)
    """
    sweep = elsewhere + "\n    _domain.current_path()"
    with start(elsewhere + member, str(tmp_path), token, ready, gate) as child:
        assert ready.acquire(timeout=10)
        run(sweep, str(tmp_path))
        assert names_left(token) == left
        gate.release()
        assert child.wait(10) == 0
    run(sweep, str(tmp_path))
    assert names_left(token) == os.listdir(tmp_path) == []
    ctx.close()


def test_adopted_domain_outlives_the_worker() -> None:
    """P1: what a worker makes and returns lives on in its parent's domain after the worker has ended."""
    path = _domain.current_path()
    made = run(
        """
        from anypool._sync.local import LocalContext, _domain, _names
        _domain.adopt(args[0])
        ctx = LocalContext("process")
        channel = ctx.Queue()
        channel.put("from the worker")
        print(pickle.dumps(channel).hex())
        """,
        path,
    )
    channel = pickle.loads(bytes.fromhex(made))
    assert channel.get(timeout=1) == "from the worker"
    first, last = LocalContext("process"), LocalContext("process")
    first.close()
    assert own_names()
    last.close()  # the family's end: nobody can be waiting for what a worker made
    assert own_names() == []
    channel.put(1)
    assert channel.get() == 1


def test_no_resource_tracker() -> None:
    """Nothing of ours starts multiprocessing's resource tracker."""
    look = """
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    print(tracker is None or tracker._resource_tracker._fd is None)
    """
    assert run(MAKE + look).split()[1] == "True"


def test_taken_name_is_not_used() -> None:
    """A directory that others can write to, or a link, under our name is never used."""
    program = """
        from anypool._sync.local import LocalContext, _domain, _names
        first = _domain.current_path()
        os.mkdir(first)
        os.chmod(first, 0o777)
        lock = LocalContext("process").Lock()
        second = _domain.current_path()
        os.symlink("/tmp", second + "x")
        print(first != second, os.path.dirname(lock._path) == second)
        os.unlink(second + "x")
    """
    assert run(program) == "True True"


def test_another_user_reaches_nothing() -> None:
    """P8: of two users of one machine neither can attach to the other's primitives, whatever the pickle says."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    ctx = LocalContext("process")
    here, there = ctx.Pipe()
    made = [ctx.Lock(), ctx.RLock(), ctx.Semaphore(), ctx.Event(), ctx.Condition(), ctx.Barrier(1), ctx.Queue(), there]
    pickles = [pickle.dumps(one) for one in made]
    pid = os.fork()
    if pid == 0:
        refused = 0
        try:
            _names._attached.clear()  # the fork knows its parent's objects
            os.setgid(65534)
            os.setuid(65534)
            for data in pickles:
                try:
                    pickle.loads(data)
                except OSError:
                    refused += 1
        finally:
            os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == len(made)
    here.close()
    there.close()
    ctx.close()


def test_ten_thousand_leave_nothing() -> None:
    """P8: primitives that are dropped are gone at once, and the process's own books do not grow."""
    ctx = LocalContext("process")
    ctx.Lock()
    directory = _domain.current_path()
    gc.collect()
    descriptors = len(os.listdir("/proc/self/fd"))
    kinds = (ctx.Lock, ctx.RLock, ctx.Semaphore, ctx.Event, ctx.Condition, ctx.Queue)
    for number in range(10_000):
        kinds[number % len(kinds)]()
    gc.collect()
    assert [name for name in os.listdir(directory) if not name.endswith(".card")] == []
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not names_left(f"sem.{os.path.basename(directory)}")
    ctx.close()
