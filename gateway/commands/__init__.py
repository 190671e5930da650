"""The verbs of the command line, one file each: `add` declares the options, `run` does the work.

A file imports what its work needs inside `run`, so that `gateway --help` stays quick.
"""
