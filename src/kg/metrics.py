"""What a running server counts, written as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

__all__ = ["CONTENT_TYPE", "Metrics", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Upper bounds of the latency histogram, in seconds: a kept answer takes the first, a query its whole time the last.
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: A sample: the labels, and the number.
Sample = tuple[Mapping[str, str], float]


class Metrics:
    """Counts answered requests by kind and class of status, with how long they took."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.seconds: dict[str, float] = {}
        self._buckets: dict[str, list[int]] = {}

    def count(self, kind: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self.requests[kind, f"{status // 100}xx"] += 1
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds
        buckets = self._buckets.setdefault(kind, [0] * (len(_BOUNDS) + 1))
        buckets[bisect_left(_BOUNDS, seconds)] += 1

    def text(self) -> str:
        """Return the requests and the latencies as Prometheus reads them."""
        lines = render(
            "kg_requests_total",
            "counter",
            "Answered requests by kind of address and class of status.",
            [({"kind": kind, "status": status}, number) for (kind, status), number in sorted(self.requests.items())],
        )
        name = "kg_request_seconds"
        lines += f"# HELP {name} Time from the head of a request to its whole answer.\n# TYPE {name} histogram\n"
        for kind, buckets in sorted(self._buckets.items()):
            so_far = 0
            for bound, number in zip((*_BOUNDS, "+Inf"), buckets, strict=True):
                so_far += number
                lines += _line(f"{name}_bucket", {"kind": kind, "le": str(bound)}, so_far)
            lines += _line(f"{name}_sum", {"kind": kind}, self.seconds[kind])
            lines += _line(f"{name}_count", {"kind": kind}, so_far)
        return lines


def render(name: str, kind: str, help_text: str, samples: Sequence[Sample]) -> str:
    r"""Return one metric with its samples.

    >>> print(render("kg_up", "gauge", "Up.", [({"name": 'a"b'}, 1)]), end="")
    # HELP kg_up Up.
    # TYPE kg_up gauge
    kg_up{name="a\"b"} 1
    """
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n" + "".join(
        _line(name, labels, number) for labels, number in samples
    )


def _line(name: str, labels: Mapping[str, str], number: float) -> str:
    escaped = [
        (key, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for key, value in labels.items()
    ]
    inside = ",".join(f'{key}="{value}"' for key, value in escaped)
    shown = str(number) if isinstance(number, int) else repr(round(number, 6))
    return f"{name}{{{inside}}} {shown}\n" if inside else f"{name} {shown}\n"
