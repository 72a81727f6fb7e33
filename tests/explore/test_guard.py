"""Who is let in: every route, asked in ten hostile ways, says no before it does anything."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pages
import pytest

testclient = pytest.importorskip("starlette.testclient", reason="the page's server is an extra: make test-page")
pytest.importorskip("httpx2", reason="Starlette's test client needs it: make test-page")

from convlet.explore import guard  # noqa: E402
from convlet.explore.app import application  # noqa: E402

HOST = "127.0.0.1:8765"
ROUTES = [
    ("GET", "/"),
    ("GET", "/texts/vi"),
    ("GET", "/content"),
    ("POST", "/picture"),
    ("POST", "/evaluate"),
    ("GET", "/training"),
    ("POST", "/training"),
    ("GET", "/training/moment?which=1,0,0"),
    ("GET", "/page/main.js"),
]


@pytest.fixture(scope="module")
def studio():
    with pages.studio() as made:
        yield made


@pytest.fixture
def client(studio):
    """A client that was let in, and whose every request is in order unless a test says otherwise."""
    guarded = guard.Guard(application(studio), pages.TOKEN)
    with testclient.TestClient(guarded, base_url=f"http://{HOST}", follow_redirects=False) as made:
        let_in = made.get(f"/?token={pages.TOKEN}")
        assert let_in.status_code == 303
        made.headers["origin"] = f"http://{HOST}"
        yield made


def ask(client, route, **changes):
    method, path = route
    body = {"content": b"{}", "headers": {"content-type": "application/json"}} if method == "POST" else {"headers": {}}
    options = {**body, **changes, "headers": {**body["headers"], **changes.get("headers", {})}}
    return client.request(options.pop("method", method), options.pop("path", path), **options)


HOSTILE = {
    "a foreign host": ({"headers": {"host": "evil.test"}}, 403),
    "a host that only begins like ours": ({"headers": {"host": "127.0.0.1.evil.test"}}, 403),
    "a host with a user in it": ({"headers": {"host": "localhost@evil.test"}}, 403),
    "an empty host": ({"headers": {"host": ""}}, 403),
    "a foreign origin": ({"headers": {"origin": "http://evil.test"}}, 403),
    "an origin of another port": ({"headers": {"origin": "http://127.0.0.1:1"}}, 403),
    "an origin that is hidden": ({"headers": {"origin": "null"}}, 403),
    "no token": ({"headers": {"cookie": ""}}, 403),
    "another token": ({"headers": {"cookie": "convlet-0000=wrong"}}, 403),
    "a method of its own": ({"method": "DELETE"}, 405),
    "a length that is a lie": ({"headers": {"content-length": str(2**40)}}, 413),
    "a length that is no number": ({"headers": {"content-length": "many"}}, 400),
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: " ".join(route))
@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_request_is_refused(client, route, attack):
    changes, status = HOSTILE[attack]
    if "cookie" in changes.get("headers", {}):
        client.cookies.clear()
    answer = ask(client, route, **changes)
    assert answer.status_code == status
    assert "Traceback" not in answer.text and "/src/" not in answer.text
    assert len(answer.content) < 200


@pytest.mark.parametrize("route", [route for route in ROUTES if route[0] == "POST"], ids=lambda route: route[1])
def test_what_changes_something_must_say_which_page_it_comes_from(client, route):
    del client.headers["origin"]
    assert ask(client, route).status_code == 403
    client.headers["origin"] = f"http://{HOST}"
    assert ask(client, route, headers={"sec-fetch-site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: " ".join(route))
def test_a_request_in_order_is_answered_with_the_headers_that_guard_the_page(client, route):
    answer = ask(client, route)
    assert answer.status_code in (200, 204, 400)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_the_token_goes_from_the_address_into_a_cookie_that_no_script_and_no_other_site_sees(studio):
    with testclient.TestClient(
        guard.Guard(application(studio), pages.TOKEN), base_url=f"http://{HOST}", follow_redirects=False
    ) as client:
        answer = client.get(f"/?token={pages.TOKEN}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=Strict" in answer.headers["set-cookie"]
        assert client.get("/").status_code == 200
        client.cookies.clear()
        assert client.get("/?token=").status_code == 403
        assert client.get("/?token=wrong&token=").status_code == 403
        assert client.get(f"/content?token={pages.TOKEN}").status_code == 403


def test_a_body_that_grows_beyond_what_it_declared_is_cut_off(client, monkeypatch):
    monkeypatch.setattr(guard, "LARGEST_BODY", 1000)

    def body():
        yield from (b"x" * 300 for _ in range(10))

    assert ask(client, ("POST", "/picture"), content=body()).status_code == 413
    assert ask(client, ("POST", "/picture"), content=b"x" * 999).status_code == 400


def asked(studio, messages):
    """The status of a request whose body arrives as these messages, below any client.

    In a thread of its own, since Playwright keeps an event loop in that of the tests.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(_asked(studio, messages))).result()


