"""A body of any platform becomes events: the mapping document, its problems, its run."""
