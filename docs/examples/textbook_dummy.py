import sys

import anypool

mp = anypool.get_context("dummy")  # threads, with the names of processes


def talk(connection):
    connection.send("hello from a thread")
    connection.close()
    sys.exit(3)


def wait(event):
    event.wait()


here, there = mp.Pipe()
talker = mp.Process(target=talk, args=(there,))
talker.start()
there.close()
print(here.recv())
try:
    here.recv()
except EOFError:
    print("the end of the pipe")
talker.join()
print("exit code", talker.exitcode)

waiter = mp.Process(target=wait, args=(mp.Event(),))
waiter.start()
waiter.terminate()
waiter.join()
print("exit code", waiter.exitcode)

with mp.Pool(4) as pool:
    print(pool.map(len, ["one", "three", "seven"]))
