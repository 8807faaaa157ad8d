"""The interpreter's exit: pending work is finished, as the standard library does; after a Ctrl-C all ends at once.

loky's own hook would stop the executors before what waits in our queue has reached them (E11, E12).
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from anypool._core import session

if TYPE_CHECKING:
    from anypool._backends._loky_lanes import LokyPool

__all__ = ["watch"]

_pools: WeakSet[LokyPool] = WeakSet()
_lock = threading.Lock()
_registered = False


def watch(pool: LokyPool) -> None:
    """See to it that ``pool`` has ended when the interpreter does."""
    global _registered
    with _lock:
        if not _registered:
            _register()
            _registered = True
        _pools.add(pool)


def _register() -> None:
    import loky.process_executor as engine

    register: Any = threading._register_atexit  # type: ignore[attr-defined]  # not in typeshed
    # Hooks run in reverse. loky adds its own with every executor, because _register_atexit returns the None by which
    # loky knows that it has not registered yet; so it would always come before ours, and at the exit, when it is too
    # late to register, no lane could be replaced any more. It is registered here, once and before ours.
    if getattr(engine, "process_pool_executor_at_exit", True) is None:
        register(engine._python_exit)
        engine.process_pool_executor_at_exit = True
    register(at_exit)


def at_exit() -> None:
    force = True
    try:
        session.at_exit()  # now, for the facade's own hook is older than loky's; a second time it finds nothing to do
        force = session.ended_by_interrupt()
        if not force:
            for pool in list(_pools):  # those whose executors were collected
                pool.shutdown(wait=True, cancel_pending=False)
    except BaseException:
        force = True
        raise
    finally:
        if force:
            for pool in list(_pools):
                pool.stop(force=True)


def _after_fork() -> None:
    # The parent's pools, and its locks as they were held.
    global _lock
    _lock = threading.Lock()
    _pools.clear()


os.register_at_fork(after_in_child=_after_fork)
