"""Benchmarks, as ratios to a bare Python on the same machine in the same minute."""
