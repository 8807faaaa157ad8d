from anypool import Executor


def append(items):
    items.append("new")
    return len(items)


items = ["old"]
with Executor("thread", max_workers=1) as ex:  # by reference: the task changes our list
    ex.submit(append, items).result()
print(items)

items = ["old"]
with Executor("thread", max_workers=1, isolate=True) as ex:  # a copy, as on processes
    ex.submit(append, items).result()
print(items)
