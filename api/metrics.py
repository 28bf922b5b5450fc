"""What one process counts. Each process answers for itself; Prometheus adds them up."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """A registry of its own for each app, so that two apps in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "breadth_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "breadth_request_seconds",
            "Time to answer.",
            ("route",),
            registry=self.registry,
        )
        self.events = Counter(
            "breadth_events", "Events received, by outcome.", ("outcome",), registry=self.registry
        )
        self.pool = Gauge(
            "breadth_database_connections_in_use",
            "Connections of this process that are checked out.",
            registry=self.registry,
        )
        self.mark_age = Gauge(
            "breadth_oldest_mark_age_seconds",
            "Age of the oldest change not yet scored; NaN while the database is away.",
            registry=self.registry,
        )
