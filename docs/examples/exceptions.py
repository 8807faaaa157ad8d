from anypool import Executor, SerializationError


def divide(a, b):
    return a / b


with Executor(max_workers=2, isolate=False) as ex:
    try:
        ex.submit(divide, 1, 0).result()
    except ZeroDivisionError as error:
        print("as it was raised:", error)

    good, bad = ex.submit(divide, 6, 3), ex.submit(lambda: (i for i in range(3)))
    print(good.result())
    try:
        print(*bad.result())  # threads hand the generator over
    except SerializationError:
        print("a generator cannot travel between processes")
