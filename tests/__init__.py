"""A package, so that `tests.servers` and `tests.check` cannot be those of a dependency."""
