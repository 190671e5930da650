"""Many accounts, one hand: which accounts say their new prompts in the same frame, and what that is worth.

The pure half of campaign detection: `traits` cuts the frame out of a prompt, `account` is what one account
is remembered by, `trait` what the population says of one piece of a frame, `campaign` a group of accounts
with its evidence, and `linker` the one door: it hears calls and answers where an account stands. Nothing
here knows policies, points or stores (docs/campaigns.md tells the reasons and the figures).
"""
