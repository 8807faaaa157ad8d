import anypool as mp


def work(jobs, done):
    while True:
        number = jobs.get()
        done.put(number * number)
        jobs.task_done()


jobs, done = mp.JoinableQueue(), mp.Queue()
for _ in range(2):
    mp.Process(target=work, args=(jobs, done), daemon=True).start()  # a daemon ends with the program
for number in range(5):
    jobs.put(number)
jobs.join()  # every job has been taken, and been said to be done
print(sorted(done.get() for _ in range(5)))
