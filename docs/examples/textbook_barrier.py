import anypool as mp


def run(number, ready, start, counts):
    ready[number] = 1
    start.wait()  # nobody goes on before all three are here
    counts.put(sum(ready))


ready, start, counts = mp.Array("i", 3), mp.Barrier(3), mp.Queue()
processes = [mp.Process(target=run, args=(number, ready, start, counts)) for number in range(3)]
for process in processes:
    process.start()
print("each of them counted", *[counts.get() for _ in range(3)])
for process in processes:
    process.join()
