import anypool


def work(places, inside, never):
    places.acquire()
    inside.set()
    never.wait()


places, inside = anypool.Semaphore(2), anypool.Event()
process = anypool.Process(target=work, args=(places, inside, anypool.Event()))
process.start()
inside.wait()
process.kill()
process.join()
print("free places:", places.get_value())  # its place stays taken
places.release()  # we know that it had one, so we give it back
print("free places:", places.get_value())
