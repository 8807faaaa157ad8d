"""Functions and classes of ``__main__`` in other processes: one namespace per program, kept between tasks.

A worker cannot import an unguarded script, a notebook or ``python -``, so what is defined there travels by value.
Bare cloudpickle gives each pickled function a namespace of its own: a global that an ``initializer`` sets would be
unknown to the tasks, and a class that comes back would overwrite the original's methods. Here every function of one
program shares one namespace in a worker, as if the worker had imported the program::

    parent: __main__ --pickle--> (code, the program's token, the globals it mentions)
    worker: token -> namespace;  a global is set when it is new or when the parent has changed it since
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import cloudpickle

__all__ = ["MainPickler"]

#: Names this process's own ``__main__``; forked children keep it, for their ``__main__`` is a copy.
_own_token = os.urandom(12)
#: Other programs' namespaces, by token; this process keeps them until it ends.
_spaces: dict[bytes, dict[str, Any]] = {}
#: The same the other way round: ``id(namespace)`` to token. The namespaces never die, so an id stays theirs.
_tokens: dict[int, bytes] = {}
#: What the parent sent last for each global, to see whether it changed it since.
_received: dict[bytes, dict[str, Any]] = {}


class _Known(NamedTuple):
    """What is remembered of a class that travels by value."""

    version: int  # grows when the class is found changed while it is pickled
    look: Any  # the names and identities of its attributes at that time
    origin: bytes  # the program that defined it


#: Classes that were pickled or filled here, so that one that comes back is not filled over the original.
_known: WeakKeyDictionary[type, _Known] = WeakKeyDictionary()

#: Globals of these types are compared by value; of other types by their pickle.
_PLAIN = (type(None), bool, int, float, complex, str, bytes)

#: Where the classes are whose instances are a descriptor, which only multiprocessing knows how to send.
_WITH_DESCRIPTORS = ("multiprocessing.connection", "multiprocessing.heap", "socket")

_Reduced = tuple[Any, ...]


def _token_of(namespace: dict[str, Any]) -> bytes | None:
    token = _tokens.get(id(namespace))
    if token is None and namespace is sys.modules["__main__"].__dict__:
        token = _own_token
    return token


def _space(token: bytes) -> dict[str, Any]:
    if token == _own_token:
        return sys.modules["__main__"].__dict__
    space = _spaces.get(token)
    if space is None:
        main = sys.modules["__main__"].__dict__
        # The first program that a worker meets moves into the worker's own, empty __main__, so that plain pickle
        # and ``import __main__`` inside a task find what they would find in the parent.
        if main.get("__anypool_worker__") and not _spaces:
            space = main
        else:
            space = {"__name__": "__main__", "__builtins__": __builtins__}
        _spaces[token] = space
        _tokens[id(space)] = token
        _received[token] = {}
    return space


class MainPickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle's Pickler is untyped
    """cloudpickle's pickler with one namespace per program."""

    def __init__(
        self,
        file: io.BytesIO,
        protocol: int = 5,
        *,
        sent: set[tuple[bytes, str]] | None = None,
        buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None,
    ) -> None:
        super().__init__(file, protocol, buffer_callback)
        # Globals that this pickle or an enclosing one already carries: ends the recursion of a function that
        # mentions a dict which holds the function.
        self._sent: set[tuple[bytes, str]] = set() if sent is None else sent

    def reducer_override(self, obj: Any) -> Any:
        """Reduce functions and classes of a program by value; leave the rest to cloudpickle."""
        if type(obj).__module__ in _WITH_DESCRIPTORS or _is_shared_ctypes(obj):
            reducer = _descriptor_reducer(type(obj))
            if reducer is not None:
                return reducer(obj)
        reduced = super().reducer_override(obj)
        if reduced is NotImplemented:
            return reduced
        if isinstance(obj, types.FunctionType):
            token = _token_of(obj.__globals__)
            if token is not None and len(reduced) == 6:
                return self._reduce_function(obj, token, reduced)
        elif isinstance(obj, type) and len(reduced) == 6:
            return _reduce_class(obj, reduced)
        return reduced

    def _reduce_function(self, function: types.FunctionType, token: bytes, reduced: _Reduced) -> _Reduced:
        code, _, _, _, closure = reduced[1]
        state, slots = reduced[2]
        plain: dict[str, Any] = {}
        pickled: dict[str, bytes] = {}
        for name, value in slots.pop("__globals__").items():
            if (token, name) in self._sent:
                continue
            self._sent.add((token, name))
            if isinstance(value, (*_PLAIN, types.FunctionType, types.ModuleType, type)):
                plain[name] = value
            else:
                buffer = io.BytesIO()
                MainPickler(buffer, sent=self._sent).dump(value)
                pickled[name] = buffer.getvalue()
        # cloudpickle's own setter fills in the rest: it wants a __globals__ entry, and gets an empty one.
        slots["__globals__"] = {}
        wrapped = (reduced[5], (state, slots), token, plain, pickled)
        return (_make_function, (code, token, closure), wrapped, None, None, _fill_function)


