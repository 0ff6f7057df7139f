"""Whether the tests would notice: one place of the source is broken at a time.

    python -m tests.mutation nnplug/training nnplug/runs/keeping.py --places 100 --seed 1

`places.py` finds what can be broken, `trials.py` runs tests on a copy of the tree,
`record.py` finds the tests that run a function, `__main__.py` is the command.
"""
