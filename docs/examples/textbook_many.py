import tempfile
from pathlib import Path

import anypool as mp


def square(number, folder):
    Path(folder, f"{number}.txt").write_text(str(number * number))


with tempfile.TemporaryDirectory() as folder:
    processes = []
    for number in range(4):
        process = mp.Process(target=square, args=(number, folder))
        process.start()
        processes.append(process)
    for process in processes:  # a loop of its own: all run before the first is waited for
        process.join()
    for number in range(4):
        print(number, "squared is", Path(folder, f"{number}.txt").read_text())
