"""The processes of a run find each other, or each is told what is wrong; no Keras is needed for that."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from several import free_port

from convlet.errors import DataError, GroupError, InputError
from convlet.processes import rendezvous
from convlet.processes.rendezvous import Rendezvous


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(rendezvous, "GREETING_SECONDS", 1.0)
    monkeypatch.setattr(rendezvous, "REFUSAL_SECONDS", 3.0)


@pytest.fixture
def pool():
    with ThreadPoolExecutor() as threads:
        yield threads


def meet(place, count, port, alike=(), files=(), timeout=20, accept=None):
    """What process 0 gave, or what was raised."""
    given = {}
    try:
        Rendezvous(place, count, f"127.0.0.1:{port}", timeout).meet(dict(alike), dict(files), accept or given.update)
    except (GroupError, InputError, DataError) as error:
        return error
    return given


def attend_all(pool, *of_each, port=None):
    """How it ended for each of several processes, the first being process 0."""
    port, count = port or free_port(), len(of_each)
    attending = [pool.submit(meet, place, **{"count": count, "port": port, **own}) for place, own in enumerate(of_each)]
    return [each.result() for each in attending]


def test_all_receive_the_files_of_process_0(pool):
    files = {"a": b"\n{}\n", "empty": b"", "large": bytes(range(256)) * 40_000}
    given = attend_all(pool, {"files": files, "alike": {"recipe": "x"}}, *[{"alike": {"recipe": "x"}}] * 2)
    assert given == [{}, files, files]


def test_a_meeting_of_one_is_short():
    assert meet(0, 1, free_port()) == {}


def test_process_0_names_those_who_did_not_come(pool):
    port = free_port()
    second = pool.submit(meet, 2, 4, port, timeout=9)
    error = meet(0, 4, port, timeout=3)
    message = f"process 0 of 4 waited at port {port}, but these did not come: process 1, 3."
    assert isinstance(error, GroupError) and str(error).startswith(message)
    assert str(second.result()) == str(error)


def test_who_finds_nobody_says_where_it_looked_and_why():
    error = meet(1, 2, port := free_port(), timeout=1)
    assert isinstance(error, GroupError)
    assert f"process 1 of 2 could not reach process 0 at 127.0.0.1:{port} ([Errno" in str(error)


@pytest.mark.parametrize(
    ("first", "other", "message"),
    [
        (
            {"alike": {"v": "1", "recipe": "x"}},
            {"alike": {"v": "1", "recipe": "y"}},
            "recipe: process 1 has y, process 0",
        ),
        ({"alike": {"recipe": "x"}}, {}, "recipe: process 1 has None, process 0 has x"),
        ({}, {"count": 3}, "hosts: process 1 counts 3 of them, process 0 counts 2."),
    ],
)
def test_what_differs_is_named_in_both_processes(pool, first, other, message):
    errors = attend_all(pool, {"files": {"secret": b"not sent"}, **first}, other)
    assert all(isinstance(error, InputError) and str(error).startswith(message) for error in errors), errors


def test_two_processes_with_the_same_place_are_told(pool):
    port = free_port()
    attending = [pool.submit(meet, place, 3, port) for place in (0, 1, 1)]
    errors = [each.result() for each in attending]
    assert {str(error) for error in errors} == {"process_id=1: two processes say so; each needs its own, 0 to 2."}


def test_who_cannot_use_the_files_tells_all(pool):
    def accept(files):
        raise DataError("the data are not here.")

    errors = attend_all(pool, {"files": {"a": b"b"}}, {}, {"accept": accept})
    assert [type(error) for error in errors] == [GroupError, GroupError, DataError]
    assert [str(error) for error in errors] == ["process 2: the data are not here."] * 2 + ["the data are not here."]


@pytest.mark.parametrize("refusing", [0, 1])
def test_who_cannot_take_part_tells_all(pool, refusing):
    port = free_port()
    places = [place for place in range(3) if place != refusing]
    attending = [pool.submit(meet, place, 3, port) for place in places]
    Rendezvous(refusing, 3, f"127.0.0.1:{port}", 20).refuse("no such folder.")
    assert [str(each.result()) for each in attending] == [f"process {refusing}: no such folder."] * 2


def test_who_came_and_left_is_missed_before_the_run_begins(pool):
    port = free_port()
    first = pool.submit(meet, 0, 3, port)
    with connected(port) as leaver:
        greeting = {"convlet": 1, "place": 1, "count": 3, "key": "k", "alike": {}, "refused": None}
        leaver.sendall(json.dumps(greeting).encode() + b"\n")
        time.sleep(0.2)
    second = meet(2, 3, port)
    message = "process 1: it came, and then left, or did not answer."
    assert (str(first.result()), str(second)) == (message, message)


@pytest.mark.parametrize(
    "said",
    [
        *(b"GET / HTTP/1.1\r\n\r\n", b'{"convlet": 1}\n', b"[1]\n", b"\xff" * 1000 + b"\n", b"[" * 60_000 + b"\n"),
        b'{"convlet": 1, "place": true, "count": 2, "key": "k", "alike": {}, "refused": null}\n',
        b'{"convlet": 1, "place": [1], "count": 2, "key": "k", "alike": {}, "refused": null}\n',
        *(b"x" * 200_000, b""),
    ],
    ids=range(9),
)
def test_strangers_at_the_meeting_place_are_ignored(pool, said):
    port = free_port()
    first = pool.submit(meet, 0, 2, port, files={"a": b"b"})
    with connected(port) as stranger:
        stranger.sendall(said)
        assert meet(1, 2, port) == {"a": b"b"}
    assert first.result() == {}


def test_a_stranger_who_talks_slowly_does_not_hold_the_meeting_up(pool):
    port, done = free_port(), threading.Event()
    first = pool.submit(meet, 0, 2, port)

    def talk():
        with connected(port) as stranger:
            while not done.wait(0.2):
                try:
                    stranger.sendall(b"x")
                except OSError:
                    return

    talking = pool.submit(talk)
    time.sleep(0.2)
    assert meet(1, 2, port) == {}
    done.set()
    assert first.result() == {}
    talking.result()


def connected(port):
    for _ in range(1000):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5)
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise AssertionError("nobody listens")
