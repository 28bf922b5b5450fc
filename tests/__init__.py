"""A package, so that `python -m tests.check` and `tests.servers` cannot be anyone else's `tests`."""
