"""Figures as Prometheus reads them."""

from __future__ import annotations

import re

from kg.metrics import Metrics, render


def test_requests_are_counted_by_kind_and_class_of_status() -> None:
    metrics = Metrics()
    for status in (200, 204, 304, 404):
        metrics.count("doc", status, 0.01)
    metrics.count("home", 200, 0.01)
    lines = metrics.text().splitlines()
    assert 'kg_requests_total{kind="doc",status="2xx"} 2' in lines
    assert 'kg_requests_total{kind="doc",status="3xx"} 1' in lines
    assert 'kg_requests_total{kind="home",status="2xx"} 1' in lines


def test_the_buckets_of_the_histogram_add_up() -> None:
    metrics = Metrics()
    for seconds in (0.0001, 0.001, 0.002, 0.3, 1000.0):
        metrics.count("doc", 200, seconds)
    text = metrics.text()
    buckets = {bound: int(number) for bound, number in re.findall(r'_bucket\{kind="doc",le="(.+)"\} (\d+)', text)}
    assert buckets["0.001"] == 2  # a bound belongs to its bucket
    assert buckets["0.0025"] == 3
    assert buckets["0.5"] == 4
    assert buckets["30.0"] == 4
    assert buckets["+Inf"] == 5
    assert list(buckets.values()) == sorted(buckets.values())
    assert 'kg_request_seconds_count{kind="doc"} 5' in text


def test_a_label_cannot_break_out() -> None:
    text = render("kg_x", "gauge", "X.", [({"name": 'a"} 1\nkg_y 2\\'}, 1)])
    assert len(text.splitlines()) == 3
    assert text.splitlines()[2] == r'kg_x{name="a\"} 1\nkg_y 2\\"} 1'
