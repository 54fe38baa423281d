"""From where on a value wants a look (WARN) or somebody now (BAD).

Red is where the alert of the same thing fires (alerts/thresholds.yaml), or a little earlier.
"""

BAD, WARN = "red", "orange"

ANY_IS_BAD = [(1, BAD)]
ANY_IS_WARNING = [(1, WARN)]
# Sessions that wait for locks.
QUEUE = [(1, WARN), (10, BAD)]
LOCK_WAIT = [(5, WARN), (60, BAD)]
# Ages of transactions and statements; prepared ones, and idle ones, are forgotten sooner.
TRANSACTION = [(300, WARN), (1800, BAD)]
PREPARED = [(60, WARN), (600, BAD)]
IDLE = [(60, WARN), (300, BAD)]
# Of the connections that there are, and of the 2^31 transactions.
CONNECTIONS = [(0.8, WARN), (0.95, BAD)]
WRAPAROUND = [(0.5, WARN), (0.75, BAD)]
# Ages of what was collected: every few seconds, and every few minutes.
FAST_VALUES = [(30, WARN), (120, BAD)]
SLOW_VALUES = [(900, WARN), (1200, BAD)]
# The shares of dead rows, and of rows changed since the last ANALYZE, that autovacuum should not let come about.
SHARES = [(0.2, WARN), (0.5, BAD)]
