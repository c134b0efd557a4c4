"""Benchmarks: each module has a `main` that prints figures measured side by side in one run."""
