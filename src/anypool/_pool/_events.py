"""What the pool's thread hears from its workers: outcomes, standard error, and their ends.

::

    channel  -> OUTCOME -> counted under the lock, more work sent -> settled outside the lock
    stderr   -> tail, forwarded
    sentinel -> the channel is read to its end -> the slot says what had started -> victim fails, the rest requeued
"""

from __future__ import annotations

import selectors
import time

from anypool._core import outcome
from anypool._core.exits import describe_exit
from anypool._core.initializer import Initializer
from anypool._pool import _reports
from anypool._pool._dispatcher import Dispatcher
from anypool._pool._health import Health
from anypool._pool._member import Member
from anypool._pool._messages import BOOTED, NUMBER, OUTCOME, READY, REFUSED
from anypool._pool._scheduler import Call
from anypool._pool._settling import fail, settle
from anypool._pool._stderr import Forwarder

__all__ = ["Events"]

#: Seconds between the end of a worker's channel and that of its process; longer, and the task has cut the channel.
_CLOSE_GRACE = 1.0

_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE


class Events:
    """The selector and what it calls. Only the pool's own thread uses it."""

    def __init__(self, dispatcher: Dispatcher, health: Health, initializer: Initializer) -> None:
        self.forwarder = Forwarder()
        self._dispatcher = dispatcher
        self._health = health
        self._initializer = initializer
        self._selector = selectors.DefaultSelector()
        self._selector.register(dispatcher.waker.fileno(), _READ, lambda mask: dispatcher.waker.clear())

    def wait(self, timeout: float | None) -> None:
        """Handle what comes within ``timeout`` seconds."""
        for key, mask in self._selector.select(timeout):
            key.data(mask)

    def watch(self, member: Member) -> None:
        """Hear of a new worker."""
        register = self._selector.register
        register(member.channel.fileno(), _READ, lambda mask: self._on_channel(member, mask))
        register(member.stderr, _READ, lambda mask: self._on_stderr(member))
        register(member.handle.sentinel, _READ, lambda mask: self._on_death(member))

    def watch_clogged(self) -> None:
        """Hear when the channels that did not take everything can take more."""
        if not self._dispatcher.clogged:
            return
        with self._dispatcher as shared:
            for member in shared.clogged:
                self._modify(member, _READ | _WRITE)

    def close(self) -> None:
        """Hear nothing more. In a forked copy too: the kernel's set of watched descriptors stays the parent's."""
        self._selector.close()

    def _modify(self, member: Member, mask: int) -> None:
        key = self._selector.get_map().get(member.channel.fileno())
        if key is not None:
            self._selector.modify(key.fd, mask, key.data)

    def _is_gone(self, member: Member) -> bool:
        """Tell whether the worker's death was handled, perhaps by an event of the same round."""
        return self._dispatcher.members.get(member.rank) is not member

    def _on_channel(self, member: Member, mask: int) -> None:
        if self._is_gone(member):
            return
        if mask & _WRITE:
            with self._dispatcher as shared:
                if member.channel.flush():
                    shared.clogged.discard(member)
                    self._modify(member, _READ)
        if mask & _READ:
            self._take(member, member.channel.receive())
            if member.channel.ended and member.handle.poll() is None:
                # It is ending, or a task has closed descriptors that it did not open.
                self._selector.unregister(member.channel.fileno())
                with self._dispatcher as shared:
                    shared.clogged.discard(member)
                    shared.scheduler.retire(member.rank)
                    if member.kill_at is None:
                        member.kill_at = time.monotonic() + _CLOSE_GRACE

    def _take(self, member: Member, frames: list[tuple[int, memoryview]]) -> None:
        """Count what a worker sent, give it more to do, and then settle."""
        settled: list[tuple[Call, memoryview]] = []
        refused: memoryview | None = None
        with self._dispatcher as shared:
            for kind, body in frames:
                if kind == OUTCOME:
                    call = shared.scheduler.finished(member.rank, NUMBER.unpack_from(body)[0])
                    if call is not None:
                        settled.append((call, body[NUMBER.size :]))
                elif kind == BOOTED:
                    member.booted = True
                elif kind == READY:
                    self._health.boot_succeeded()
                    shared.scheduler.ready(member.rank)
                elif kind == REFUSED:
                    refused = body
            spent = not member.leaving and shared.scheduler.is_spent(member.rank)
        if spent:
            member.let_go()
        for call, data in settled:
            settle(call, data)
        if refused is not None:
            _, cause = outcome.decode(refused)
            name, pid = self._initializer.name, member.pid
            self._health.break_with(lambda call: _reports.initializer_raised(name, pid, cause))

    def _on_stderr(self, member: Member) -> None:
        if self._is_gone(member):
            return
        data = member.read_stderr()
        if data:
            self.forwarder.write(data)
        elif data is not None:
            self._selector.unregister(member.stderr)

    def _on_death(self, member: Member) -> None:
        exitcode = member.handle.wait(_CLOSE_GRACE)
        # What it had sent counts. Its own children may hold the other end, so the end of the stream need not come.
        self._take(member, member.channel.receive(everything=True))
        while data := member.read_stderr():
            self.forwarder.write(data)
        stderr = member.tail.lines()
        doom = member.doom
        with self._dispatcher as shared:
            ready = shared.scheduler.is_ready(member.rank)
            current = shared.scheduler.current(member.rank)
            condemned = current is not None and doom is not None and doom.batch is current.work.batch
            death = shared.scheduler.died(member.rank, shared.slots.started(member.rank), condemned=condemned)
            del shared.members[member.rank]
            shared.timed.discard(member.rank)
            shared.clogged.discard(member)
        for descriptor in (member.channel.fileno(), member.stderr, member.handle.sentinel):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        member.close()
        if death.victim is not None:
            fail(death.victim, _error_of(death.victim, member, exitcode, stderr, started=death.started))
        if not ready and doom is None and not member.leaving and self._health.broken is None:
            self._on_failed_boot(member, exitcode, stderr)

    def _on_failed_boot(self, member: Member, exitcode: int | None, stderr: tuple[str, ...]) -> None:
        if member.booted and self._initializer.data is not None:
            name, pid = self._initializer.name, member.pid
            self._health.break_with(lambda call: _reports.initializer_died(name, pid, exitcode, stderr))
        else:
            self._health.boot_failed(describe_exit(exitcode), member.pid, exitcode, stderr)


def _error_of(
    call: Call, member: Member, exitcode: int | None, stderr: tuple[str, ...], *, started: bool
) -> BaseException:
    doom = member.doom
    if doom is not None and doom.batch is call.batch and not doom.why:
        return _reports.task_timeout(call, member.pid)
    # The pool's reason does not hold for a call that only happened to be there.
    why = doom.why if doom is not None and doom.batch in (None, call.batch) else ""
    return _reports.worker_died(call, member.pid, exitcode, stderr, why=why, started=started)
