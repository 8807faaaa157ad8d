"""The conformance suite on ``thread``: threads of one process."""

from anypool.testing import ExecutorContract, FaultContract, MapContract, ProcessContract, SyncContract


class TestExecutor(ExecutorContract):
    backend = "thread"


class TestMap(MapContract):
    backend = "thread"


class TestSync(SyncContract):
    backend = "thread"


class TestProcess(ProcessContract):
    backend = "thread"


class TestFaults(FaultContract):
    backend = "thread"


class TestIsolatedExecutor(TestExecutor):
    isolate = True


class TestIsolatedMap(TestMap):
    isolate = True


class TestIsolatedSync(TestSync):
    isolate = True


class TestIsolatedProcess(TestProcess):
    isolate = True
