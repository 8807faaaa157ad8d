import anypool as mp


def greet(name):
    print(f"hello, {name}")


process = mp.Process(target=greet, args=("world",))
process.start()  # it runs beside this program from here on
process.join()  # wait until it has ended
print("exit code", process.exitcode)
