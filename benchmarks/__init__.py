"""Measurements beside what a user would do instead; run them with `make bench`.

python -m benchmarks                 all parts, and RESULTS.md
python -m benchmarks load archive    these parts alone, on the screen
"""
