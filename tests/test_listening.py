"""What both servers stand on: sockets of this machine, and the names it may be asked under."""

import asyncio
import errno
import socket

import pytest

from convlet import listening
from convlet.errors import InputError, StorageError


@pytest.fixture
def taken():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        yield made.getsockname()[1]


def test_a_taken_port_is_left_to_who_has_it(taken):
    with listening.bound("127.0.0.1", taken, 50) as other:
        assert taken < other.getsockname()[1] < taken + 50


def test_a_taken_port_is_named_where_no_other_will_do(taken):
    with pytest.raises(StorageError, match=f"port {taken}: it is taken; name another with --port"):
        listening.bound("127.0.0.1", taken)


def test_a_port_that_only_the_system_may_listen_on_is_not_called_taken(monkeypatch, taken):
    class Unprivileged(socket.socket):
        def bind(self, address):
            if address[1] < taken:
                raise PermissionError(errno.EACCES, "Permission denied")
            super().bind(address)

    monkeypatch.setattr(socket, "socket", Unprivileged)
    for tried, which in ((1, "port 80: it is"), (3, "ports 80 to 82: all are")):
        with pytest.raises(StorageError, match=f"{which} not for this user .*; name one from 1024 on with --port"):
            listening.bound("127.0.0.1", 80, tried)
    with pytest.raises(StorageError, match=r"it is not for this user .*; name another with --port"):
        listening.bound("127.0.0.1", taken - 1)
    with pytest.raises(StorageError, match="all are taken"):
        listening.bound("127.0.0.1", taken - 1, 2)
    with listening.bound("127.0.0.1", taken - 1, 50) as other:
        assert other.getsockname()[1] > taken


def test_an_address_that_this_machine_does_not_have_is_named():
    with pytest.raises(InputError, match=r"host='192\.0\.2\.1'"):
        listening.bound("192.0.2.1", 0)


@pytest.mark.parametrize("host", ["", "ü" * 70, "a\0"])
def test_what_is_no_address_is_named_and_an_empty_one_is_not_all_of_them(host):
    with pytest.raises(InputError, match="host="):
        listening.bound(host, 0)


def test_a_machine_is_asked_under_its_own_names_and_the_one_that_was_asked_for():
    assert listening.allowed("127.0.0.1") == listening.LOOPBACK
    assert listening.allowed("Example.test") == (*listening.LOOPBACK, "example.test")
    assert socket.gethostname().lower() in listening.allowed("0.0.0.0")


@pytest.mark.parametrize(
    ("host", "name"),
    [("localhost:80", "localhost"), ("[::1]:80", "::1"), ("a@localhost", None), ("localhost/x", None), ("", None)],
)
def test_a_host_header_has_one_name_or_none(host, name):
    assert listening.hostname(host) == name


def test_an_address_is_one_that_a_browser_on_this_machine_can_open():
    assert listening.address("0.0.0.0", 80) == "http://127.0.0.1:80/"
    assert listening.address("::1", 80) == "http://[::1]:80/"


def test_answers_are_not_held_back_for_more_to_come():
    """Nagle's algorithm and a client's delayed acknowledgement together cost 40 ms for each answer in two pieces."""

    async def held_back():
        accepted = asyncio.get_running_loop().create_future()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport):
                connection = transport.get_extra_info("socket")
                accepted.set_result(not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        async with await asyncio.get_running_loop().create_server(
            Protocol, sock=listening.bound("127.0.0.1", 0)
        ) as server:
            with socket.create_connection(server.sockets[0].getsockname()[:2]):
                return await accepted

    assert not asyncio.run(held_back())
