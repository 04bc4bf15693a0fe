"""What may have nothing to say while the demo runs, and why.

A query may be without series only if a metric of its own is silent and stands here, or the query itself does.
What stands in `NOT_YET` must be silent: the gateway that begins to show it takes it off this list.
"""

import sys

NOT_YET: dict[str, str] = {}

# Of the demo and of the platform, whatever the gateway can do.
MAY_BE = {
    "sidegate_budget_shared": "the demo has no Redis",
    "sidegate_upstream_waiting": "the stand-ins have no metrics of their own",
    "sidegate_upstream_kv_cache_ratio": "the stand-ins have no metrics of their own",
}
if sys.platform != "linux":
    MAY_BE |= {
        f"process_{name}": "known from /proc only"
        for name in (
            "cpu_seconds_total",
            "resident_memory_bytes",
            "virtual_memory_bytes",
            "open_fds",
            "threads",
            "start_time_seconds",
        )
    }

# Queries that show what is out of order only, by panel and name.
QUIET = {
    "Turned away A": "everybody finds a place in the demo",
    "annotation Configuration changes": "the only change came before the first scrape",
}

# In no panel and no rule.
UNUSED = {"process_virtual_memory_bytes": "says nothing on a machine of today"}

REASONS = NOT_YET | MAY_BE
