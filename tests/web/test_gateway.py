"""The gateway: limits and deadlines before the application is called, whole answers after, and what is kept."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from kg.settings import Settings
from kg.snapshot import Snapshot
from kg.web import create_app
from kg.web.gateway import Gateway, client_address

Environ = dict[str, Any]
SETTINGS = Settings(base_iri="https://bells.example/cloch/", title={"en": "Bells"})


@dataclass
class Told:
    """What a client was sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        return found


class Application:
    """A WSGI application that counts its calls and answers as a test says."""

    def __init__(self, answer: Callable[[Environ], tuple[int, Mapping[str, str], bytes]]) -> None:
        self.answer = answer
        self.calls: list[Environ] = []

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        self.calls.append(environ)
        status, headers, body = self.answer(environ)
        start(f"{status} Said", list(headers.items()))
        return [body]


def says(body: bytes = b"said", status: int = 200, snapshot: str = "one", **headers: str) -> Application:
    def answer(environ: Environ) -> tuple[int, Mapping[str, str], bytes]:
        environ["kg.snapshot"] = snapshot
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return status, {"Content-Type": "text/plain", "ETag": '"v1"', "Cache-Control": "no-cache"} | given, body

    return Application(answer)


@dataclass(frozen=True)
class Question:
    snapshot: str
    query: str


@dataclass(frozen=True)
class Result:
    status: str
    body: bytes = b""


class Pool:
    """Answers each question with the next of its results."""

    def __init__(self, *results: Result) -> None:
        self.results = list(results)
        self.asked: list[Question] = []

    async def ask(self, question: Question) -> Result:
        self.asked.append(question)
        return self.results.pop(0)


def serving(folder: Path, snapshot: str = "one") -> Path:
    """Make a folder serve a snapshot of that name."""
    link = folder / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(folder / snapshot)
    return folder


async def visit(
    gateway: Gateway,
    target: str = "/page",
    *,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (),
    parts: Sequence[bytes] = (),
    stalls: bool = False,
    reads: bool = True,
    leaves: bool = False,
    client: str = "192.0.2.1",
    host: str | None = "localhost",
) -> Told:
    path, _, query = target.partition("?")
    fields = [*([("Host", host)] if host is not None else []), *headers]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in fields],
        "client": (client, 4711),
        "server": ("127.0.0.1", 80),
    }
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    told = Told()
    ended = False

    async def receive() -> Mapping[str, Any]:
        nonlocal ended
        if messages:
            return messages.pop(0)
        if ended and leaves:
            return {"type": "http.disconnect"}
        if ended or stalls:
            await asyncio.Event().wait()
        ended = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told.status = message["status"]
            told.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            return
        told.body += message["body"]
        told.whole = not message["more_body"]
        if not reads:
            await asyncio.Event().wait()

    await gateway(scope, receive, send)
    return told


def one(gateway: Gateway, target: str = "/page", **how: Any) -> Told:
    return asyncio.run(visit(gateway, target, **how))


# --- whole requests and answers --------------------------------------------------------------------------


def test_the_application_gets_the_target_as_it_was_sent_and_the_body_whole(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def answer(environ: Environ) -> tuple[int, Mapping[str, str], bytes]:
        seen.append(environ["wsgi.input"].read())
        return 200, {}, b""

    application = Application(answer)
    gateway = Gateway(application, SETTINGS, serving(tmp_path))
    headers = [("Content-Length", "6"), ("Content-Type", "text/x"), ("Accept", "a"), ("Accept", "b"), ("X_Y", "no")]
    one(gateway, "/a%2Fb%C3%A9?q=%20", method="POST", headers=headers, parts=[b"abc", b"def"])
    environ = application.calls[0]
    assert seen == [b"abcdef"]
    assert environ["RAW_URI"] == "/a%2Fb%C3%A9?q=%20"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a/bé"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/x", "6")
    assert (environ["HTTP_ACCEPT"], environ["REMOTE_ADDR"]) == ("a, b", "192.0.2.1")
    assert "HTTP_X_Y" not in environ


def test_an_answer_comes_in_pieces_with_its_length_and_an_id_of_its_own(tmp_path: Path) -> None:
    body = bytes(range(256)) * 1000
    gateway = Gateway(says(body), SETTINGS, serving(tmp_path))
    first, second = one(gateway), one(gateway, headers=[("X-Request-Id", "mine")])
    assert first.body == second.body == body
    assert first.whole
    assert first.headers["content-length"] == str(len(body))
    assert len({first.headers["x-request-id"], second.headers["x-request-id"], "mine"}) == 3


