"""Judging policies by what they did or would have done: decisions → cases → reports, comparisons, tuning.

`entries` reads decisions, `cases` sums them up per principal, the other files draw conclusions from cases
and `sections` puts those in words and tables, which `text`, `markdown` and `page` only dress. Nothing here
scores a call: replay does that, and hands its records over.
"""
