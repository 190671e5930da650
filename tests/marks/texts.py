"""Texts for the tests of marks: plain prose with many sites, and everything that must stay as it is."""

from __future__ import annotations

from hypothesis import strategies as st

KEY = b"the key of the tests"
OTHER = b"another key of theirs"

PROSE = (
    "It is important to keep the soil moist, and you will see that the leaves do not turn yellow. "
    "For example, herbs such as basil, thyme, sage, and parsley are often easier than the vegetables. "
    "Moreover, each plant helps to improve the soil, although it is not always the case. "
    "Make sure that all of the pots are clean, rather than buying a variety of new ones for everyone.\n"
)
"""Four sentences with sites of many rules."""

DULL = "A long walk by the river in the rain is what she had wanted to do since the day of the storm.\n"
"""A sentence without any site."""

PROTECTED = {
    "a fence": f"```\n{PROSE}\n```\n",
    "a fence with tildes and a name": f"~~~text\n{PROSE}~~~\n",
    "a fence in a list": f"1. Do this:\n   ```python\n   {PROSE}   ```\n",
    "a fence that is never closed": f"```python\n{PROSE}\n\n{PROSE}",
    "a fence inside a fence": f"```markdown\nSee:\n```python\n{PROSE}```\n{PROSE}```\n",
    "a fence with another kind of fence in it": f"```\n~~~\n{PROSE}~~~\n{PROSE}```\n",
    "a fence that begins in a line": f"Here it is: ```{PROSE}\n\n{PROSE}```\n",
    "code in a line": f"`{PROSE.strip()}`",
    "code in a line with longer marks": f"``{PROSE.strip()} ` {PROSE.strip()}``",
    "indented code": f"    {PROSE}",
    "code with a tab": f"\t{PROSE}",
    "a heading": f"## {PROSE}",
    "a quoted block": f"> {PROSE}{PROSE}",
    "a table": f"| {PROSE.strip()} | 1 |\n| --- | --- |\n",
    "a table without a frame": "A cell, and it is important | " + PROSE,
    "a field": f"Answer: {PROSE}",
    "a bold field": f"**Final answer:** {PROSE}",
    "JSON": f'{{"text": "{PROSE.strip()}", "more": {{"n": 1}}}}\n',
    "JSON on lines": f'{{\n  "text": [\n "{PROSE.strip()}"\n],\n}}\n',
    "a link": f"[{PROSE.strip()}](https://example.com/for-example)",
    "the address of a link": f"[here](https://example.com/ {PROSE.strip()})",
    "double quotes": f'"{PROSE.strip()}"',
    "quotes in quotes": f'"He said "yes" and {PROSE.strip()}"',
    "curly quotes": f"\u201c{PROSE.strip()}\u201d",
    "curly quotes over paragraphs": f"\u201c{PROSE}\n{PROSE.strip()}\u201d",
    "German quotes": f"\u201e{PROSE.strip()}\u201c",
    "French quotes": f"\u00ab {PROSE.strip()} \u00bb",
    "French quotes turned round": f"\u00bb{PROSE.strip()}\u00ab",
    "Swedish quotes": f"\u201d{PROSE.strip()}\u201d",
    "Japanese quotes": f"\u300c{PROSE.strip()}\u300d",
    "single quotes": f"'{PROSE.strip()}'",
    "single curly quotes": f"\u2018{PROSE.strip()}\u2019",
    "single quotes with an apostrophe at the end of a word": f"'The dogs' bowls, {PROSE.strip()}'",
    "what follows a mark for inches": f'A 5" pipe, and {PROSE}',
    "italics": f"*{PROSE.strip()}*",
    "bold": f"__{PROSE.strip()}__",
    "a product": f"It costs 15*X, and {PROSE}",
    "an element": f"<p>{PROSE}</p>",
    "an element in an element": f"<p><p>{PROSE}</p>{PROSE}</p>",
    "a formula": f"$$ {PROSE} $$",
    "a formula in brackets": f"\\[ {PROSE} \\]",
    "an environment": f"\\begin{{text}} {PROSE} \\end{{text}}",
    "a line with an equation": f"x = 3 and {PROSE}",
    "a line with a command": f"Use C:\\temp, and {PROSE}",
    "a line with an empty element": f"One<br> and {PROSE}",
    "a line with a stray end tag": f"One</p> and {PROSE}",
    "other letters ahead": f"It is important to say \u043c\u0438\u0440 and {PROSE}",
    "another language": "Il est vrai que la vie est belle, et for example nous ne sommes pas d'accord.\n",
    "a short line": "It is important to you.\n",
}
"""Texts in which nothing may be changed; each would be full of sites if it were prose."""


def pieces() -> st.SearchStrategy[str]:
    """Any mixture of prose, of what is protected, and of the marks that tell the two apart."""
    marks = [
        "\n", "\n\n", "```", "`", '"', "'", "*", "_", "> ", "| ", "    ", "$$", "[", "]", "(", ")", "{", "}",
        "<p>", "</p>", "\u201c", "\u201d", "\u2018", "\u2019", " ", "# ", "- ", "1. ", "\\[", "\\]", "~~~",
        "\u00e9",         "for", "is not ", "you are going ", "such as ", ", and ", "5",
    ]  # fmt: skip
    kinds = [PROSE, PROSE.strip(), DULL, *PROTECTED.values()]
    return st.lists(st.sampled_from(marks) | st.sampled_from(kinds), max_size=12).map("".join)
