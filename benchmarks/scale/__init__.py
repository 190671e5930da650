"""How cost grows: CPU per call and memory against everything that can become large.

`laws` names the growth, `engine` measures inside this process, `streams` with a gateway of its own,
`bundles` makes policies of any number. What should be seen is nothing worse than linear in a request's own
size, and constant in everything else.
"""
