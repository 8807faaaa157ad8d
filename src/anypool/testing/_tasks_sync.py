"""Functions that the suite's tasks do with primitives; importable by workers, so they import little themselves."""

from __future__ import annotations

from typing import Any

from anypool.testing import _tasks as tasks

__all__: list[str] = []  # the suite's own; nothing to export


def touch(primitive: Any) -> Any:
    """Do something to a primitive that whoever shares it can see; see ``_sync_travel`` for the other half."""
    kind = kind_of(primitive)
    if kind == "RLock":
        return primitive.acquire(False)
    if kind in ("Lock", "Semaphore"):
        return primitive.acquire(True, 10)
    if kind == "Event":
        return primitive.set()
    if kind == "Queue":
        return primitive.put("touched")
    return primitive.send("touched")


def kind_of(primitive: Any) -> str:
    """Give the name of the contract that a primitive keeps."""
    from anypool import abc

    for name in ("RLock", "Semaphore", "Lock", "Event", "Queue", "Connection"):
        if isinstance(primitive, getattr(abc, name)):
            return name
    raise AssertionError(f"{primitive!r} is no primitive of anypool")


def touch_in_dict(nested: dict[str, list[Any]]) -> Any:
    """Touch a primitive inside containers."""
    return touch(nested["a"][0])


def touch_in_box(box: tasks.Box) -> Any:
    """Touch a primitive inside a dataclass."""
    return touch(box.content)


def touch_from_queue(queue: Any) -> Any:
    """Touch a primitive that comes through a queue."""
    return touch(queue.get(timeout=20))


def touch_from_pipe(end: Any) -> Any:
    """Touch a primitive that comes through a pipe."""
    return touch(end.recv())


def touch_and_report(primitive: Any, queue: Any) -> None:
    """Touch a primitive in a ``Process``, which has no result."""
    queue.put(touch(primitive))


def touch_in_nested_executor(backend: str, settings: dict[str, Any], primitive: Any) -> Any:
    """Touch a primitive in a task of an executor that this task opens."""
    from anypool import Executor

    with Executor(backend, 1, **settings) as ex:
        return ex.submit(touch, primitive).result(30)


def touch_initialized(*_: Any) -> Any:
    """Touch what the initializer left."""
    return touch(tasks.initialized[0])


def leave(primitive: Any) -> None:
    """An initializer that leaves a primitive for the tasks."""
    tasks.initialized[:] = [primitive]


def make_primitive(backend: str, kind: str) -> Any:
    """Make a primitive inside a task and return it."""
    import anypool

    made = getattr(anypool.get_context(backend), kind)()
    return made


def increment(path: Any, lock: Any) -> None:
    """Add one to the number in a file, reading and writing it apart, so that only the lock prevents a loss."""
    with lock, open(path, "r+") as file:
        number = int(file.read() or 0)
        file.seek(0)
        file.write(str(number + 1))


def put_all(queue: Any, items: Any) -> None:
    """Put many items."""
    for item in items:
        queue.put(item)


def take_until_none(queue: Any) -> list[Any]:
    """Get items until there comes a None."""
    taken = []
    while (item := queue.get(timeout=20)) is not None:
        taken.append(item)
    return taken


def release(lock: Any) -> str | None:
    """Release; give the name of the exception, if there is one."""
    try:
        lock.release()
    except Exception as error:
        return type(error).__name__
    return None


def acquire_in_order(lock: Any, block: bool = True, timeout: float | None = None) -> Any:
    """Acquire, and leave it acquired."""
    return lock.acquire(block, timeout)


def wait_for_event(event: Any, timeout: float | None = None) -> Any:
    """Wait for an event."""
    return event.wait(timeout)


def arrive_and_wait(gate: Any, event: Any) -> Any:
    """Report to the gate, then wait for the event."""
    gate.arrive()
    return event.wait(20)


def arrive_and_acquire(gate: Any, lock: Any) -> Any:
    """Report to the gate, then acquire."""
    gate.arrive()
    return lock.acquire(True, 20)


def send_all(end: Any, items: Any) -> None:
    """Send many objects and close the end."""
    for item in items:
        end.send(item)
    end.close()


def echo(end: Any) -> int:
    """Send back what comes until the end of the pipe; tell how much it was."""
    count = 0
    with end:
        while True:
            try:
                item = end.recv()
            except EOFError:
                return count
            end.send(item)
            count += 1
