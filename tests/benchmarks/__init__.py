"""Measured speed; `make bench` runs it all and writes `results.md`."""
