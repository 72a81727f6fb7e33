"""Those who are slow, and those who ask in bad faith: nobody holds the server up for the others."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import asking
import pytest

pytest.importorskip("uvicorn", reason="the server is an extra: make test-extras")


# ------------------------------------------------------------------------------------------------------- too slow


def test_who_waits_for_longer_than_the_deadline_is_told_so_and_nothing_is_computed_for_him():
    slow = asking.Slow()
    with asking.served(asking.predictor(slow), deadline=1.5) as server, ThreadPoolExecutor(1) as pool:
        slow.hold()
        first = pool.submit(server.predict, asking.BODY)
        assert slow.begun.wait(30)
        assert server.predict(asking.BODY) == (
            504,
            {"title": "Gateway Timeout", "status": 504, "detail": "No answer within 1.5 seconds."},
        )
        assert first.result(30)[0] == 504
        slow.may.set()
        assert server.predict(asking.BODY)[0] == 200
    assert slow.batches == [1, 1]


def test_what_was_asked_by_a_client_that_left_is_not_computed():
    slow = asking.Slow()
    with asking.served(asking.predictor(slow)) as server, ThreadPoolExecutor(1) as pool:
        slow.hold()
        first = pool.submit(server.predict, asking.BODY)
        assert slow.begun.wait(30)
        leaving = server.raw(asking.request())
        asking.wait_until(lambda: server.metric("convlet_requests_in_progress") == 3)
        leaving.close()
        asking.wait_until(lambda: server.metric('convlet_requests_total{path="/predict",status="499"}') == 1)
        slow.may.set()
        assert first.result(30)[0] == server.predict(asking.BODY)[0] == 200
    assert slow.batches == [1, 1]


def test_pictures_that_nobody_waits_for_any_longer_are_not_decoded(monkeypatch):
    may, decoded = threading.Event(), []

    def prepared(content, name, *others, **options):
        decoded.append(name)
        assert may.wait(30)
        return asking.image()

    monkeypatch.setattr("convlet.serving.reading.prepared", prepared)
    with asking.served(deadline=0.3) as server:
        body, kind = asking.form(("a", b"1"), ("b", b"2"), ("c", b"3"))
        assert server.predict(body, kind)[0] == 504
        may.set()
    assert decoded == ["a"]


def test_a_client_that_leaves_in_the_middle_of_its_body_is_let_go():
    with asking.served() as server:
        server.raw(asking.request(asking.BODY[:10], length=1000)).close()
        asking.wait_until(lambda: server.metric('convlet_requests_total{path="/predict",status="400"}') == 1)
        assert server.predict(asking.BODY)[0] == 200
        assert server.metric("convlet_requests_in_progress") == 1


def test_a_body_that_never_comes_is_not_waited_for_and_takes_nobodys_place():
    with asking.served(body_seconds=0.5, max_waiting=1) as server:
        slow = server.raw(asking.request(asking.BODY[:10], length=1000))
        asking.wait_until(lambda: server.metric("convlet_requests_in_progress") == 2)
        assert server.predict(asking.BODY)[0] == 200
        assert asking.status_of(slow) == 408


@pytest.mark.parametrize("begun", [b"", b"POST /predict HTTP/1.1\r\nHost: 127", asking.request() + b"GET / HT"])
def test_headers_that_never_come_are_not_waited_for(begun):
    with asking.served(headers_seconds=0.5) as server, server.raw(begun) as slow:
        assert slow.makefile("rb").read().count(b"HTTP/1.1 200") == (
            begun.startswith(b"POST /predict") and begun.endswith(b"HT")
        )


def test_a_client_that_takes_no_answer_is_let_go():
    """It asks again and again, and reads nothing: answers pile up until its socket and the server's buffer are full."""
    with asking.served(headers_seconds=0.5, body_seconds=0.2, deadline=0.2) as server:
        greedy = socket.socket()
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.connect(("127.0.0.1", server.port))
        greedy.settimeout(20)
        with greedy, pytest.raises((ConnectionError, BrokenPipeError)):
            while True:
                greedy.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100)
        asking.wait_until(lambda: server.metric("convlet_requests_in_progress") == 1)


