"""From the first prediction to the last: a server says when it is ready, and finishes what it has begun."""

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import asking
import pytest
import tiny

pytest.importorskip("uvicorn", reason="the server is an extra: make test-extras")

from convlet.errors import NumericsError, StorageError


def test_health_says_when_the_first_prediction_is_done_and_who_comes_before_waits():
    slow = asking.Slow()
    slow.hold()
    with asking.served(asking.predictor(slow), ready=False) as server, ThreadPoolExecutor(1) as pool:
        assert slow.begun.wait(30)
        status, headers, answer = server.ask("GET", "/health")
        assert (status, headers["retry-after"], answer["status"]) == (503, "1", 503)
        early = pool.submit(server.predict, asking.BODY)
        asking.wait_until(lambda: server.metric("convlet_requests_in_progress") == 2)
        slow.may.set()
        assert early.result(30)[0] == 200
        assert server.ask("GET", "/health")[2] == {"status": "ready"}


def test_a_network_that_answers_nothing_ends_the_server_with_what_is_wrong():
    from convlet.serving import server
    from convlet.serving.limits import Limits

    def broken(images):
        raise NumericsError("NaN")

    with pytest.raises(NumericsError, match="NaN"):
        server.serve(asking.predictor(broken), Limits(), port=0)


def test_a_port_that_is_taken_is_named():
    from convlet.serving import server
    from convlet.serving.limits import Limits

    with asking.served() as first, pytest.raises(StorageError, match=f"port {first.port}: it is taken"):
        server.serve(asking.predictor(), Limits(), port=first.port)


def test_what_has_begun_is_answered_before_the_end():
    slow = asking.Slow()
    with asking.served(asking.predictor(slow)) as server, ThreadPoolExecutor(3) as pool:
        slow.hold()
        begun = [pool.submit(server.predict, asking.BODY) for _ in range(3)]
        asking.wait_until(lambda: server.metric("convlet_requests_in_progress") == 4)
        server.stop()
        asking.wait_until(lambda: not _listens(server.port))
        slow.may.set()
        assert [each.result(30)[0] for each in begun] == [200] * 3


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_what_cannot_be_finished_in_time_is_told_that_the_server_ends(capfd):
    slow = asking.Slow()
    with asking.served(asking.predictor(slow), deadline=0.9, body_seconds=60) as server:
        half = server.raw(asking.request(asking.BODY[:10], length=1000))
        asking.wait_until(lambda: server.metric("convlet_requests_in_progress") == 2)
        server.stop()
        assert asking.status_of(half) == 503


BUSY = """
import threading, time
import asking
from convlet.serving import server
from convlet.serving.limits import Limits
from convlet.signals import Stopped

def answer(images):
    if images.max() > 0:
        print("begun", flush=True)
        time.sleep(1)
    return asking.probabilities(images)

try:
    server.serve(asking.predictor(answer), Limits(), port=0, said=lambda address: print(address, flush=True))
except Stopped as stopped:
    print("ended by", stopped.signal, "with", threading.active_count() - 1, "threads", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_while_it_is_busy_lets_it_finish(number):
    command, environment = [sys.executable, "-W", "error", "-c", BUSY], tiny.environment()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as busy:
        try:
            port = int(busy.stdout.readline().rstrip("/\n").rpartition(":")[2])
            with ThreadPoolExecutor(1) as pool:
                answer = pool.submit(asking.Server(port, None, None).predict, asking.BODY)
                assert busy.stdout.readline() == "begun\n"
                os.kill(busy.pid, number)
                assert answer.result(30)[0] == 200
            assert busy.stdout.readline() == f"ended by {int(number)} with 0 threads\n"
            assert busy.wait(30) == 0
        finally:
            busy.kill()
