"""The conformance suite on ``serial``: the reference backend."""

from anypool.testing import ExecutorContract, FaultContract, MapContract, ProcessContract, SyncContract


class TestExecutor(ExecutorContract):
    backend = "serial"


class TestMap(MapContract):
    backend = "serial"


class TestSync(SyncContract):
    backend = "serial"


class TestProcess(ProcessContract):
    backend = "serial"


class TestFaults(FaultContract):
    backend = "serial"


class TestIsolatedExecutor(TestExecutor):
    isolate = True


class TestIsolatedMap(TestMap):
    isolate = True


class TestIsolatedSync(TestSync):
    isolate = True


class TestIsolatedProcess(TestProcess):
    isolate = True
