"""The initializer on its way to the workers (E15): pickled once when the pool is made, so its errors raise there."""

from __future__ import annotations

from anypool._core import pins
from anypool._core.batch import task_name
from anypool._core.serialise import dumps
from anypool.abc import PoolSpec
from anypool.errors import SerializationError

__all__ = ["Initializer"]


class Initializer:
    """A pool's initializer.

    Attributes:
        name: what errors call it.
        data: ``(function, arguments)`` as a pickle, or ``None`` if there is none.

    Raises:
        SerializationError: it or one of its arguments cannot be pickled.
    """

    def __init__(self, spec: PoolSpec) -> None:
        self.name = ""
        self.data: bytes | None = None
        self._pins: list[object] = []
        if spec.initializer is None:
            return
        self.name = task_name(spec.initializer)
        # What the bytes name has to live as long as a worker may start.
        with pins.collect() as self._pins:
            try:
                self.data = dumps((spec.initializer, spec.initargs), "initializer and initargs")
            except SerializationError:
                # Again, part by part, so that the path reads as the user wrote it.
                dumps(spec.initializer, "initializer")
                for index, value in enumerate(spec.initargs):
                    dumps(value, f"initargs[{index}]")
                raise

    def forget(self) -> None:
        """Let go of it: no more workers will start."""
        self.data = None
        self._pins.clear()
