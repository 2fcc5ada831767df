"""The health of a store: gc, verify, repair, recover, stats."""
