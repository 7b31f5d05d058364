"""What OpenTelemetry is told, by its own SDK: numbers and names, and nothing of anybody."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.site import EMAIL, PASSWORD, Site, make_site

CANARIES = (EMAIL, "ada", PASSWORD, "wws_", "ses_", "usr_", "att_", "192.0.2", "Firefox", "hunter2")


class Told:
    """What was told: points of metrics by name, and spans."""

    def __init__(self) -> None:
        self.reader, self.spans = InMemoryMetricReader(), InMemorySpanExporter()
        self.meters, self.tracers = MeterProvider([self.reader]), TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))

    def points(self) -> dict[str, list[Any]]:
        data: Any = self.reader.get_metrics_data()
        found: dict[str, list[Any]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found.setdefault(metric.name, []).extend(metric.data.data_points)
        return found

    def value(self, name: str, **attributes: str) -> Any:
        return sum(
            getattr(point, "value", getattr(point, "count", 0))
            for point in self.points().get(name, ())
            if attributes.items() <= dict(point.attributes).items()
        )


@pytest.fixture
def told(monkeypatch) -> Told:
    told = Told()
    monkeypatch.setattr(metrics, "get_meter", told.meters.get_meter)
    monkeypatch.setattr(trace, "get_tracer", told.tracers.get_tracer)
    return told


@pytest.fixture
def seen(told: Told, sqlite_url: str, clock) -> Iterator[Site]:
    """A site that has started while somebody listens."""
    site = make_site(sqlite_url, clock, limits={"sign_in_account": "1/h"})
    site.auth.start()
    yield site
    site.auth.stop()


def story(site: Site) -> None:
    ada = site.visitor()
    ada.sign_up()
    ada.get("/auth/session")
    ada.get("/auth/session")
    site.visitor("192.0.2.7").sign_in(password="hunter2")
    site.visitor("192.0.2.7").sign_in(password="hunter2")
    ada.post("/auth/sign-out")
    ada.get("/auth/confirm/hunter2-is-a-link")


def test_metrics_tell_of_checks_sign_ins_refusals_limits_and_revocations(told: Told, seen: Site):
    """By names from the code alone."""
    story(seen)
    hits, misses = seen.auth.gate.memory.statistics()
    assert told.value("watchword.session.checks", source="memory", answer="session") == hits > 0
    assert told.value("watchword.session.checks", source="store") == misses > 0
    assert 0 < told.points()["watchword.session.hit_rate"][0].value < 1
    assert told.value("watchword.events", event="signed_in", factors="password email") == 1
    assert told.value("watchword.events", event="sign_in_failed") == 1
    assert told.value("watchword.refusals", code="rate_limited") == 1
    assert told.value("watchword.limits.reached", limit="sign_in_account") == 1
    assert told.value("watchword.revocation.duration") >= 1


def test_a_span_names_the_route_of_a_call_and_its_status(told: Told, seen: Site):
    """The pattern of the path, so that no link or code is in it."""
    story(seen)
    spans = [
        (span.name, dict(span.attributes or {}).get("http.response.status_code"))
        for span in told.spans.get_finished_spans()
    ]
    assert ("POST /auth/sign-in/password", 401) in spans
    assert ("GET /auth/session", 200) in spans
    assert any(name == "GET /auth/confirm/{token}" for name, _ in spans)


def test_no_secret_and_nothing_of_a_person_is_told(told: Told, seen: Site):
    """Canaries: address, name, password, tokens, ids, network address, browser, what stands in a link."""
    story(seen)
    everything = repr([(point.attributes,) for points in told.points().values() for point in points])
    everything += repr(
        [(span.name, span.attributes, span.events, span.status.description) for span in told.spans.get_finished_spans()]
    )
    assert [canary for canary in CANARIES if canary in everything] == []


def test_where_it_is_not_installed_nothing_is_imported_and_nobody_counts(tmp_path):
    """The core knows nothing of it."""
    program = f"""
import sys
import watchword.foundation.telemetry as telemetry
telemetry.find_spec = lambda name: None
from watchword import Auth
auth = Auth(store="sqlite:///{tmp_path}/watchword.sqlite3", environ={{}})
auth.start()
assert auth.edge.kernel.telemetry is None
assert auth.store.on_revoked is None
assert not [name for name in sys.modules if name.startswith("opentelemetry.")]
auth.stop()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=100)
