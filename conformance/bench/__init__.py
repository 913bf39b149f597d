"""Speed, as ratios within one run: what hardsuit adds to the primitives it cannot do without.

``python -m conformance.bench`` runs the benchmarks here under pytest-benchmark and prints the ratios
beside their targets (DESIGN §11). The times themselves say more about the machine than about us.
"""