# ------------------------------------------------------------------------------------------------------ bad faith


@pytest.mark.parametrize(
    ("more", "host", "status"),
    [
        ("", "evil.test", 403),
        ("", "127.0.0.1.evil.test", 403),
        ("", "localhost@evil.test", 403),
        ("Origin: http://evil.test\r\n", "127.0.0.1", 403),
        ("Origin: null\r\n", "127.0.0.1", 403),
        ("Origin: http://localhost\r\n", "localhost", 200),
        ("Expect: 100-continue\r\n", "[::1]:80", 100),
    ],
)
def test_a_request_comes_under_a_name_of_this_machine_and_from_no_other_page(more, host, status):
    with asking.served() as server:
        for path in ("/predict", "/metrics"):
            asked = asking.request(host=host, more=more).replace(b"/predict", path.encode())
            expected = 405 if path == "/metrics" and status != 403 else status
            assert asking.status_of(server.raw(asked)) == expected


def test_a_further_name_is_let_in_where_it_was_told():
    from convlet.serving import server

    assert "predictions.test" in {*server.hosts_of("127.0.0.1", ["Predictions.test"])}


def test_a_body_that_is_too_long_is_refused_though_it_was_sent_whole():
    with asking.served(max_body=1) as server:
        assert server.predict(b"x" * 10**6, "image/png")[0] == 422
        status, answer = server.predict(b"x" * (10**6 + 1), "image/png")
        assert (status, answer["detail"]) == (413, "At most 1,000,000 bytes.")
        assert asking.status_of(server.raw(asking.request(b"", length=10**15))) == 413
        pieces = b"".join(b"%x\r\n%s\r\n" % (2**18, b"x" * 2**18) for _ in range(8)) + b"0\r\n\r\n"
        head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert asking.status_of(server.raw(head + pieces)) == 413


def test_images_that_are_too_many_bytes_for_the_network_are_refused_however_small_they_come():
    """A picture of a pixel is as large as any other once it is an image."""
    slow, image = asking.Slow(), 20 * 4  # bytes of one, as float32
    with asking.served(asking.predictor(slow), image_bytes=2 * image) as server, ThreadPoolExecutor(2) as pool:
        body, kind = asking.form(*[(str(i), asking.png(asking.image()[:1, :1])) for i in range(3)])
        assert server.predict(body, kind)[1]["detail"] == "More than 2 images: send them as several requests."
        slow.hold()
        asked = [pool.submit(server.predict, asking.BODY)]
        assert slow.begun.wait(30)
        two = asking.form(*[(name, asking.png(asking.image())) for name in "ab"])
        asked.append(pool.submit(server.predict, *two))
        asking.wait_until(lambda: server.metric("convlet_images_waiting") == 2)
        assert server.predict(asking.BODY)[1]["detail"] == "2 images are waiting already."
        slow.may.set()
        assert [each.result(30)[0] for each in asked] == [200, 200] and server.predict(asking.BODY)[0] == 200


def test_bodies_that_are_too_many_bytes_together_are_refused():
    from convlet.serving.limits import MB

    with asking.served(max_body=1) as server:
        waiting = [server.raw(asking.request(b"x" * (MB - 1), length=MB)) for _ in range(32)]
        asking.wait_until(lambda: server.predict(b"x" * 1000, "image/png")[0] == 503)
        for each in waiting:
            each.close()
        asking.wait_until(lambda: server.predict(b"x" * (MB - 1), "image/png")[0] == 422)


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"A" * 20_000, b"GET / HTTP/9\r\n\r\n"]
)
def test_what_is_no_http_is_refused_and_the_next_is_answered(nonsense, capfd):
    with asking.served(headers_seconds=1) as server:
        assert asking.status_of(server.raw(nonsense)) in (400, None)
        assert server.predict(asking.BODY)[0] == 200
    assert capfd.readouterr().err == ""
