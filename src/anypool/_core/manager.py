"""``Manager()``: the standard library's server of shared objects, in a process of our own launch (X3).

::

    m.dict() --> SyncManager (multiprocessing's) ==socket==> server process <==socket== proxies, wherever they were sent

Proxies, refcounts and the server are ``multiprocessing``'s. Ours are the start, which neither forks nor runs the
program again; the pickling, by which functions and classes of ``__main__`` can be put into the server; and the end,
which comes with the program's, however that ends.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, ItemsView, KeysView, ValuesView
from multiprocessing import connection, managers, process
from typing import Any

from anypool._core import contexts, serialise
from anypool.abc import Pool

__all__ = ["SyncManager", "start_manager"]

#: Seconds that the server has for its own end once the program has ended.
_GRACE = 1.5


def start_manager() -> managers.SyncManager:
    """Start a manager's server and give its manager."""
    # Our _Start is all that the manager asks of a context; typeshed wants a whole one.
    manager = SyncManager(serializer=SERIALIZER, ctx=_Start())  # type: ignore[arg-type]
    manager.start()
    return manager


class _Start:
    """What a manager asks of a context: a process that has not started."""

    def Process(self, target: Callable[..., object], args: tuple[Any, ...]) -> Any:
        # Not a daemon, which could have no children: m.Pool() needs some. It sees to its own end instead.
        return contexts.get_context("process").Process(target=_serve, args=(target, args))


def _serve(target: Callable[..., object], args: tuple[Any, ...]) -> None:
    """Run the server, in its process, for as long as the program lives."""
    threading.Thread(target=_end_with_parent, name="anypool-manager-end", daemon=True).start()
    target(*args)


def _end_with_parent() -> None:
    # Not by a signal, as workers end: the server has to remove its socket and its folder from the disk.
    parent: Any = process.parent_process()
    parent.join()
    server = getattr(process.current_process(), "_manager_server", None)
    if server is not None:
        server.stop_event.set()
    time.sleep(_GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


# --- how objects travel to the server and back ---------------------------------------------------------------------


class _Serializer(str):
    """The name under which managers and proxies find our pickling.

    A proxy carries it along. Its own pickle imports this module, so the name is known wherever a proxy arrives.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_serializer, ())


def _serializer() -> _Serializer:
    return SERIALIZER


def _dumps(message: Any) -> bytes:
    # What d.keys() and its like return in the server: a list here, as multiprocessing's own pickler makes of them.
    if type(message) is tuple and isinstance(message[-1], (KeysView, ValuesView, ItemsView)):
        message = (*message[:-1], list(message[-1]))
    return serialise.dumps(message, "message")


class _Listener(connection.Listener):
    def accept(self) -> Any:
        return _connection.ConnectionWrapper(super().accept(), _dumps, serialise.loads)


def _client(*args: Any, **kwargs: Any) -> Any:
    return _connection.ConnectionWrapper(connection.Client(*args, **kwargs), _dumps, serialise.loads)


# typeshed leaves these two names out; multiprocessing adds its own second serializer, for XML, in the same way.
_connection: Any = connection
_managers: Any = managers

SERIALIZER = _Serializer("anypool")
_managers.listener_client[SERIALIZER] = (_Listener, _client)


# --- what the server makes -----------------------------------------------------------------------------------------


def _pool(*args: Any, **kwargs: Any) -> Pool:
    return contexts.get_context("process").Pool(*args, **kwargs)


class SyncManager(managers.SyncManager):
    """``multiprocessing.managers.SyncManager``, but what ``Pool`` gives is ours: no fork of the server's threads."""


SyncManager.register("Pool", _pool, managers.PoolProxy)  # type: ignore[attr-defined]  # not in typeshed
