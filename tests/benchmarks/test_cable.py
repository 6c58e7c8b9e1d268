"""The cable that chaos cuts is as honest as a real one: a server's end is told at once, a cut is told to nobody."""

import socket
from collections.abc import Iterator

import pytest

from benchmarks.chaos.cable import Cable

ASKED, SOON = b"a statement whose answer never comes", 0.5


@pytest.fixture
def ends() -> Iterator[tuple[Cable, socket.socket, socket.socket]]:
    """The cable, and the two ends of one connection through it. The client has asked, and the server has heard it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        cable = Cable(listening.getsockname(), "127.0.0.1")
        client = socket.create_connection((cable.host, cable.port), timeout=5)
        server, _ = listening.accept()
        client.sendall(ASKED)
        assert server.recv(1000) == ASKED
        yield cable, client, server
        cable.close()
        client.close()
        server.close()


def says_nothing(end: socket.socket) -> bool:
    end.settimeout(SOON)
    with pytest.raises(TimeoutError):
        end.recv(1000)
    end.settimeout(5)
    return True


def test_who_waits_for_an_answer_is_told_that_the_server_is_gone(
    ends: tuple[Cable, socket.socket, socket.socket],
) -> None:
    _, client, server = ends
    server.close()
    assert client.recv(1000) == b""


def test_while_the_cable_is_cut_nobody_is_told_and_what_was_connected_stays_dead(
    ends: tuple[Cable, socket.socket, socket.socket],
) -> None:
    cable, client, server = ends
    cable.cut()
    server.close()
    assert says_nothing(client)
    cable.mend()
    assert client.recv(1000) == b""


def test_unplugged_everybody_is_told_and_whoever_comes_is_turned_away_until_it_is_mended(
    ends: tuple[Cable, socket.socket, socket.socket],
) -> None:
    cable, client, _ = ends
    cable.unplug()
    assert client.recv(1000) == b""
    with socket.create_connection((cable.host, cable.port), timeout=5) as late:
        assert late.recv(1000) == b""
    cable.mend()
    with socket.create_connection((cable.host, cable.port), timeout=5) as back:
        assert says_nothing(back)
