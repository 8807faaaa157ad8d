from anypool import Executor


def double(conn, stop):
    while not stop.is_set():
        if conn.poll(0.05):
            conn.send(conn.recv() * 2)


with Executor(max_workers=2) as ex:
    here, there = ex.Pipe()
    stop = ex.Event()
    process = ex.Process(target=double, args=(there, stop))
    process.start()
    for value in (21, "bye"):
        here.send(value)
        print(here.recv())
    stop.set()
    process.join()
    print(process.exitcode)
