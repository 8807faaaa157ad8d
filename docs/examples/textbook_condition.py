import anypool as mp


def buy(wallet, condition):
    with condition:
        condition.wait_for(lambda: wallet.value >= 10)  # lets the lock go while it waits
        wallet.value -= 10


wallet, condition = mp.Value("i", 0), mp.Condition()
process = mp.Process(target=buy, args=(wallet, condition))
process.start()
for _ in range(3):
    with condition:
        wallet.value += 5
        condition.notify()  # something has changed: look again
process.join()
print("left in the wallet:", wallet.value)
