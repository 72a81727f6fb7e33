"""Settings of every test.

Test modules are imported by their bare name (pytest's "prepend" mode), so no two may share one, and no folder here
may have an `__init__.py`: `tests/numpy` would then stand in for NumPy itself.
"""

from hypothesis import settings

# Tests never assert on time; and what passed yesterday passes today (run with --hypothesis-profile=explore to roam).
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("repeatable")
