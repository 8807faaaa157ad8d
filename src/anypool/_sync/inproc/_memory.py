"""Memory for Value and Array in one process: bytes that stay the same bytes through any pickle made and read here."""

from __future__ import annotations

from typing import Any

from anypool._core import pins
from anypool._sync._values import Allocate

__all__ = ["allocator"]


class _Memory:
    def __init__(self, size: int) -> None:
        # At least one byte, for there is no address of nothing. Python aligns them for every C type.
        self.buffer = bytearray(max(size, 1))

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)


# Called as what they are for: the error about a pickle that is read in another process names its object's type.
_KINDS: dict[str, type[_Memory]] = {kind: type(kind, (_Memory,), {}) for kind in ("Value", "Array")}


def allocator() -> Allocate:
    """Give what allocates."""
    return lambda size, kind: _KINDS[kind](size)
