"""State machines of the primitives against plain models, with several processes acting; for any backend's context.

::

    hypothesis --> Machine --> Stage.do(actor, subject, method, ...) --> the actor's queue --> Process: calls it
                      │ model predicts   <------------------------------ reply: value or error

One command at a time, so the model knows the answer; blocking calls (``wait`` of Condition and Barrier) are answered
later. A test runs one with ``check(context, machine)``.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable
from threading import BrokenBarrierError
from types import TracebackType
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from anypool import abc
from anypool.errors import HolderDied

__all__ = ["MACHINES", "Machine", "Stage", "check"]

#: Seconds in which an answer has to come.
PATIENCE = 20.0
#: How many act.
ACTORS = 3

actors = st.integers(0, ACTORS - 1)


def act(commands: Any, replies: Any) -> None:
    """Be an actor: do what is asked for until ``None`` comes."""
    subject: Any = None
    while (command := commands.get()) is not None:
        new, method, args, kwargs = command
        if new is not None:  # one object for all that it does: what it closes is closed to it
            (subject,) = new
        try:
            if method == "wait_and_release":  # of a Condition: nobody else has its lock while it answers
                value = subject.wait(*args, **kwargs)
                subject.release()
            else:
                value = getattr(subject, method)(*args, **kwargs)
            replies.put((True, value))
        except Exception as error:
            replies.put((False, (type(error).__name__, str(error))))


class Actor:
    """A process that acts, and its two queues."""

    def __init__(self, context: abc.Context, number: int) -> None:
        self.commands, self.replies = context.Queue(), context.Queue()
        self.busy = False
        self.subject: Any = None
        self.process = context.Process(target=act, args=(self.commands, self.replies), name=f"actor-{number}")
        self.process.daemon = True
        self.process.start()

    def send(self, subject: Any, method: str, *args: Any, **kwargs: Any) -> None:
        """Have something done."""
        assert not self.busy, "it waits"
        self.busy = True
        self.commands.put((None if subject is self.subject else (subject,), method, args, kwargs))
        self.subject = subject

    def answer(self) -> tuple[bool, Any]:
        """Give what came of it."""
        reply: tuple[bool, Any] = self.replies.get(timeout=PATIENCE)
        self.busy = False
        return reply


class Stage:
    """Where the actors are, for all examples of a test: to start processes for each would take too long."""

    def __init__(self, context: abc.Context) -> None:
        self.context = context
        self.actors = [Actor(context, number) for number in range(ACTORS)]

    def kill(self, number: int) -> None:
        """Kill an actor, and put a new one in its place."""
        process = self.actors[number].process
        process.kill()
        process.join(PATIENCE)
        assert not process.is_alive()
        self.actors[number] = Actor(self.context, number)

    def clear(self) -> None:
        """Get rid of actors that a failed example has left waiting."""
        for number, actor in enumerate(self.actors):
            if actor.busy:
                self.kill(number)

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.clear()
        for actor in self.actors:
            actor.commands.put(None)
        for actor in self.actors:
            actor.process.join(PATIENCE)


class Machine(RuleBasedStateMachine):
    """What all machines share; ``subject`` is the primitive."""

    subject: Any

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        stage.clear()
        self.stage = stage
        self.context = stage.context

    def do(self, actor: int, method: str, *args: Any, **kwargs: Any) -> Any:
        """Have an actor do something, and give what it got or the name of the error."""
        self.stage.actors[actor].send(self.subject, method, *args, **kwargs)
        good, value = self.stage.actors[actor].answer()
        return value if good else value[0]


class LockMachine(Machine):
    """Lock: who has it, who may release it, and what a death leaves."""

    kind = "Lock"

    @initialize()
    def make(self) -> None:
        """Begin with a free one."""
        self.subject = getattr(self.context, self.kind)()
        self.owner: int | None = None
        self.depth = 0
        self.dead = False
        #: Somebody else than the taker has released it. Processes of this machine put only some such releases on
        #: record (see ``anypool._sync.local._locks.Lock``), so nobody may die with it any more.
        self.foreign = False

    @rule(actor=actors, how=st.sampled_from([(False,), (True, 0), (True, -1.5), ()]))
    def acquire(self, actor: int, how: tuple[Any, ...]) -> None:
        """It is taken if it is free; without a timeout only then."""
        if self.dead:
            outcome = self.do(actor, "acquire", *how)
            deadline = time.monotonic() + PATIENCE
            while outcome is False and how and time.monotonic() < deadline:
                outcome = self.do(actor, "acquire", *how)  # somebody who does not wait is told at one of its tries
            assert outcome == HolderDied.__name__
            self.dead = False
            return
        again = self.kind == "RLock" and self.owner == actor
        if how == () and self.owner is not None and not again:
            how = (True, 0.001)
        free = self.owner is None or again
        assert self.do(actor, "acquire", *how) is free
        if free:
            self.owner, self.depth = actor, self.depth + 1

    @rule(actor=actors)
    def release(self, actor: int) -> None:
        """Anybody may release a Lock that is taken, only its owner an RLock."""
        outcome = self.do(actor, "release")
        if self.kind == "RLock":
            if self.owner != actor:
                assert outcome == "AssertionError"
                return
        elif self.owner is None and not self.dead:
            assert outcome == "ValueError"
            return
        assert outcome is None
        self.foreign = self.foreign or self.owner != actor
        self.dead = False
        self.depth -= 1
        if self.kind == "Lock" or not self.depth:
            self.owner, self.depth = None, 0

    @precondition(lambda self: self.owner is not None)
    @rule(how=st.sampled_from([(False,), ()]))
    def acquire_again(self, how: tuple[Any, ...]) -> None:
        """What the owner is told depends on the kind."""
        assert self.owner is not None
        self.acquire(self.owner, how)

    @precondition(lambda self: self.owner is not None)
    @rule()
    def release_own(self) -> None:
        """Its owner always may."""
        assert self.owner is not None
        self.release(self.owner)

    @invariant()
    def look(self) -> None:
        """All see the same."""
        if not hasattr(self, "subject"):
            return
        assert self.subject.locked() is (self.owner is not None or self.dead)
        if not self.dead and not self.foreign:
            holder = self.subject.holder()
            assert (holder and holder.name) == (None if self.owner is None else f"actor-{self.owner}")

    @precondition(lambda self: self.owner is not None and not self.foreign)
    @rule()
    def die(self) -> None:
        """P4: its holder is killed."""
        assert self.owner is not None
        self.stage.kill(self.owner)
        self.owner, self.depth, self.dead = None, 0, True


class RLockMachine(LockMachine):
    """RLock: the same, with its depth."""

    kind = "RLock"


class SemaphoreMachine(Machine):
    """Semaphore: a number."""

    kind = "Semaphore"

    @initialize(value=st.integers(0, 3))
    def make(self, value: int) -> None:
        """Begin with so many places."""
        self.subject = getattr(self.context, self.kind)(value)
        self.value = self.limit = value

    @rule(actor=actors, how=st.sampled_from([(False,), (True, 0), (True, 0.001)]))
    def acquire(self, actor: int, how: tuple[Any, ...]) -> None:
        """A place is taken if one is free."""
        assert self.do(actor, "acquire", *how) is (self.value > 0)
        self.value = max(0, self.value - 1)

    @rule(actor=actors)
    def release(self, actor: int) -> None:
        """Anybody may; a bounded one has a limit."""
        if self.kind == "BoundedSemaphore" and self.value == self.limit:
            assert self.do(actor, "release") == "ValueError"
            return
        assert self.do(actor, "release") is None
        self.value += 1

    @rule(actor=actors)
    def look(self, actor: int) -> None:
        """All see the same."""
        assert self.do(actor, "get_value") == self.value
        assert self.do(actor, "locked") is (self.value == 0)


class BoundedSemaphoreMachine(SemaphoreMachine):
    """BoundedSemaphore: a number with a limit."""

    kind = "BoundedSemaphore"


class EventMachine(Machine):
    """Event: a flag."""

    @initialize()
    def make(self) -> None:
        """It is down."""
        self.subject = self.context.Event()
        self.flag = False

    @rule(actor=actors, up=st.booleans())
    def change(self, actor: int, up: bool) -> None:
        """Anybody may put it up or take it down."""
        assert self.do(actor, "set" if up else "clear") is None
        self.flag = up

    @rule(actor=actors, timeout=st.sampled_from([0, -1, 0.001]))
    def look(self, actor: int, timeout: float) -> None:
        """All see the same."""
        assert self.do(actor, "is_set") is self.flag
        assert self.do(actor, "wait", timeout) is self.flag


class QueueMachine(Machine):
    """Queue: a deque with a limit, that each may close for itself."""

    kind = "Queue"

    @initialize(maxsize=st.integers(0, 3))
    def make(self, maxsize: int) -> None:
        """Begin with an empty one."""
        self.subject = getattr(self.context, self.kind)(maxsize)
        self.maxsize = maxsize
        self.items: deque[Any] = deque()
        self.unfinished = 0
        self.closed: set[int] = set()

    @rule(actor=actors, value=st.one_of(st.integers(), st.text(), st.none()), how=st.sampled_from([0, 0.001, -1, None]))
    def put(self, actor: int, value: Any, how: float | None) -> None:
        """It is there, unless the queue is full or closed by this one."""
        full = bool(self.maxsize) and len(self.items) == self.maxsize
        args = (value, False) if how is None else (value, True, how)
        expected = "ValueError" if actor in self.closed else queue.Full.__name__ if full else None
        assert self.do(actor, "put", *args) == expected
        if expected is None:
            self.items.append(value)
            self.unfinished += 1

    @rule(actor=actors, how=st.sampled_from([0, 0.001, -1, None]))
    def get(self, actor: int, how: float | None) -> None:
        """The oldest."""
        args = (False,) if how is None else (True, how)
        got = self.do(actor, "get", *args)
        if actor in self.closed:
            assert got == "ValueError"
        elif self.items:
            assert got == self.items.popleft()
        else:
            assert got == queue.Empty.__name__

    @rule(actor=actors)
    def look(self, actor: int) -> None:
        """All see the same."""
        if actor not in self.closed:
            assert self.do(actor, "qsize") == len(self.items)
            assert self.do(actor, "empty") is (not self.items)
            assert self.do(actor, "full") is bool(self.maxsize and len(self.items) == self.maxsize)

    @precondition(lambda self: len(self.closed) < ACTORS - 1)
    @rule(actor=actors)
    def close(self, actor: int) -> None:
        """Each for itself."""
        assert self.do(actor, "close") is None
        self.closed.add(actor)

    def teardown(self) -> None:
        """Who has closed this one would be a stranger to no other."""
        self.closed = set()


class JoinableQueueMachine(QueueMachine):
    """JoinableQueue: the same, and what is not done."""

    kind = "JoinableQueue"

    @rule(actor=actors)
    def task_done(self, actor: int) -> None:
        """As often as put."""
        if actor not in self.closed:
            assert self.do(actor, "task_done") == (None if self.unfinished else "ValueError")
            self.unfinished = max(0, self.unfinished - 1)

    @rule(actor=actors, timeout=st.sampled_from([0, -1, 0.001]))
    def join(self, actor: int, timeout: float) -> None:
        """True when all is done."""
        if actor not in self.closed:
            assert self.do(actor, "join", timeout) is (not self.unfinished)


class SimpleQueueMachine(Machine):
    """SimpleQueue: a deque."""

    @initialize()
    def make(self) -> None:
        """Begin with an empty one."""
        self.subject = self.context.SimpleQueue()
        self.items: deque[Any] = deque()

    @rule(actor=actors, value=st.one_of(st.integers(), st.text(), st.none()))
    def put(self, actor: int, value: Any) -> None:
        """It is there."""
        assert self.do(actor, "put", value) is None
        self.items.append(value)

    @precondition(lambda self: self.items)
    @rule(actor=actors)
    def get(self, actor: int) -> None:
        """The oldest."""
        assert self.do(actor, "get") == self.items.popleft()

    @rule(actor=actors)
    def look(self, actor: int) -> None:
        """All see the same."""
        assert self.do(actor, "empty") is (not self.items)


class PipeMachine(Machine):
    """Pipe: two deques, or one."""

    @initialize(duplex=st.booleans())
    def make(self, duplex: bool) -> None:
        """Begin with nothing in it."""
        self.ends = self.context.Pipe(duplex)
        self.duplex = duplex
        # What can be received at each end.
        self.inbox: list[deque[Any]] = [deque(), deque()]

    def at(self, end: int, actor: int, method: str, *args: Any) -> Any:
        """Have an actor do something at one end."""
        self.subject = self.ends[end]
        return self.do(actor, method, *args)

    @rule(actor=actors, end=st.integers(0, 1), value=st.one_of(st.integers(), st.text()))
    def send(self, actor: int, end: int, value: Any) -> None:
        """It arrives at the other end."""
        allowed = self.duplex or end == 1
        assert self.at(end, actor, "send", value) == (None if allowed else "OSError")
        if allowed:
            self.inbox[1 - end].append(value)

    @rule(actor=actors, end=st.integers(0, 1), value=st.binary(max_size=50))
    def send_bytes(self, actor: int, end: int, value: bytes) -> None:
        """So do bytes."""
        allowed = self.duplex or end == 1
        assert self.at(end, actor, "send_bytes", value) == (None if allowed else "OSError")
        if allowed:
            self.inbox[1 - end].append(value)

    @rule(actor=actors, end=st.integers(0, 1))
    def receive(self, actor: int, end: int) -> None:
        """In the order in which they were sent."""
        if not self.duplex and end == 1:
            assert self.at(end, actor, "recv") == "OSError"
        elif self.inbox[end]:
            value = self.inbox[end].popleft()
            assert self.at(end, actor, "recv_bytes" if isinstance(value, bytes) else "recv") == value

    @rule(actor=actors, end=st.integers(0, 1), timeout=st.sampled_from([0, -1, 0.001]))
    def poll(self, actor: int, end: int, timeout: float) -> None:
        """All see the same."""
        expected = "OSError" if not self.duplex and end == 1 else bool(self.inbox[end])
        assert self.at(end, actor, "poll", timeout) == expected

    def teardown(self) -> None:
        """Close both ends."""
        for end in getattr(self, "ends", ()):
            end.close()


class ConditionMachine(Machine):
    """Condition: a lock, a line of sleepers, and those who were called and wait for the lock."""

    @initialize(kind=st.sampled_from(["Lock", "RLock", None]))
    def make(self, kind: str | None) -> None:
        """Begin with nobody."""
        self.subject = self.context.Condition(getattr(self.context, kind)() if kind else None)
        self.owner: int | None = None
        self.line: deque[int] = deque()
        self.called: list[int] = []

    def idle(self, actor: int) -> bool:
        """Tell whether an actor does not sleep."""
        return actor not in self.line and actor not in self.called

    @rule(actor=actors)
    def acquire(self, actor: int) -> None:
        """It is free if nobody has it: a sleeper has let it go."""
        if self.idle(actor) and self.owner != actor:
            free = self.owner is None
            assert self.do(actor, "acquire", True, PATIENCE if free else 0) is free
            if free:
                self.owner = actor

    @rule(actor=actors)
    def release(self, actor: int) -> None:
        """Those who were called get the lock one after the other, and let it go."""
        if not self.idle(actor) or self.owner != actor:
            return
        assert self.do(actor, "release") is None
        self.owner = None
        for sleeper in self.called:
            assert self.stage.actors[sleeper].answer() == (True, True)
        self.called = []

    @precondition(lambda self: self.owner is not None)
    @rule()
    def sleep(self) -> None:
        """Whoever has the lock goes to sleep; the model's next acquire sees that it has let go."""
        assert self.owner is not None
        if len(self.line) + len(self.called) < ACTORS - 1 and not self.called:
            self.stage.actors[self.owner].send(self.subject, "wait_and_release")
            self.line.append(self.owner)
            self.owner = None

    @rule(actor=actors, timeout=st.sampled_from([0, -1, 0.001]))
    def doze(self, actor: int, timeout: float) -> None:
        """With a timeout it is called by nobody; without the lock it is an error."""
        if self.idle(actor) and not self.called:
            expected = False if self.owner == actor else "AssertionError"
            assert self.do(actor, "wait", timeout) == expected

    @rule(actor=actors, number=st.sampled_from([0, 1, 2, 99, None]))
    def notify(self, actor: int, number: int | None) -> None:
        """So many of those who sleep; more than there are is all."""
        if not self.idle(actor):
            return
        outcome = self.do(actor, "notify_all") if number is None else self.do(actor, "notify", number)
        if self.owner != actor:
            assert outcome == "AssertionError"
            return
        assert outcome is None
        for _ in range(min(len(self.line), 99 if number is None else number)):
            self.called.append(self.line.popleft())

    def teardown(self) -> None:
        """Wake all who sleep."""
        if not hasattr(self, "line") or (not self.line and not self.called and self.owner is None):
            return
        waker = self.owner
        if waker is None:
            waker = next(actor for actor in range(ACTORS) if self.idle(actor))
            assert self.do(waker, "acquire", True, PATIENCE)
        self.owner = waker
        assert self.do(waker, "notify_all") is None
        self.called += self.line
        self.release(waker)


