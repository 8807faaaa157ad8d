import anypool as mp


def answer(connection):
    question = connection.recv()
    connection.send(question.upper())
    connection.send("goodbye")
    connection.close()


here, there = mp.Pipe()
process = mp.Process(target=answer, args=(there,))
process.start()
there.close()  # this end is the process's now
here.send("hello")
while True:
    try:
        print(here.recv())
    except EOFError:  # all is read, and nobody holds the other end any more
        break
process.join()