def test_head_has_the_headers_of_get_and_no_body(tmp_path: Path) -> None:
    gateway = Gateway(says(b"x" * 1000), SETTINGS, serving(tmp_path))
    head, get = one(gateway, method="HEAD"), one(gateway)
    assert (head.body, head.whole) == (b"", True)
    del head.headers["x-request-id"], get.headers["x-request-id"]
    assert head.headers == get.headers


@pytest.mark.parametrize(
    ("target", "how", "status"),
    [
        ("", {"method": "CONNECT"}, 405),
        ("*", {"method": "OPTIONS"}, 204),
        ("*", {}, 400),
        ("no-slash", {}, 400),
        ("/", {"headers": [("Host", "a"), ("Host", "b")]}, 400),
        ("/healthz", {"method": "POST"}, 405),
    ],
)
def test_what_makes_no_sense_never_reaches_the_application(
    tmp_path: Path, target: str, how: dict[str, Any], status: int
) -> None:
    application = says()
    told = one(Gateway(application, SETTINGS, serving(tmp_path)), target, **how)
    assert (told.status, application.calls) == (status, [])
    if status in (204, 405):
        assert told.headers["allow"] == "GET, HEAD, OPTIONS"


# --- limits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [[("Content-Length", "5000")], [("Transfer-Encoding", "chunked")]])
def test_a_body_beyond_the_limit_is_refused_by_its_name(tmp_path: Path, headers: list[tuple[str, str]]) -> None:
    application = says()
    gateway = Gateway(application, replace(SETTINGS, request_bytes=1000), serving(tmp_path))
    told = one(gateway, method="POST", headers=headers, parts=[b"x" * 600] * 9)
    assert (told.status, told.problem["limit"]) == (413, "limits.request_bytes")
    assert application.calls == []
    assert gateway._held.bytes == 0


