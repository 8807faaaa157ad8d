"""ctypes objects over a block of shared memory, which stay over that block wherever a pickle of them arrives.

ctypes pickles by value. So an object here is of a subclass that is called as its base and differs in its pickle alone.
"""

from __future__ import annotations

import ctypes
from typing import Any, Protocol
from weakref import WeakValueDictionary

from anypool._sync._values_types import assemble, take_apart

__all__ = ["Block", "view"]


class Block(Protocol):
    """Zeroed memory of a family. Its pickle leads to the same memory, wherever it may be read."""

    @property
    def buffer(self) -> Any:
        """The memory, writable, at least one byte."""


#: The subclass by its base; each lives as long as one of its objects does.
_classes: WeakValueDictionary[type, Any] = WeakValueDictionary()


def view(type_: Any, block: Block) -> Any:
    """Make an object of a ctypes type over a block, without initialising it."""
    cls = _classes.get(type_)
    if cls is None:
        body: dict[str, Any] = {"__module__": type_.__module__, "__qualname__": type_.__qualname__}
        body["__reduce_ex__"] = _reduce
        if type_.__base__ is ctypes._SimpleCData:
            body["__repr__"] = _show  # ctypes shows the value of its own types only
        cls = _classes[type_] = type(type_)(type_.__name__, (type_,), body)
    made = cls.from_buffer(block.buffer)
    # Past a structure's own __setattr__. The object keeps the block, the block keeps the name.
    made.__dict__["_anypool_block"] = block
    return made


def _reduce(made: Any, _: Any) -> tuple[Any, ...]:
    return (_rebuild, (take_apart(type(made).__bases__[0]), made.__dict__["_anypool_block"]))


def _show(made: Any) -> str:
    return f"{type(made).__name__}({made.value!r})"


def _rebuild(description: Any, block: Block) -> Any:
    return view(assemble(description), block)
