import os
from pathlib import Path

from anypool import Executor


def count(path, lock, results):
    words = len(path.read_text(errors="replace").split())
    with lock:
        print(f"{path.name}: {words} words")
    results.put((words, path.name))


paths = sorted(Path(os.__file__).parent.glob("*.py"))[:20]

with Executor(max_workers=2) as ex:  # or Executor("serial"), "thread", "process", "loky"
    lock, results = ex.Lock(), ex.Queue()
    for future in [ex.submit(count, path, lock, results) for path in paths]:
        future.result()
    words, name = max(results.get() for _ in paths)
    print(f"the longest is {name}")
