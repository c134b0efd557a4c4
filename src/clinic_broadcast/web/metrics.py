"""The daemon's health as counts for Prometheus; loaded when somebody asks for it, for few clinics ever do."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from clinic_broadcast.web.health import Health

__all__ = ["CONTENT_TYPE_LATEST", "metrics_of"]


def metrics_of(health: Health) -> bytes:
    """Give the health as Prometheus text: numbers, names of channels and states, and nothing else."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(health))
    return generate_latest(registry)


class _Snapshot(Collector):
    """Shows one health to the registry; a fresh one serves each request, so nothing has to be kept in step."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        health = self._health
        ready = float(not health.problems)
        yield GaugeMetricFamily("clinic_broadcast_ready", "1 when nothing is wrong.", value=ready)
        yield GaugeMetricFamily(
            "clinic_broadcast_needs_a_person",
            "Deliveries that wait for a person.",
            value=health.needs_a_person,
        )
        for name, help_text, value in (
            ("last_poll_age_seconds", "Seconds since a source was last read.", health.last_poll_age_s),
            ("last_tick_age_seconds", "Seconds since the scheduler last rang.", health.tick_age_s),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"clinic_broadcast_{name}", help_text, value=value)
        answers = GaugeMetricFamily("clinic_broadcast_answers", "Answers by standing.", labels=["standing"])
        for standing, count in sorted(health.answers.items()):
            answers.add_metric([standing], count)
        yield answers
        deliveries = GaugeMetricFamily(
            "clinic_broadcast_deliveries", "Deliveries by channel and state.", labels=["channel", "state"]
        )
        for channel, states in sorted(health.deliveries.items()):
            for state, count in sorted(states.items()):
                deliveries.add_metric([channel, state], count)
        yield deliveries