@pytest.mark.parametrize(
    ("target", "language", "title"),
    [("/page", "fr, en;q=0.5", "trop grand"), ("/page?lang=fr", "en", "trop grand"), ("/page", "cy", "too large")],
)
def test_who_is_refused_in_a_browser_reads_why_in_their_language(
    tmp_path: Path, target: str, language: str, title: str
) -> None:
    settings = replace(SETTINGS, request_bytes=1000, languages=("en", "fr"))
    gateway = Gateway(says(), settings, serving(tmp_path))
    asked = [("Content-Length", "5000"), ("Accept-Language", language)]
    page = one(gateway, target, method="POST", headers=[*asked, ("Accept", "text/html,*/*;q=0.8")])
    assert (page.status, page.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert page.headers["content-language"] == ("en" if title == "too large" else "fr")
    assert title in page.body.decode()
    told = one(gateway, target, method="POST", headers=[*asked, ("Accept", "application/json")])
    assert title in told.problem["title"]


def test_a_body_that_stalls_is_ended_at_the_deadline(tmp_path: Path) -> None:
    application = says()
    gateway = Gateway(application, replace(SETTINGS, body_seconds=1), serving(tmp_path))
    told = one(gateway, method="POST", headers=[("Content-Length", "9")], parts=[b"x"], stalls=True)
    assert (told.status, told.problem["limit"]) == (408, "limits.body_seconds")
    assert application.calls == []
    assert gateway._held.bytes == 0


def test_a_body_that_breaks_off_never_reaches_the_application(tmp_path: Path) -> None:
    application = says()
    gateway = Gateway(application, SETTINGS, serving(tmp_path))
    told = one(gateway, method="POST", headers=[("Content-Length", "9")], parts=[b"x"])
    assert (told.status, application.calls, gateway._held.bytes) == (400, [], 0)


def test_a_slow_reader_is_left_at_the_deadline_and_holds_nothing_then(tmp_path: Path) -> None:
    lines: list[str] = []
    settings = replace(SETTINGS, answer_seconds=1)
    gateway = Gateway(says(b"x" * 200_000), settings, serving(tmp_path), log=lines.append)
    told = one(gateway, reads=False)
    assert not told.whole
    assert gateway._held.bytes == 0
    assert json.loads(lines[0])["error"] == "limits.answer_seconds"


def test_answers_that_clients_do_not_take_are_bounded_together(tmp_path: Path) -> None:
    settings = replace(SETTINGS, answer_seconds=1, held_bytes=1 << 20)
    gateway = Gateway(says(b"x" * 400_000), settings, serving(tmp_path))

    async def several() -> list[Told]:
        slow = [asyncio.create_task(visit(gateway, reads=False, client=f"192.0.2.{number}")) for number in (2, 3)]
        while gateway._held.bytes < 800_000:
            await asyncio.sleep(0)
        return [await visit(gateway), *(await asyncio.gather(*slow)), await visit(gateway)]

    refused, _, _, last = asyncio.run(several())
    assert (refused.status, refused.problem["limit"]) == (503, "limits.held_bytes")
    assert refused.headers["retry-after"]
    assert last.whole


def test_one_client_that_does_not_read_leaves_room_for_others(tmp_path: Path) -> None:
    settings = replace(SETTINGS, answer_seconds=1, held_bytes=1 << 20)
    gateway = Gateway(says(b"x" * 400_000), settings, serving(tmp_path))

    async def several() -> list[Told]:
        slow = [asyncio.create_task(visit(gateway, reads=False)) for _ in range(3)]
        while gateway._held.bytes < 400_000:
            await asyncio.sleep(0)
        return [await visit(gateway), await visit(gateway, client="192.0.2.2"), *(await asyncio.gather(*slow))]

    refused, other, *slow = asyncio.run(several())
    assert (refused.status, refused.problem["limit"]) == (429, "limits.client_share")
    assert refused.headers["retry-after"]
    assert other.whole
    assert [told.status for told in slow] == [200, 429, 429]
    assert gateway._held.bytes == 0
    assert one(gateway).whole


def test_pages_and_refusals_get_out_however_much_is_held(tmp_path: Path) -> None:
    gateway = Gateway(says(b"x" * 60_000), replace(SETTINGS, held_bytes=1 << 20), serving(tmp_path))
    for client in ("192.0.2.2", "192.0.2.3"):
        gateway._held.take(1 << 19, client)
    assert one(gateway).whole
    assert one(gateway, method="POST", headers=[("Content-Length", "1")], parts=[b"x"]).status == 503


@pytest.mark.parametrize("host", [None, "a b", "evil.example/path", "a@b", "a:b", "[::1", "[::1]x", "<script>"])
def test_a_host_that_is_none_is_refused(tmp_path: Path, host: str | None) -> None:
    application = says()
    assert one(Gateway(application, SETTINGS, serving(tmp_path)), host=host).status == 400
    assert application.calls == []


@pytest.mark.parametrize("host", ["", "localhost", "xn--bcher-kva.example:8000", "192.0.2.1:", "[2001:db8::7]:80"])
def test_a_host_is_a_name_or_an_address(tmp_path: Path, host: str) -> None:
    assert one(Gateway(says(), SETTINGS, serving(tmp_path)), host=host).status == 200


def test_requests_beyond_those_that_may_wait_are_refused_and_health_still_answers(tmp_path: Path) -> None:
    go = threading.Event()

    def answer(environ: Environ) -> tuple[int, Mapping[str, str], bytes]:
        assert go.wait(60)
        return 200, {}, b"done"

    gateway = Gateway(Application(answer), replace(SETTINGS, threads=1, waiting=1), serving(tmp_path))

    async def several() -> tuple[Told, Told, list[Told]]:
        tasks = [asyncio.create_task(visit(gateway, f"/{number}")) for number in range(2)]
        while gateway._busy < 2:
            await asyncio.sleep(0)
        refused, health = await visit(gateway), await visit(gateway, "/healthz")
        go.set()
        return refused, health, await asyncio.gather(*tasks)

    refused, health, done = asyncio.run(several())
    assert (refused.status, refused.problem["limit"]) == (503, "limits.waiting")
    assert refused.headers["retry-after"]
    assert (health.status, health.body) == (200, b"ok one\n")
    assert [told.body for told in done] == [b"done", b"done"]


# --- clients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "headers", "expected"),
    [
        (0, {"x-forwarded-for": "6.6.6.6"}, "192.0.2.1"),
        (1, {"x-forwarded-for": "6.6.6.6, 198.51.100.7"}, "198.51.100.7"),
        (2, {"x-forwarded-for": "6.6.6.6, 198.51.100.7, 10.0.0.1"}, "198.51.100.7"),
        (2, {"x-forwarded-for": "198.51.100.7"}, "198.51.100.7"),
        (1, {"x-forwarded-for": "nonsense"}, "192.0.2.1"),
        (1, {"x-forwarded-for": ""}, "192.0.2.1"),
        (1, {"forwarded": 'for=6.6.6.6, for="[2001:db8::7]:4711";proto=https'}, "2001:db8::7"),
        (1, {"forwarded": "for=198.51.100.7:99"}, "198.51.100.7"),
        (1, {"forwarded": "for=unknown"}, "192.0.2.1"),
        (1, {}, "192.0.2.1"),
    ],
)
def test_only_the_word_of_trusted_proxies_says_who_the_client_is(
    proxies: int, headers: dict[str, str], expected: str
) -> None:
    assert client_address("192.0.2.1", headers, proxies) == expected


