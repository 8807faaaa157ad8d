import itertools

from anypool import Executor

with Executor(max_workers=2) as ex:
    print(list(ex.map(lambda x: x * x, range(8))))
    # Lazy on both ends: an infinite input is read only as far as results are asked for.
    cubes = ex.map(lambda x: x**3, itertools.count())
    print(list(itertools.islice(cubes, 5)))
