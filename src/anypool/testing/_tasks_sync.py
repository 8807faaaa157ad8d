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
    if kind in ("Lock", "Semaphore", "Condition"):
        return primitive.acquire(True, 10)
    if kind == "Event":
        return primitive.set()
    if kind == "Barrier":
        return primitive.abort()
    if kind.endswith("Queue"):
        return primitive.put("touched")
    if kind.endswith("Value"):
        primitive.value += 1
        return None
    if kind.endswith("Array"):
        primitive[1] += 1
        return None
    return primitive.send("touched")


def kind_of(primitive: Any) -> str:
    """Give the name of the contract that a primitive keeps."""
    from ctypes import Array, c_int

    from anypool import abc

    for name in _KINDS:
        if isinstance(primitive, getattr(abc, name)):
            return name
    if isinstance(primitive, (c_int, Array)):
        return "RawValue" if isinstance(primitive, c_int) else "RawArray"
    raise AssertionError(f"{primitive!r} is no primitive of anypool")


#: An RLock and a Semaphore are a Lock too, and a JoinableQueue a Queue.
_KINDS = (
    *("RLock", "Semaphore", "Lock", "Condition", "Event", "Barrier"),
    *("JoinableQueue", "Queue", "SimpleQueue", "Connection", "Array", "Value"),
)


def touch_all(primitives: list[Any]) -> list[Any]:
    """Touch many."""
    return [touch(primitive) for primitive in primitives]


def touch_in_dict(nested: dict[str, list[Any]]) -> Any:
    """Touch a primitive inside containers."""
    return touch(nested["a"][0])


def touch_in_box(box: tasks.Box) -> Any:
    """Touch a primitive inside a dataclass."""
    return touch(box.content)


def touch_from_queue(queue: Any, count: int) -> list[Any]:
    """Touch primitives that come through a queue, one after the other."""
    return [touch(queue.get()) for _ in range(count)]


def touch_from_pipe(end: Any, count: int) -> list[Any]:
    """Touch primitives that come through a pipe, one after the other."""
    return [touch(end.recv()) for _ in range(count)]


def touch_and_report(primitives: list[Any], queue: Any) -> None:
    """Touch primitives in a ``Process``, which has no result."""
    queue.put(touch_all(primitives))


def touch_in_nested_executor(backend: str, settings: dict[str, Any], primitives: list[Any]) -> Any:
    """Touch primitives in a task of an executor that this task opens."""
    from anypool import Executor

    with Executor(backend, 1, **settings) as ex:
        return ex.submit(touch_all, primitives).result(30)


def touch_initialized(*_: Any) -> list[Any]:
    """Touch what the initializer left."""
    return touch_all(tasks.initialized)


def leave(*primitives: Any) -> None:
    """An initializer that leaves primitives for the tasks."""
    tasks.initialized[:] = primitives


def make_primitives(backend: str, kinds: list[tuple[str, tuple[Any, ...]]]) -> list[Any]:
    """Make primitives inside a task and return them."""
    import anypool

    context = anypool.get_context(backend)
    return [getattr(context, kind)(*args) for kind, args in kinds]


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
