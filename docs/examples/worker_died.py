import os
import signal

from anypool import Executor, WorkerDied, worker


def work(number):
    if number == 3:
        os.kill(worker().pid, signal.SIGKILL)  # as the kernel does when memory runs out
    return number


with Executor(max_workers=2) as ex:
    if ex.capabilities.processes:  # on threads it would be the end of the program
        for future in [ex.submit(work, number) for number in range(6)]:
            try:
                print(future.result())
            except WorkerDied as error:
                print(f"task {error.task_id} died: exit code {error.exitcode}")
