from anypool import Executor

greeting = "unset"


def prepare(text):
    global greeting
    greeting = text


def greet(name):
    return f"{greeting}, {name}"


with Executor(max_workers=1, initializer=prepare, initargs=("hello",)) as ex:
    print(ex.submit(greet, "worker").result())
