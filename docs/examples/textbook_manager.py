import anypool as mp


def visit(name, ages, names):
    ages[name] = len(name)
    names.append(name)


with mp.Manager() as manager:
    ages, names = manager.dict(), manager.list()
    processes = [mp.Process(target=visit, args=(name, ages, names)) for name in ("ada", "grace")]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(sorted(names), ages["grace"])