def _is_shared_ctypes(obj: Any) -> bool:
    """Tell whether this is the content of one of ``multiprocessing``'s Values or Arrays."""
    known = "multiprocessing.sharedctypes" in sys.modules and hasattr(type(obj), "from_buffer")
    return known and "_wrapper" in getattr(obj, "__dict__", ())


def _descriptor_reducer(cls: type) -> Callable[[Any], Any] | None:
    """Give multiprocessing's own way to send an object that holds a descriptor, as its executor would use."""
    reduction = sys.modules.get("multiprocessing.reduction")
    if cls.__module__ == "socket":
        from multiprocessing import reduction
    if reduction is None:
        return None
    reducer: Callable[[Any], Any] | None = reduction.ForkingPickler._extra_reducers.get(cls)
    return reducer


def _reduce_class(cls: type, reduced: _Reduced) -> _Reduced:
    look = tuple((name, id(value)) for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__"))
    known = _known.get(cls)
    if known is None:
        known = _known[cls] = _Known(1, look, _own_token)
    elif known.look != look:
        known = _known[cls] = _Known(known.version + 1, look, known.origin)
    return (reduced[0], reduced[1], (known.version, known.origin, reduced[5], reduced[2]), None, None, _fill_class)


def _make_function(code: types.CodeType, token: bytes, closure: Any) -> types.FunctionType:
    return types.FunctionType(code, _space(token), None, None, closure)


def _fill_function(function: types.FunctionType, wrapped: tuple[Any, ...]) -> None:
    setter, state, token, plain, pickled = wrapped
    space = _space(token)
    builtins = space.get("__builtins__")
    setter(function, state)
    if builtins is not None:
        space["__builtins__"] = builtins  # cloudpickle's setter puts its own module's there
    if token == _own_token:
        return  # back where it came from: the globals here are the truth
    received = _received[token]
    for name, value in plain.items():
        if name in received and _same(received[name], value):
            continue
        received[name] = space[name] = value
    for name, data in pickled.items():
        if received.get(name) == data:
            continue  # unchanged since: what tasks made of it here stays
        received[name] = data
        space[name] = cloudpickle.loads(data)


def _same(old: Any, new: Any) -> bool:
    if isinstance(new, types.FunctionType) and isinstance(old, types.FunctionType):
        return bool(old.__code__ == new.__code__ and old.__defaults__ == new.__defaults__ and not new.__closure__)
    return old is new or (type(old) is type(new) and isinstance(new, _PLAIN) and old == new)


def _fill_class(cls: type, wrapped: tuple[int, bytes, Callable[[Any, Any], None], Any]) -> None:
    version, origin, setter, state = wrapped
    known = _known.get(cls)
    if known is not None and (origin == _own_token or known.version >= version):
        return  # the original, or filled already: filling again would reset what tasks made of its attributes
    setter(cls, state)
    _known[cls] = _Known(version, None, origin)
    if cls.__module__ == "__main__" and "." not in cls.__qualname__:
        _space(origin).setdefault(cls.__name__, cls)
