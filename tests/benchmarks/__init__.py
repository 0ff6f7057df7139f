"""Benchmarks: `python -m tests.benchmarks`; how they measure is in docs/benchmarks.md."""
