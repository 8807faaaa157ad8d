from anypool import Executor


def append(items, answers):
    items.append("new")
    answers.put(items)


items = ["old"]
with Executor(isolate=True) as ex:  # threads copy too, as processes always do
    answers = ex.Queue()
    process = ex.Process(target=append, args=(items, answers))
    process.start()
    print("there:", answers.get())
    process.join()
print("here:", items)
