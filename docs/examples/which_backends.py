import anypool

print(anypool.known_backends())  # sorted; those whose engine is missing too
print(anypool.available_backends())

try:
    anypool.Executor("no-such-thing")
except anypool.UnknownBackend as error:
    print(error)
