"""What helps people write policies: the JSON Schema for editors, the lints, and the findings' forms.

Nothing here is needed to load or run policies, and nothing of the core knows it.
"""
