"""How fast optlib is beside code written by hand and beside torch: ``python -m benchmarks``."""
