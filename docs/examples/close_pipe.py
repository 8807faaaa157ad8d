import anypool


def add(connection):
    total = 0
    while True:
        try:
            total += connection.recv()
        except EOFError:  # nobody can send any more
            print("the sum is", total)
            return


receiver, sender = anypool.Pipe(duplex=False)  # one way: the first end receives, the second sends
process = anypool.Process(target=add, args=(receiver,))
process.start()
receiver.close()  # the process has it
with sender:  # closes it, and so ends the process's loop
    for number in range(10):
        sender.send(number)
process.join()

one, other = anypool.Pipe()
other.close()
try:
    one.send("anybody there?")
except BrokenPipeError:
    print("nobody is left to receive")