# --- questions -------------------------------------------------------------------------------------------


def asks(*snapshots: str) -> Application:
    """An application that asks one question; each of its calls is answered from the next of these snapshots."""
    names = list(snapshots)

    def answer(environ: Environ) -> tuple[int, Mapping[str, str], bytes]:
        assert environ["kg.gateway"]
        environ["kg.snapshot"] = names.pop(0)
        if (result := environ.get("kg.answer")) is None:
            environ["kg.question"] = Question(environ["kg.snapshot"], "ASK {}")
            return 200, {}, b"not to be seen"
        return 200, {"Content-Type": "text/plain"}, result.body

    return Application(answer)


def test_a_question_is_answered_between_two_calls(tmp_path: Path) -> None:
    application, pool = asks("one", "one"), Pool(Result("ok", b"yes"))
    told = one(Gateway(application, SETTINGS, serving(tmp_path), pool=pool))
    assert (told.body, pool.asked) == (b"yes", [Question("one", "ASK {}")])
    assert len(application.calls) == 2


def test_a_question_whose_snapshot_has_gone_is_asked_of_the_next(tmp_path: Path) -> None:
    pool = Pool(Result("gone"), Result("ok", b"yes"))
    told = one(Gateway(asks("one", "two", "two"), SETTINGS, serving(tmp_path), pool=pool))
    assert told.body == b"yes"
    assert [question.snapshot for question in pool.asked] == ["one", "two"]


def test_a_page_never_shows_the_result_of_another_snapshot(tmp_path: Path) -> None:
    pool = Pool(Result("ok", b"old"), Result("ok", b"new"))
    told = one(Gateway(asks("one", "two", "two", "two"), SETTINGS, serving(tmp_path), pool=pool))
    assert told.body == b"new"


def test_without_an_end_of_swaps_the_client_is_asked_to_try_again(tmp_path: Path) -> None:
    pool = Pool(*[Result("gone")] * 9)
    told = one(Gateway(asks(*"abcdefghi"), SETTINGS, serving(tmp_path), pool=pool))
    assert (told.status, told.headers["retry-after"]) == (503, "1")


def test_a_client_that_leaves_gets_no_answer_and_its_question_goes_no_further(tmp_path: Path) -> None:
    class Slow(Pool):
        cancelled = False

        async def ask(self, question: Question) -> Result:
            try:
                return await asyncio.Future[Result]()
            except asyncio.CancelledError:
                self.cancelled = True
                raise

    application, pool = asks("one"), Slow()
    told = one(Gateway(application, SETTINGS, serving(tmp_path), pool=pool), leaves=True)
    assert pool.cancelled
    assert (told.status, told.body, len(application.calls)) == (0, b"", 1)


# --- what is kept ----------------------------------------------------------------------------------------


def test_the_same_request_calls_the_application_once_in_all_its_forms(tmp_path: Path) -> None:
    application = says(b"page")
    gateway = Gateway(application, SETTINGS, serving(tmp_path))
    first = one(gateway, headers=[("If-None-Match", '"v1"')])
    again = one(gateway)
    head = one(gateway, method="HEAD")
    changed = one(gateway, headers=[("If-None-Match", '"v0"')])
    weak = one(gateway, headers=[("If-None-Match", '"v0", W/"v1"')])
    assert [told.status for told in (first, again, head, changed, weak)] == [304, 200, 200, 200, 304]
    assert [told.body for told in (first, again, head, changed, weak)] == [b"", b"page", b"", b"page", b""]
    assert "content-type" not in first.headers
    assert first.headers["etag"] == '"v1"'
    assert len(application.calls) == 1


def test_the_fields_that_choose_make_another_request(tmp_path: Path) -> None:
    application = says(Vary="Accept, Accept-Language")
    gateway = Gateway(application, SETTINGS, serving(tmp_path))
    for name in ("Accept", "Accept-Language", "Accept-Encoding"):
        one(gateway, headers=[(name, "x")])
    one(gateway)
    one(gateway, "/page?a")
    one(gateway, "/p%61ge")
    assert len(application.calls) == 6


def test_an_answer_is_kept_for_the_snapshot_that_it_speaks_of(tmp_path: Path) -> None:
    """The link is swapped while the application still answers from the old one."""
    application = says(b"of the old", snapshot="one")
    gateway = Gateway(application, SETTINGS, serving(tmp_path, "two"))
    one(gateway)
    one(gateway)
    assert len(application.calls) == 2
    serving(tmp_path, "one")
    assert one(gateway).body == b"of the old"
    assert len(application.calls) == 2