class BarrierMachine(Machine):
    """Barrier: who is here, and whether it is broken."""

    @initialize(parties=st.integers(1, ACTORS))
    def make(self, parties: int) -> None:
        """Begin with nobody."""
        self.subject = self.context.Barrier(parties)
        self.parties = parties
        self.here: list[int] = []
        self.broken = False

    @rule(actor=actors)
    def arrive(self, actor: int) -> None:
        """The last one lets all go, each with a number of its own."""
        if actor in self.here:
            return
        if self.broken:
            assert self.do(actor, "wait") == BrokenBarrierError.__name__
            return
        self.stage.actors[actor].send(self.subject, "wait")
        self.here.append(actor)
        if len(self.here) == self.parties:
            answers = [self.stage.actors[waiting].answer() for waiting in self.here]
            assert sorted(answers) == [(True, index) for index in range(self.parties)]
            self.here = []
        else:
            self.until_here(len(self.here))

    def until_here(self, number: int) -> None:
        """Wait until so many wait."""
        deadline = time.monotonic() + PATIENCE
        pause = self.context.Event()
        while self.subject.n_waiting != number and time.monotonic() < deadline:
            pause.wait(0.0005)
        assert self.subject.n_waiting == number

    @rule(actor=actors, timeout=st.sampled_from([0, -1, 0.001]))
    def give_up(self, actor: int, timeout: float) -> None:
        """A timeout breaks it for all, unless this one is the last."""
        if actor in self.here or (not self.broken and len(self.here) + 1 == self.parties):
            return
        assert self.do(actor, "wait", timeout) == BrokenBarrierError.__name__
        self.send_home()
        self.broken = True

    def send_home(self) -> None:
        """All who wait are told."""
        for waiting in self.here:
            good, value = self.stage.actors[waiting].answer()
            assert not good and value[0] == BrokenBarrierError.__name__
        self.here = []

    @rule(actor=actors, method=st.sampled_from(["abort", "reset"]))
    def end(self, actor: int, method: str) -> None:
        """Broken, or as new."""
        if actor not in self.here:
            assert self.do(actor, method) is None
            self.send_home()
            self.broken = method == "abort"

    @precondition(lambda self: self.here)
    @rule()
    def die(self) -> None:
        """P4: one that waits is killed; the others are told."""
        self.stage.kill(self.here.pop())
        self.send_home()
        self.broken = True

    @rule()
    def look(self) -> None:
        """The program sees the same."""
        assert self.subject.parties == self.parties
        assert self.subject.n_waiting == len(self.here)
        assert self.subject.broken is self.broken

    def teardown(self) -> None:
        """Send all home who still wait."""
        if getattr(self, "here", None):
            self.subject.abort()
            self.send_home()


#: By the primitive's name.
MACHINES: dict[str, Callable[[Stage], Machine]] = {
    "Barrier": BarrierMachine,
    "BoundedSemaphore": BoundedSemaphoreMachine,
    "Condition": ConditionMachine,
    "Event": EventMachine,
    "JoinableQueue": JoinableQueueMachine,
    "Lock": LockMachine,
    "Pipe": PipeMachine,
    "Queue": QueueMachine,
    "RLock": RLockMachine,
    "Semaphore": SemaphoreMachine,
    "SimpleQueue": SimpleQueueMachine,
}


def check(context: abc.Context, primitive: str, examples: int = 15, steps: int = 30) -> None:
    """Run a primitive's machine against a context."""
    with Stage(context) as stage:
        run_state_machine_as_test(
            lambda: MACHINES[primitive](stage),  # type: ignore[arg-type]  # anything that makes one will do
            settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None),
        )
