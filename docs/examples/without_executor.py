import anypool


def work(queue, lock):
    with lock:
        queue.put("done")


ctx = anypool.get_context()  # or get_context("thread"); None is ANYPOOL_BACKEND, else "process"
queue, lock = ctx.Queue(), ctx.Lock()
process = ctx.Process(target=work, args=(queue, lock))
process.start()
print(queue.get())
process.join()
ctx.close()
