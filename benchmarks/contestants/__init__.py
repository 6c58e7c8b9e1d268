"""Who is measured: each is a process of its own, `python -m benchmarks.contestants.NAME TASK.json ANSWER.json`.

Written as their own documentation shows, and committed before the first measurement.
"""
