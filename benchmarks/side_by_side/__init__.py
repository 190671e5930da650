"""The side-by-side suite: what a request costs here and in its peers, in one run on one machine.

`targets` and `peers` say what is compared, `installs` where it comes from, `scenarios` and `traffic` what is
sent, `upstream` and `loader` stand at both ends, `rounds` drives them in turn, `figures` and `bar` read the
samples, `tables` and `plot` show them. Absolute times move with the machine's other tenants; what is compared
is CPU per request of whole process trees, in interleaved rounds.
"""