def test_requests_for_the_same_at_the_same_time_call_the_application_once(tmp_path: Path) -> None:
    go = threading.Event()

    def answer(environ: Environ) -> tuple[int, Mapping[str, str], bytes]:
        assert go.wait(60)
        environ["kg.snapshot"] = "one"
        return 200 if environ["PATH_INFO"] == "/page" else 404, {}, b"made"

    application = Application(answer)
    gateway = Gateway(application, SETTINGS, serving(tmp_path))

    async def several(target: str) -> list[Told]:
        tasks = [asyncio.create_task(visit(gateway, target)) for _ in range(5)]
        while gateway._open < 5:
            await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*tasks)

    assert [(told.status, told.body) for told in asyncio.run(several("/page"))] == [(200, b"made")] * 5
    assert len(application.calls) == 1
    assert [told.status for told in asyncio.run(several("/none"))] == [404] * 5
    assert len(application.calls) == 6
    assert gateway._flights == {}


def test_nobody_waits_for_the_question_of_another(tmp_path: Path) -> None:
    """The pool sees both, and decides; an endless query of one client would else hold up all who ask it."""

    class Both(Pool):
        async def ask(self, question: Question) -> Result:
            self.asked.append(question)
            while len(self.asked) < 2:
                await asyncio.sleep(0)
            return Result("ok", b"both")

    gateway = Gateway(asks(*["one"] * 4), SETTINGS, serving(tmp_path), pool=Both())

    async def two() -> list[Told]:
        return await asyncio.wait_for(asyncio.gather(visit(gateway), visit(gateway)), 60)

    assert [told.body for told in asyncio.run(two())] == [b"both"] * 2


def test_a_fault_of_the_gateway_itself_is_no_traceback(tmp_path: Path) -> None:
    lines: list[str] = []

    def fails(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        raise ValueError("a secret")

    told = one(Gateway(fails, SETTINGS, serving(tmp_path), log=lines.append))
    assert told.status == 500
    assert b"secret" not in told.body
    assert json.loads(lines[0])["status"] == 500


@pytest.mark.parametrize(
    "application",
    [
        says(status=404),
        says(status=500),
        says(status=503),
        says(Cache_Control="no-store"),
        says(Cache_Control="private, max-age=5"),
        says(Vary="Accept-Datetime"),
        says(Vary="*"),
        says(Set_Cookie="a=b"),
        says(snapshot=""),
        says(b"x" * (9 << 20)),
    ],
)
def test_what_does_not_last_is_not_kept(tmp_path: Path, application: Application) -> None:
    gateway = Gateway(application, SETTINGS, serving(tmp_path))
    one(gateway)
    one(gateway)
    assert len(application.calls) == 2


@pytest.mark.parametrize(
    "how",
    [
        {"method": "POST"},
        {"method": "OPTIONS"},
        {"headers": [("Range", "bytes=0-1")]},
        {"headers": [("If-Match", '"v0"')]},
    ],
)
def test_special_requests_go_to_the_application_as_they_are(tmp_path: Path, how: dict[str, Any]) -> None:
    application = says()
    gateway = Gateway(application, SETTINGS, serving(tmp_path))
    one(gateway)
    one(gateway, **how)
    one(gateway, **how)
    assert [environ["REQUEST_METHOD"] for environ in application.calls[1:]] == [how.get("method", "GET")] * 2


# --- the site --------------------------------------------------------------------------------------------


def test_the_site_says_through_the_gateway_what_it_says_without(snapshots: Path, snapshot: Snapshot) -> None:
    application = create_app(snapshots)
    gateway = Gateway(application, snapshot.settings, snapshots)
    client = application.test_client()
    for target in ("/", "/id/bell/mair", "/doc/bell/mair.ttl", "/doc/bell/mair.html", "/views", "/nothing/%00", "/%ff"):
        for headers in ({}, {"Accept": "text/html", "Accept-Language": "en"}):
            direct = client.get(target, headers=headers)
            for _ in range(2):
                told = one(gateway, target, headers=list(headers.items()))
                assert (told.status, told.body) == (direct.status_code, direct.data), target
                assert told.headers.get("etag") == direct.headers.get("ETag")
                assert told.headers["content-type"] == direct.headers["Content-Type"]
                assert "date" not in told.headers
                conditional = [*headers.items(), ("If-None-Match", told.headers.get("etag", '"none"'))]
                again = one(gateway, target, headers=conditional)
                assert again.status == client.get(target, headers=dict(conditional)).status_code
    assert gateway._responses.cache.hits > 10
