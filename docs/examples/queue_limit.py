import queue

import anypool


def produce(items):
    for number in range(1000):
        items.put(number)  # waits while there are 10 already: the producer never runs far ahead
    items.put(None)


items = anypool.Queue(maxsize=10)
producer = anypool.Process(target=produce, args=(items,))
producer.start()
total, longest = 0, 0
while (number := items.get()) is not None:
    longest = max(longest, items.qsize())
    total += number
producer.join()
print(total, longest <= 10)

small = anypool.Queue(maxsize=1)
small.put("first")
try:
    small.put("second", timeout=0.05)
except queue.Full:
    print("full after", small.qsize())
