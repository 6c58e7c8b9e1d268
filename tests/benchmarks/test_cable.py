"""The cable that chaos cuts is as honest as a real one: a server's end is told at once, a cut is told to nobody."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.chaos.cable import Cable

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Windows has no Unix sockets in Python")
ASKED, SOON = b"a statement whose answer never comes", 0.5


@pytest.fixture
def ends() -> Iterator[tuple[Cable, socket.socket, socket.socket]]:
    """The cable, and the two ends of one connection through it. The client has asked, and the server has heard it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(Path(folder, "socket")))
        listening.listen()
        cable = Cable(str(Path(folder, "socket")), "127.0.0.1")
        client = socket.create_connection((cable.host, cable.port), timeout=5)
        server, _ = listening.accept()
        client.sendall(ASKED)
        assert server.recv(1000) == ASKED
        yield cable, client, server
        cable.close()
        client.close()
        server.close()


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
    client.settimeout(SOON)
    with pytest.raises(TimeoutError):
        client.recv(1000)
    cable.mend()
    client.settimeout(5)
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
        back.settimeout(SOON)
        with pytest.raises(TimeoutError):
            back.recv(1000)
