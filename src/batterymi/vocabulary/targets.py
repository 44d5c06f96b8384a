"""The targets to which evaluations are counted, the same for all studies, and the one that verdicts rest on.

They are fixed before any campaign: neither the budget nor an engine has a part in them. A value that both campaigns
reached, as the worse of their two final ones, moves with the budget, and with it whatever is saved.
"""

POOL_SHARES = (0.01, 0.05, 0.1)  # best rows of a pool
RANGE_SHARES = (0.5, 0.8, 0.9, 0.95)  # of the way from the median random design to the best value known

# One row in twenty: pools of 90 to 480 rows have 5 to 24 of them, so that no single row, and no single error of
# measurement, decides; of the best 1 % most pools have one or two.
DECLARED_POOL_SHARE = 0.05
# The same twentieth, of the range: a random start often comes within a fifth of the best value, and tells nothing then.
DECLARED_RANGE_SHARE = 0.95

RANDOM = "random"  # the engine that all others are compared with
RULE = "rule"  # rows in an order that is known without measuring
WITH_RULE = "pool_with_rule"  # the engine of pools, which starts from the rule and takes it as an input
