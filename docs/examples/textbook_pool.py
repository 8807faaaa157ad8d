import anypool as mp


def square(number):
    return number * number


with mp.Pool(2) as pool:
    print(pool.map(square, range(6)))
    print(pool.starmap(pow, [(2, 10), (3, 3)]))
    result = pool.apply_async(square, (12,))  # does not wait
    print(result.get())
    print(sum(pool.imap_unordered(square, range(100))))
