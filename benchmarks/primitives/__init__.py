"""The cost of locks, queues and pipes between two processes, side by side: ``python -m benchmarks.primitives``."""
