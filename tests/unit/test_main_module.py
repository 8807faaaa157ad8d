"""What a program defines in ``__main__``, in another process: one namespace, kept between tasks (E3, E15)."""

from __future__ import annotations

import subprocess
import sys
import textwrap

# The worker's side in a few lines: unpickle a function, call it, send the outcome back; state stays in between.
_PRELUDE = """
import pickle, subprocess, sys
from anypool._core.serialise import dumps, loads
from anypool._core.outcome import decode

_WORKER = '''
import pickle, sys, types
from anypool._core.outcome import encode_error, encode_value
from anypool._core.serialise import loads
main = types.ModuleType("__main__"); main.__anypool_worker__ = True; main.__builtins__ = __builtins__
sys.modules["__main__"] = main
while True:
    try:
        data = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    try:
        f, args = loads(data)
        out = encode_value(f(*args))
    except BaseException as e:
        out = encode_error(e)
    pickle.dump(out, sys.stdout.buffer); sys.stdout.buffer.flush()
'''

class Remote:
    def __init__(self):
        self.p = subprocess.Popen([sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    def __call__(self, f, *args):
        pickle.dump(dumps((f, args)), self.p.stdin); self.p.stdin.flush()
        value, error = decode(pickle.load(self.p.stdout))
        if error: raise error
        return value
    def close(self):
        self.p.stdin.close(); self.p.wait(); self.p.stdout.close()
"""


def run_program(body: str) -> str:
    """Run a program with a worker in it; give what it printed."""
    program = _PRELUDE + "\nremote = Remote()\n" + textwrap.dedent(body) + "\nremote.close()\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_global_set_by_one_task_is_there_for_the_next() -> None:
    """E15: an initializer that sets a global of __main__ works as if the worker had imported the program."""
    out = run_program(
        """
        model = None
        def init(value):
            global model
            model = value
        def task(x):
            return (model or 0) + x
        remote(init, 40)
        print(remote(task, 2), model)
        """
    )
    assert out == "42 None\n"


def test_a_global_that_the_program_changes_travels_again() -> None:
    """E4: what the parent has at the time of the submit is what the task sees."""
    out = run_program(
        """
        config = {"a": 1}
        factor = 2
        def task(): return config["a"] * factor
        print(remote(task))
        config["a"] = 5; factor = 3
        print(remote(task))
        """
    )
    assert out == "2\n15\n"


def test_what_a_task_made_of_a_global_stays_in_its_worker() -> None:
    """A cache in a global of __main__ is kept from task to task, as an importable module's would be."""
    out = run_program(
        """
        cache = {}
        def task(key):
            cache.setdefault(key, len(cache))
            return sorted(cache)
        remote(task, "a")
        print(remote(task, "b"), cache)
        """
    )
    assert out == "['a', 'b'] {}\n"


def test_instances_come_back_as_instances_of_the_same_class() -> None:
    """E3: isinstance holds on return, and the original class is left as it was."""
    out = run_program(
        """
        class Point:
            made = 0
            def __init__(self, x): self.x = x
            def double(self):
                Point.made += 1
                return Point(self.x * 2)
        method = Point.double
        p = remote(Point.double, Point(4))
        print(type(p) is Point, p.x, Point.made, Point.double is method)
        """
    )
    assert out == "True 8 0 True\n"


def test_functions_that_call_one_another_and_themselves() -> None:
    """E3: recursion, helpers and a table that holds the function itself."""
    out = run_program(
        """
        def fib(n): return n if n < 2 else fib(n - 1) + helper(n - 2)
        def helper(n): return table["fib"](n)
        table = {"fib": fib}
        print(remote(fib, 10))
        """
    )
    assert out == "55\n"


def test_a_function_that_comes_back_uses_the_programs_globals() -> None:
    """E3: a closure made by a task is bound to this __main__ once it is here."""
    out = run_program(
        """
        number = 1
        def make():
            def inner(): return number
            return inner
        f = remote(make)
        number = 7
        print(f())
        """
    )
    assert out == "7\n"


def test_exceptions_of_main_are_caught_by_their_class() -> None:
    """E5: ``except MyError`` works for a class of the script."""
    out = run_program(
        """
        class MyError(Exception):
            def __init__(self, a, b): super().__init__(a); self.b = b
        def fail(): raise MyError("x", 3)
        try: remote(fail)
        except MyError as e: print("caught", e, e.b)
        """
    )
    assert out == "caught x 3\n"


def test_a_class_changed_after_its_first_journey_travels_again() -> None:
    """E4: a class attribute that the program set since is seen."""
    out = run_program(
        """
        class Config: x = 1
        def task(): return Config.x
        print(remote(task))
        Config.x = 2
        print(remote(task))
        """
    )
    assert out == "1\n2\n"


def test_main_is_importable_in_the_worker() -> None:
    """A task that pickles an instance itself finds its class in __main__ there."""
    out = run_program(
        """
        class Thing: pass
        def task():
            import pickle
            return type(pickle.loads(pickle.dumps(Thing()))) is Thing
        print(remote(task))
        """
    )
    assert out == "True\n"
