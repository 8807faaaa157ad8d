import time

import anypool as mp


class Clock(mp.Process):
    def __init__(self, ticks):
        super().__init__(name="clock")
        self.ticks = ticks

    def run(self):
        for tick in range(1, self.ticks + 1):
            time.sleep(0.01)
            print(self.name, "ticks", tick)


clock = Clock(3)
clock.start()
clock.join()
print("exit code", clock.exitcode)
