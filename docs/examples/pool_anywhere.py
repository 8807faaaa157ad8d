import itertools

import anypool


def square(number):
    return number * number


def divide(number, by):
    return number / by


with anypool.Pool(2) as pool:  # anypool.get_context("thread").Pool(2) is one of threads
    print(pool.starmap(divide, [(6, 3), (1, 4)]))

    # Lazy on both ends: an endless input works. The iterator is dropped behind this line, and that ends it.
    print(list(itertools.islice(pool.imap(square, itertools.count()), 5)))

    result = pool.apply_async(divide, (1, 0), callback=print, error_callback=lambda error: print("failed:", error))
    result.wait()  # until the callback has returned
    print(result.successful())

    pool.close()  # no more work ...
    pool.join()  # ... and wait until all is done
