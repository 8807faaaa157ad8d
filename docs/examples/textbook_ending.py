import sys

import anypool as mp


def give_up():
    sys.exit(3)


def wait(event):
    event.wait()


event, never = mp.Event(), mp.Event()
one = mp.Process(target=give_up)
two = mp.Process(target=wait, args=(never,))
three = mp.Process(target=wait, args=(event,))
for process in (one, two, three):
    process.start()
one.join()
print("said itself how it ends:", one.exitcode)
two.terminate()
two.join()
print("terminated:", two.exitcode)
print("still there:", three.is_alive(), three.exitcode)
event.set()
three.join()
print("returned:", three.exitcode)
