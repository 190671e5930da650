"""Marks: what an answer carries of the key it was given under, and how to find it again."""
