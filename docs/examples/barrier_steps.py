from threading import BrokenBarrierError

import anypool


def simulate(number, heat, step):
    for _ in range(3):
        average = sum(heat) / len(heat)
        step.wait()  # nobody writes before all have read
        heat[number] = (heat[number] + average) / 2
        step.wait()  # nobody reads before all have written


heat, history = anypool.Array("d", [0, 32, 64]), anypool.Queue()
step = anypool.Barrier(3, action=lambda: history.put(heat[:]))  # called by one of the three, each time
processes = [anypool.Process(target=simulate, args=(number, heat, step)) for number in range(3)]
for process in processes:
    process.start()
for process in processes:
    process.join()
while not history.empty():
    history.get()  # as it was read
    print(history.get())  # as it was written

alone = anypool.Barrier(2)
try:
    alone.wait(timeout=0.05)
except BrokenBarrierError:
    print("the other one did not come, so the barrier is broken:", alone.broken)
alone.reset()
print("and as new:", alone.broken)
