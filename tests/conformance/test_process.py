"""The conformance suite on ``process``: our own pool of processes."""

from anypool.testing import ExecutorContract, FaultContract, MapContract, ProcessContract, SyncContract


class TestExecutor(ExecutorContract):
    backend = "process"


class TestMap(MapContract):
    backend = "process"


class TestSync(SyncContract):
    backend = "process"


class TestProcess(ProcessContract):
    backend = "process"


class TestFaults(FaultContract):
    backend = "process"
