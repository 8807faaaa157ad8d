"""The conformance suite on ``loky``: loky's processes."""

from anypool.testing import ExecutorContract, FaultContract, MapContract, ProcessContract, SyncContract


class TestExecutor(ExecutorContract):
    backend = "loky"


class TestMap(MapContract):
    backend = "loky"


class TestSync(SyncContract):
    backend = "loky"


class TestProcess(ProcessContract):
    backend = "loky"


class TestFaults(FaultContract):
    backend = "loky"
