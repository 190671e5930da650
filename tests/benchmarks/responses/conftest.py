"""What needs NumPy is run in the benchmark's own environment: `make test-bench`, a part of `make test`."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = (
    []
    if find_spec("numpy")
    else [
        "test_logprobs_algebra.py",
        "test_logprobs_attacks.py",
        "test_student.py",
        "test_student_labels.py",
        "toy.py",
    ]
)
