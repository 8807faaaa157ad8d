"""The feed of a map: reads the input as far as needed, sends chunks, and wakes whoever waits for results (E10).

::

    input --feed()--> MapBatch --pool--> settled() --> Store --take()--> MapResults.__next__

Who feeds? As long as somebody iterates over the results, the consumer does, a window ahead, so an infinite input works
and memory stays flat. A map that nobody has begun to iterate runs on by itself if its input has a length, for the
standard library would have run it all (``ex.map(print, paths)``); and ``shutdown`` feeds what is left.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any

from anypool._core import pins
from anypool._core.batch import decode
from anypool._core.chunks import Chunking
from anypool._core.futures import SLICE
from anypool._core.map_batch import MapBatch
from anypool._core.map_store import Store
from anypool.errors import SerializationError

__all__ = ["Feed"]

#: Chunks a worker that are on their way when the consumer looks.
_AHEAD = 2
#: Finished results that may wait for the consumer, in chunks a worker, while it waits for a straggler before them.
_STRETCH = 8


class Feed:
    """The state of one map, shared by the consumer, the pool's thread and, at times, a feeding thread."""

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Iterator[tuple[Any, ...]],
        *,
        length: int | None,
        workers: int,
        concurrent: bool,
        ordered: bool,
        chunksize: int | None,
        buffersize: int | None,
        name: str,
        timeout: float | None,
        encode: Callable[[Callable[..., Any]], bytes] | None,
        send: Callable[[MapBatch], None],
        take_ids: Callable[[int], int],
    ) -> None:
        self.function = function
        self.name = name
        self.timeout = timeout
        self.sized = length is not None
        self._inputs: Iterator[tuple[Any, ...]] | None = inputs
        self._chunks = Chunking(workers, length, chunksize)
        self._workers = workers
        self._concurrent = concurrent
        self._buffersize = buffersize
        self._encode = encode
        self._encoded_function: bytes | None = None
        self._pins: list[object] = []  # what the function's bytes name
        self._send = send
        self._take_ids = take_ids
        # Held while the user's input is read and chunks are sent; never while waiting. Re-entrant, for on serial a
        # task runs inside it and may use the map's results.
        self._feeding = threading.RLock()
        # Re-entrant: the collector may run MapResults.__del__ while this very thread holds it.
        self._changed = threading.Condition(threading.RLock())
        # The fields below are guarded by _changed.
        self._store = Store(ordered=ordered)
        self._failed: BaseException | None = None  # what reading the input raised
        self._exhausted = False
        self._abandoned = False
        self._closed_by_shutdown = False
        self.iterated = False
        self._dropped = False
        self._feeder: threading.Thread | None = None

    # --- sending -----------------------------------------------------------------------------------------------

    def feed(self, *, everything: bool = False, at_least_one: bool = False) -> None:
        """Read the input and send chunks, as far as the window allows; not at all once it has ended."""
        with self._feeding:
            while self._inputs is not None and (everything or at_least_one or self._room() > 0):
                at_least_one = False
                room = None if everything else max(1, self._room())
                size = self._chunks.size() if room is None else min(self._chunks.size(), room)
                items = self._read(size)
                if items:
                    self._chunks.taken(len(items))
                    self._dispatch(items)

    def _room(self) -> int:
        """Tell how many more items may be sent now."""
        if self._abandoned:
            return 0
        if self._buffersize is not None:
            return self._buffersize - self._store.waiting
        if not self._concurrent:
            return 1 - self._store.waiting  # serial: an item runs when its result is asked for
        size = self._chunks.size()
        ahead = _AHEAD * self._workers * size - self._store.unfinished
        if not self.iterated and self.sized:
            return ahead  # nobody takes results yet: run on, as the standard library does
        return min(ahead, _STRETCH * self._workers * size - self._store.waiting)

    def _read(self, size: int) -> list[tuple[Any, ...]]:
        items: list[tuple[Any, ...]] = []
        inputs = self._inputs
        if inputs is None:
            return items  # abandoned by another thread since the caller looked
        try:
            for _ in range(size):
                items.append(next(inputs))
        except StopIteration:
            self._end_input()
        except BaseException as error:
            self._end_input(error)
            if not isinstance(error, Exception):
                raise  # Ctrl-C while the user's generator ran
        return items

    def _end_input(self, error: BaseException | None = None) -> None:
        self._inputs = None
        with self._changed:
            self._exhausted = True
            self._failed = error
            self._changed.notify_all()

    def _dispatch(self, items: list[tuple[Any, ...]]) -> None:
        if self._encode is None:
            self._launch(MapBatch(self, items, self._take_ids(len(items))))
            return
        try:
            if self._encoded_function is None:
                with pins.collect() as self._pins:
                    self._encoded_function = self._encode(self.function)
            batch = MapBatch(self, items, self._take_ids(len(items)))
            batch.encode(self._encoded_function)
        except SerializationError as error:
            if len(items) == 1:
                batch = MapBatch(self, items, self._take_ids(1))
                self._enter(batch)
                error.args = (f"task {self.name!r} (id {batch.first_id}): {error}",)
                batch.settle(0, None, error)
            else:
                for item in items:
                    self._dispatch([item])
            return
        self._launch(batch)

    def _launch(self, batch: MapBatch) -> None:
        self._enter(batch)
        try:
            self._send(batch)
        except BaseException as error:
            # Refused, for the executor was shut down meanwhile; or a Ctrl-C. No place may stay without a result.
            for index in range(batch.size):
                batch.settle(index, None, error)
            raise

    def _enter(self, batch: MapBatch) -> None:
        with self._changed:
            self._store.add(batch)

    # --- what the pool reports ---------------------------------------------------------------------------------

    def claimed(self, batch: MapBatch) -> bool:
        """Tell whether the chunk is still wanted."""
        if not self._abandoned:
            return True
        with self._changed:
            self._store.forget(batch)
        batch.forget()
        return False

    def settled(self, batch: MapBatch, index: int, result: tuple[Any, ...]) -> None:
        """Put a result in its place, once."""
        with self._changed:
            if not self._store.put(batch, index, result):
                return
            if self._abandoned:
                self._store.clear()
            if batch.left == 0:
                batch.forget()
                if batch.began:
                    self._chunks.measured(batch.size, time.monotonic() - batch.began)
            if self._dropped:
                self._take_dropped()
            if batch.left == 0 or self._store.is_first(batch):
                self._changed.notify_all()  # others have nothing to do with a result in the middle
            runs_on = self._concurrent and not self.iterated and (self.sized or self._dropped)
            needs_feeder = runs_on and not self._exhausted and not self._abandoned and self._feeder is None
            if needs_feeder:
                # Not here: this is the pool's own thread, and the input is the user's code.
                self._feeder = threading.Thread(target=self._run_on, name="anypool-map", daemon=True)
        if needs_feeder and self._feeder is not None:
            try:
                self._feeder.start()
            except RuntimeError:
                self._feeder = None  # the interpreter exits and starts no more threads; the exit feeds what is left

    def _run_on(self) -> None:
        """Feed while nobody iterates; the body of the feeding thread."""
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._feeder_has_news)
                    if self.iterated or self._exhausted or self._abandoned or self._closed_by_shutdown:
                        return
                try:
                    self.feed()
                except RuntimeError:
                    return  # shut down between the look and the submit: what is not sent is not owed
        finally:
            self._feeder = None

    def _feeder_has_news(self) -> bool:
        ended = self.iterated or self._exhausted or self._abandoned or self._closed_by_shutdown
        return ended or self._room() > 0

    # --- what the consumer asks --------------------------------------------------------------------------------

    def take(self, deadline: float | None) -> tuple[Any, BaseException | None]:
        """Wait for the next result and take it.

        Raises:
            StopIteration: all have been taken.
            TimeoutError: the deadline (of ``time.monotonic``) passed.
            RuntimeError: the executor was shut down before the rest of an input of unknown length was read.
        """
        if not self.iterated:
            with self._changed:
                self.iterated = True
                self._changed.notify_all()
        while True:
            self._feed_if_low()
            with self._changed:
                if self._abandoned:
                    raise StopIteration
                found = self._store.pop()
                if found is not None:
                    break
                if self._store.waiting == 0:
                    if self._failed is not None:
                        failed, self._failed = self._failed, None
                        raise failed
                    if self._exhausted:
                        raise StopIteration
                    if self._closed_by_shutdown:
                        raise RuntimeError("cannot schedule new futures after shutdown")
                    continue  # somebody else is just feeding
                if not self._wait(deadline):
                    raise TimeoutError(f"map: no result of {self.name!r} in time")
        batch, place, result = found
        if len(result) == 1:
            return decode(result[0], self.name, batch.first_id + place)
        return result[0], result[1]

    def _feed_if_low(self) -> None:
        if self._inputs is None or self._closed_by_shutdown:
            return
        # Half a window at a time: a look at the input for each result would cost more than the result.
        low = self._store.waiting == 0 or self._room() >= self._chunks.size()
        if low:
            self.feed(at_least_one=self._store.waiting == 0)

    def _wait(self, deadline: float | None) -> bool:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return False
        # In slices, for the sake of Ctrl-C: see Future.
        self._changed.wait(SLICE if left is None else min(left, SLICE))
        return True

    def _take_dropped(self) -> None:
        """Throw away finished results that nobody can ask for any more."""
        while self._store.pop() is not None:
            pass

    # --- ends --------------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """Stop: cancel what has not started and forget the rest of the input."""
        with self._changed:
            self._abandoned = self._exhausted = True
            self._store.clear()
            self._changed.notify_all()
        # Not under _feeding: another thread may be inside the user's input for long. It sees _abandoned.
        self._inputs = None

    def drop(self) -> None:
        """The results object was collected. Begun: nobody wants the rest. Never begun: it runs for its effects."""
        if self.iterated:
            self.abandon()
            return
        with self._changed:
            self._dropped = True
            self._take_dropped()
            self._changed.notify_all()

    def flush(self) -> None:
        """Send all that is still owed, for the executor is about to close; a begun endless input is cut off here."""
        if not self.iterated or self.sized:
            self.feed(everything=True)
        with self._changed:
            self._closed_by_shutdown = True
            self._changed.notify_all()

    def cut(self) -> None:
        """Forget the rest of the input: whoever asks for those results learns that they were cancelled."""
        if not self._exhausted:
            self._end_input(CancelledError())

    @property
    def over(self) -> bool:
        """Whether there is nothing left to feed."""
        return self._exhausted or self._abandoned
