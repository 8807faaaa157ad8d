import anypool as mp


def work(number, total, squares):
    squares[number] = number * number
    for _ in range(100):
        with total.get_lock():  # reading and writing are two steps: nobody may come between
            total.value += 1


total = mp.Value("i", 0)  # an int
squares = mp.Array("d", 3)  # three floats
processes = [mp.Process(target=work, args=(number, total, squares)) for number in range(3)]
for process in processes:
    process.start()
for process in processes:
    process.join()
print(total.value, squares[:])
