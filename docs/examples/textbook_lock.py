import tempfile

import anypool as mp


def read(path):
    with open(path) as file:
        return int(file.read())


def write(path, number):
    with open(path, "w") as file:
        file.write(str(number))


def careless(path, both_have_read):
    number = read(path)
    both_have_read.wait()  # bad luck, made certain: the other one has read the same number
    write(path, number + 1)


def careful(path, lock):
    with lock:  # one at a time is in here
        write(path, read(path) + 1)


def run_two(function, path, primitive):
    write(path, 0)
    processes = [mp.Process(target=function, args=(path, primitive)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return read(path)


with tempfile.NamedTemporaryFile() as file:
    print("without a lock, 1 + 1 =", run_two(careless, file.name, mp.Barrier(2)))
    print("with a lock, 1 + 1 =", run_two(careful, file.name, mp.Lock()))
