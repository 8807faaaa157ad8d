import anypool as mp


def produce(queue, numbers):
    for number in numbers:
        queue.put(number)
    queue.put(None)  # says: that was all


def consume(queue, answers):
    total = 0
    while (number := queue.get()) is not None:
        total += number
    answers.put(total)


queue, answers = mp.Queue(), mp.Queue()
producer = mp.Process(target=produce, args=(queue, range(1, 101)))
consumer = mp.Process(target=consume, args=(queue, answers))
producer.start()
consumer.start()
print("the sum is", answers.get())
producer.join()
consumer.join()
