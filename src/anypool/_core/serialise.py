"""Objects to bytes and back: plain pickle where that is correct, else cloudpickle (E3), with errors that teach (E5).

Plain pickle is several times faster, but it refuses lambdas, and what it says of ``__main__`` is a name that means
something else in a worker; such streams are made again by value.
"""

from __future__ import annotations

import pickle

from anypool._core import pins

# Not from typing, whose import takes longer than all the rest here; each worker would pay for it.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["PROTOCOL", "dumps", "dumps_with_buffers", "loads"]

PROTOCOL = 5

#: What a stream must not mention if it is to be used as plain pickle made it: the program, which is another one in a
#: worker (``__mp_main__`` in multiprocessing's own children), and multiprocessing's connections, of which plain pickle
#: sends no more than the descriptor's number, and ctypes' objects, which may be multiprocessing's shared memory: plain
#: pickle would send a copy.
_WRONG = (b"__main__", b"__mp_main__", b"multiprocessing.connection", b"_ctypes")

#: The instruction with which a stream of this protocol names something that is to be imported.
_GLOBAL = 0x93


def dumps(obj: object, root: str = "value") -> bytes:
    """Pickle ``obj``.

    Args:
        obj: anything; functions and classes of ``__main__``, lambdas and closures travel by value.
        root: what the errors call the object, for example ``args[0]``.

    Raises:
        SerializationError: it cannot be pickled; the error names the innermost culprit and the path to it.
    """
    noted = pins.noted()
    if noted is None:
        with pins.collect() as noted:
            data = dumps(obj, root)
        for pin in noted:
            pins.note(pin)
        return data
    before = len(noted)
    try:
        data = pickle.dumps(obj, PROTOCOL)
    except Exception:  # of any type: PicklingError, AttributeError, TypeError, or what a __reduce__ raises
        data = b""
    if not data or any(mention in data for mention in _WRONG):
        del noted[before:]  # those bytes go nowhere
        return _by_value(obj, root)
    return data


def dumps_with_buffers(obj: object, root: str, threshold: int) -> tuple[bytes, list[memoryview], list[object]]:
    """Pickle ``obj`` as ``dumps`` does, but leave out the contents of its large buffers, for example of arrays.

    Args:
        obj: as for ``dumps``.
        root: as for ``dumps``.
        threshold: the size in bytes from which on a buffer is left out.

    Returns:
        The stream; the buffers as flat bytes, not copied; and the pins of both. ``pickle.loads(stream, buffers=...)``
        wants as many buffers.

    Raises:
        SerializationError: as for ``dumps``.
    """
    buffers: list[memoryview] = []

    def in_band(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:
            return True  # not contiguous: what the pickler says of it names the culprit
        if raw.nbytes < threshold:
            return True
        buffers.append(raw)
        return False

    with pins.collect() as pinned:
        try:
            data = pickle.dumps(obj, PROTOCOL, buffer_callback=in_band)
        except Exception:  # of any type: see dumps
            data = b""
        # The search is a good part of what a small item costs. Without _GLOBAL in the stream none can be a name.
        if not data or (_GLOBAL in data and any(mention in data for mention in _WRONG)):
            pinned.clear()
            buffers.clear()
            data = _by_value(obj, root, in_band)
    return data, buffers, pinned


def _by_value(obj: object, root: str, buffer_callback: Callable[[pickle.PickleBuffer], bool] | None = None) -> bytes:
    import io

    from anypool._core.main_module import MainPickler

    buffer = io.BytesIO()
    try:
        MainPickler(buffer, PROTOCOL, buffer_callback=buffer_callback).dump(obj)
    except Exception as error:
        from anypool._core.culprit import explain

        with pins.collect():  # the search pickles again; nobody needs to keep what that notes
            raise explain(obj, root, error) from error
    return buffer.getvalue()


def loads(data: bytes | memoryview) -> Any:
    """Unpickle what ``dumps`` made. Raises whatever the object's own code raises."""
    return pickle.loads(data)
