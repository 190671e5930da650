"""Why a decision came out as it did: one record and its bundle, as numbers and as a table.

Everything is drawn from the line of a decision record, so that a live decision, one in a replayed trace
and one in yesterday's log are explained alike. Pure: which record it is, the command finds out.
"""
