from anypool import Executor, HolderDied


def move(lock, accounts, half_done, never):
    lock.acquire()  # not "with lock:": a thread that is stopped would let go
    accounts[0] -= 10
    half_done.set()
    never.wait()
    accounts[1] += 10
    lock.release()


with Executor(max_workers=1) as ex:
    lock, accounts = ex.Lock(), ex.Array("i", [100, 0])
    half_done, never = ex.Event(), ex.Event()
    mover = ex.Process(target=move, name="mover", args=(lock, accounts, half_done, never))
    mover.start()
    half_done.wait()
    if holder := lock.holder():
        print("held by", holder.name)
    mover.kill()

    try:
        lock.acquire()  # multiprocessing's would wait here for ever
    except HolderDied as error:
        print(f"the {error.kind} was held by {error.name}, which is dead")
        print("found", accounts[:])

    with lock:  # the error did not give us the lock; it is free, so take it as usual
        accounts[1] = 100 - accounts[0]
    print("mended", accounts[:])
    mover.join()
