"""The detection benchmark: what the policies of this checkout catch, when, and whom they hit by mistake.

    python -m benchmarks.detection DATA

Traffic with its truth goes through the same replay code as `gateway replay`; nothing here knows a policy or
a signal by name. What is measured and how stands in docs/detection.md.
"""
