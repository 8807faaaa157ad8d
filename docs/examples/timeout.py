import time

from anypool import Executor, TaskTimeout, Unsupported

with Executor(max_workers=2) as ex:
    try:
        future = ex.options(timeout=0.2).submit(time.sleep, 60)
    except Unsupported as error:
        print(error)  # names the backends that can
    else:
        try:
            future.result()
        except TaskTimeout as error:
            print(error)
