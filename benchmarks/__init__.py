"""Overhead of anypool and of its peers, measured side by side in one run: ``python -m benchmarks --help``.

``_subjects`` are the pools, ``_workloads`` what they are given, ``_runner`` takes the times, ``_report`` shows them.
"""
