"""The dashboard's server: what is served where, until somebody ends it."""

import getpass
import ipaddress
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from search.artifacts import Artifacts
from search.edge import UserError
from search.gate import Gate
from search.login import HOW, Secrets
from search.options import shown_storage
from search.pictures import Pictures
from search.showing import Showing
from search.study_pages import StudyPages
from storage.errors import StorageError
from storage.reading import optuna_storage
from storage.store import Store
from storage.urls import parse_url
from storage.viewing import Viewer

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

THREADS = 8
LARGEST_REQUEST = 2**20  # bytes


@dataclass(frozen=True)
class Place:
    """Where to listen, under which names, and who may come in."""

    host: str
    port: int
    allow_hosts: tuple[str, ...]
    write: bool
    secrets: Secrets

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer can come here."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def check(self) -> None:
        """Raises `UserError` where others could come in without a login."""
        if not self.is_loopback and not self.secrets:
            raise UserError(
                f"--host {self.host} lets other computers in, so it needs a password: {HOW}; or stay on 127.0.0.1"
            )

    @property
    def names(self) -> frozenset[str]:
        """Names in the Host header that are ours."""
        names = {"localhost", self.host, *self.allow_hosts}
        if not self.is_loopback:
            names |= {socket.gethostname(), socket.getfqdn()}
        return frozenset(name.lower() for name in names)


def serve(place: Place, url: str, data: str | None) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises one-line errors: no database, no study in it, port in use."""
    from waitress.server import create_server

    store = Store.read_only(url)
    gate = gate_of(place, store, url, data)
    try:
        server = create_server(
            gate,
            host=place.host,
            port=place.port,
            threads=THREADS,
            ident=None,
            max_request_body_size=LARGEST_REQUEST,
            clear_untrusted_proxy_headers=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"cannot listen on {place.host} port {place.port} ({why}); another --port may be free, 0 takes any"
        ) from None
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        _tell(place, store, _port_of(server))
        _until_stopped(server.run)
    finally:
        server.close()
        store.close()
    click.echo("stopped")


def gate_of(place: Place, store: Store, url: str, data: str | None) -> Gate:
    """The whole application: Optuna's dashboard and our pages behind the gate."""
    showing = Showing(store)
    viewer: Viewer = optuna_storage(Viewer, parse_url(url), place.write)
    viewer.shows = showing
    pages = StudyPages(showing, viewer.get_all_studies, login=bool(place.secrets))
    return Gate(
        dashboard=_dashboard(viewer, Artifacts(showing, Pictures(data))),
        pages=pages,
        alive=lambda: _alive(store),
        hosts=place.names,
        any_address=not place.is_loopback,
        secrets=place.secrets,
        write=place.write,
    )


def _dashboard(viewer: Viewer, artifacts: Artifacts) -> "WSGIApplication":
    from optuna_dashboard import wsgi

    return wsgi(viewer, artifact_store=artifacts)


def _alive(store: Store) -> str | None:
    try:
        store.now()
    except StorageError as error:
        return str(error)
    return None


def _port_of(server: Any) -> int:
    """One of several where a name stands for several addresses."""
    return getattr(server, "effective_port", None) or server.effective_listen[0][1]


def _tell(place: Place, store: Store, port: int) -> None:
    shown = f"[{place.host}]" if ":" in place.host else place.host
    here = "localhost" if place.host in ("0.0.0.0", "::") else shown
    studies = len(store.studies())
    click.echo(f"{shown_storage(store.url_without_secret)}: {studies} {'study' if studies == 1 else 'studies'}")
    click.echo(f"dashboard on http://{here}:{port}/ ({'notes can be edited' if place.write else 'read-only'})")
    if place.is_loopback:
        target = shown if place.host != "localhost" else "127.0.0.1"
        me = f"{getpass.getuser()}@{socket.gethostname()}"
        click.echo(f"from another computer: ssh -L {port}:{target}:{port} {me}, then http://localhost:{port}/ there")
    else:
        click.echo("passwords cross the network unencrypted unless a proxy with TLS stands in front")
    click.echo("Ctrl-C ends it")


def _until_stopped(run: Callable[[], None]) -> None:
    """SIGTERM ends it in order, as Ctrl-C does (waitress catches the interrupt)."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {name: signal.signal(name, interrupt) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        run()
    except KeyboardInterrupt:
        pass
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
