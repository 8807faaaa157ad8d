import tempfile

from anypool import Executor


def visit(name, lock, log, found):
    with lock, open(log, "a") as file:  # one task at a time is in here, on every backend
        file.write(name + "\n")
    if name.startswith("a"):
        found.put(name)


with tempfile.NamedTemporaryFile() as log, Executor(max_workers=2) as ex:
    lock, found = ex.Lock(), ex.Queue()
    names = ["ada", "alan", "grace", "edsger"]
    list(ex.map(lambda name, log=log.name: visit(name, lock, log, found), names))  # the lambda captures lock and queue
    print(sorted(found.get() for _ in range(found.qsize())))
    print(len(log.readlines()), "lines in the log")
