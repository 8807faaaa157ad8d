"""A program that ends without shutting its executor down, in one way or another (E11)."""

import itertools
import json
import os
import sys
import warnings

from anypool import Executor
from anypool.testing import _tasks as tasks

backend, settings, log, how = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]
ex = Executor(backend, 1, **settings)
lock, event, queue, pipe = ex.Lock(), ex.Event(), ex.Queue(), ex.Pipe()
queue.put("left behind")
futures = [ex.submit(tasks.append_line, log, number) for number in range(5)]

if how == "exit code":
    sys.exit(3)
elif how == "exception":
    raise ValueError("the program failed")
elif how == "unread map":
    ex.map(tasks.append_line, [log] * 20, range(5, 25))
elif how == "endless map":
    results = ex.map(tasks.square, itertools.count())
    assert [next(results), next(results)] == [0, 1]
elif how == "failed task":
    ex.submit(tasks.raise_stubborn, 1)
elif how == "collected":
    del ex, futures
elif how == "shutdown without waiting":
    ex.shutdown(wait=False)
elif how == "killed workers":
    futures[-1].result()
    ex.kill_workers()
elif how == "process":
    process = ex.Process(target=tasks.append_line, args=(log, 5))
    process.start()
elif how == "daemon":
    process = ex.Process(target=event.wait, daemon=True)
    process.start()
elif how == "fork":
    futures[-1].result()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that forking with threads is unwise is known; users do it all the same
        child = os.fork()
    if child == 0:
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ex.submit(tasks.append_line, log, 5).result(30) == 5
    assert queue.get(timeout=30) == "left behind"
else:
    assert how == "nothing", how
