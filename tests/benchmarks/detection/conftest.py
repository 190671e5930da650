"""What needs the packages of the benchmark's own environment is run there: `make test-bench`, which is a
part of `make test`."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("numpy") else ["test_baselines.py"]
