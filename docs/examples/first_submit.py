from anypool import Executor

with Executor(max_workers=2) as ex:
    future = ex.submit(pow, 2, 100)
    print(future.result())
