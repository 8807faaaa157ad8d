from anypool import Executor, ProcessBackend

with Executor(ProcessBackend(start_method="spawn"), max_workers=1) as ex:
    print(ex.backend, ex.submit(sum, [1, 2, 3]).result())
