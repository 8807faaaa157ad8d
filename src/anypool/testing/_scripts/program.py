"""An unguarded program that gives its own lambdas, closures, classes and globals to tasks (E3, E15)."""

import dataclasses
import functools
import json
import sys
from typing import Any

from anypool import Executor

backend, settings = sys.argv[1], json.loads(sys.argv[2])
offset = 100
prepared = "not prepared"


class Point:
    """A class of ``__main__``."""

    def __init__(self, x: int) -> None:
        self.x = x

    def moved(self, by: int) -> "Point":
        """Give another one."""
        return Point(self.x + by)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and self.x == other.x

    __hash__ = None  # type: ignore[assignment]


class Special(Point):
    """A subclass that calls its base."""

    def moved(self, by: int) -> "Special":
        """Give another one, by way of super()."""
        return Special(super().moved(by).x)


@dataclasses.dataclass
class Record:
    """A dataclass that holds another class's instance."""

    point: Point
    tags: list[str]


class MainError(Exception):
    """An exception of ``__main__``."""


def prepare(text: str) -> None:
    """Set a global, as an initializer does."""
    global prepared
    prepared = text


def read_prepared() -> str:
    """Read the global that the initializer set."""
    return prepared


def with_offset(number: int) -> int:
    """Use a global."""
    return helper(number) + offset


def helper(number: int) -> int:
    """Be called by another function of ``__main__``."""
    return number * 2


def is_special(value: object) -> bool:
    """Check an instance in the worker."""
    return isinstance(value, Special) and isinstance(value, Point)


def fail() -> None:
    """Raise an exception of ``__main__``."""
    raise MainError("from main")


def closure(step: int) -> Any:
    """Make a closure."""

    def add(number: int) -> int:
        return number + step

    return add


def report(queue: Any, value: Any) -> None:
    """Answer from a process."""
    queue.put((type(value).__name__, value))


with Executor(backend, 2, initializer=prepare, initargs=("prepared",), **settings) as ex:
    assert ex.submit(lambda: 1 + 1).result(30) == 2
    assert ex.submit(closure(5), 1).result(30) == 6
    assert ex.submit(functools.partial(with_offset, 4)).result(30) == 108
    assert list(ex.map(with_offset, range(3))) == [100, 102, 104]
    assert ex.submit(read_prepared).result(30) == "prepared"
    assert set(ex.map(lambda _: read_prepared(), range(10))) == {"prepared"}

    moved = ex.submit(Special(1).moved, 2).result(30)
    assert isinstance(moved, Special) and isinstance(moved, Point) and moved.x == 3
    assert type(moved) is Special
    assert ex.submit(is_special, moved).result(30)
    assert ex.submit(lambda point: point == Point(7), Point(7)).result(30) is True
    record = ex.submit(lambda value: value, Record(Point(1), ["a"])).result(30)
    assert type(record) is Record and record == Record(Point(1), ["a"])

    try:
        ex.submit(fail).result(30)
    except MainError as error:
        assert str(error) == "from main"
    else:
        raise AssertionError("there was no error")

    queue = ex.Queue()
    queue.put(Point(9))
    assert ex.submit(lambda items: items.get().x, queue).result(30) == 9
    process = ex.Process(target=report, args=(queue, Point(3)))
    process.start()
    assert queue.get(timeout=30) == ("Point", Point(3))
    process.join(30)
    assert process.exitcode == 0

    Base: Any = ex.Process

    class Worker(Base):  # type: ignore[misc]  # the class is the backend's
        """A process class of ``__main__``."""

        def __init__(self, point: Point) -> None:
            super().__init__()
            self.point = point

        def run(self) -> None:
            """Answer."""
            queue.put(self.point.moved(1))

    worker = Worker(Special(4))
    worker.start()
    assert queue.get(timeout=30) == Special(5)
    worker.join(30)
    assert worker.exitcode == 0

print("all is well")
