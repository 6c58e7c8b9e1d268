"""A connection to a server that can be cut."""

import socket
import threading
from contextlib import suppress


class Cable:
    """A TCP port that leads to a server, and can be cut, with or without a word to those it connects."""

    def __init__(self, target: str | tuple[str, int], host: str) -> None:
        """`target`: the path of a Unix socket, or host and port."""
        self._target, self.host = target, host
        self._ends: list[socket.socket] = []
        self._answered = True
        self._flowing = threading.Event()
        self._flowing.set()
        self._server = socket.create_server((host, 0), backlog=64)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing passes, and nobody is told: the peer vanished."""
        self._flowing.clear()

    def unplug(self) -> None:
        """From now on what was connected has ended and whoever comes is turned away: the server stopped."""
        self._answered = False
        self._end_all()

    def mend(self) -> None:
        """What was connected stays dead; new connections pass."""
        self._end_all()
        self._answered = True
        self._flowing.set()

    def close(self) -> None:
        self._server.close()
        self.mend()

    def _end_all(self) -> None:
        for each in self._ends:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._ends.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if not self._answered:
                client.close()
                continue
            try:
                there = self._connected()
            except OSError:
                client.close()
                continue
            self._ends += [client, there]
            for one, other in ((client, there), (there, client)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _connected(self) -> socket.socket:
        if isinstance(self._target, tuple):
            return socket.create_connection(self._target)
        there = socket.socket(socket.AF_UNIX)
        try:
            there.connect(self._target)
        except OSError:
            there.close()
            raise
        return there

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self._flowing.wait()
                other.sendall(data)
        self._flowing.wait()  # while cut, nobody is told that the other end is gone
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # closing alone says nothing while the other thread reads from it
            each.close()