async def _asked(studio, messages):
    guarded, sent = guard.Guard(application(studio), pages.TOKEN), []
    headers = [(b"host", HOST.encode()), (b"origin", f"http://{HOST}".encode())]
    cookie = f"{guarded._cookie}={pages.TOKEN}"
    scope = {
        "type": "http", "method": "POST", "path": "/picture", "raw_path": b"/picture", "query_string": b"",
        "headers": [*headers, (b"cookie", cookie.encode())], "http_version": "1.1", "scheme": "http",
    }  # fmt: skip

    async def receive():
        if not messages:
            await asyncio.sleep(3600)
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    await guarded(scope, receive, send)
    return sent[0]["status"]


def test_a_body_that_never_comes_is_not_waited_for(studio, monkeypatch):
    monkeypatch.setattr(guard, "SECONDS", 0.05)
    assert asked(studio, [{"type": "http.request", "body": b"a", "more_body": True}]) == 408


def test_a_client_that_leaves_in_the_middle_of_its_body_is_let_go(studio):
    left = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    assert asked(studio, left) == 400


@pytest.mark.parametrize(
    "path",
    ["/page/../app.py", "/page/%2e%2e/app.py", "/page//etc/passwd", "/page/network/..%2f..%2fapp.py", "/app.py",
     "/texts/..%2f", "/texts/de", "/page/", "/page/nothing.js"],
)  # fmt: skip
def test_there_is_nothing_outside_of_the_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text and "root:" not in answer.text


BODIES = [
    b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000, b'{"edits": 3}', b'{"edits": [["silence"]]}',
    b'{"edits": [["silence", "conv2d_1", 99]]}', b'{"edits": [["silence", "conv2d_1", true]]}',
    b'{"edits": [["weight", "conv2d_1/kernel", -1, 0.5]]}', b'{"edits": [["weight", "conv2d_1/kernel", 0, NaN]]}',
    b'{"edits": [["weight", "conv2d_1/kernel", 0, 1e300]]}', b'{"edits": [["weight", "no", 0, 1]]}',
    b'{"edits": [], "moment": [1, 0, 0]}', b'{"edits": [], "moment": "x"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:40].decode("latin-1"))
def test_a_question_that_makes_no_sense_is_refused_by_kind(client, body):
    answer = ask(client, ("POST", "/evaluate"), content=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"kind"}


@pytest.mark.parametrize(
    "asked",
    [{}, {"action": "explode"}, {"action": "start", "plan": "rm"}, {"action": "start", "images": "ten"},
     {"action": "start", "images": 3}, {"action": "start", "images": True}, {"action": ["start"]}],
)  # fmt: skip
def test_a_command_that_makes_no_sense_is_refused(client, asked):
    assert ask(client, ("POST", "/training"), content=json.dumps(asked).encode()).status_code == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_page_is_no_question(client, content_type):
    assert ask(client, ("POST", "/evaluate"), headers={"content-type": content_type}).status_code == 400


@pytest.mark.parametrize("body", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"x" * 100_000])
def test_what_is_no_picture_is_refused_without_a_word_of_where_it_lay(client, body):
    answer = ask(client, ("POST", "/picture"), content=body)
    assert (answer.status_code, answer.json()) == (400, {"kind": "FormatError"})


def test_what_breaks_inside_is_not_shown(studio, client, monkeypatch, caplog):
    def broken():
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(studio, "status", broken)
    guarded = guard.Guard(application(studio), pages.TOKEN)
    with testclient.TestClient(guarded, base_url=f"http://{HOST}", raise_server_exceptions=False) as other:
        other.get(f"/?token={pages.TOKEN}")
        answer = other.get("/training")
    assert (answer.status_code, answer.json()) == (500, {"kind": "broken"})
    assert "/secret/path" not in answer.text
