"""The gate in front of the dashboard, as WSGI: who may come in, what may be asked, and how answers are dressed."""

import ipaddress
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from search import web_pages
from search.login import SESSION_SECONDS, Guesses, Secrets, Sessions

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

COOKIE = "ceteris_session"
LARGEST_LOGIN = 4096  # bytes
HEALTH_SECONDS = 1.0  # for which it is good that the database has answered
# What --write lets through: notes and attributes. Not what would break a study: deleting, renaming, telling, uploading.
WRITABLE = {
    "PUT": re.compile(r"/api/studies/\d+(/\d+)?/note/?"),
    "POST": re.compile(r"/api/trials/\d+/user-attrs/?"),
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OWN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
EVERY_POLICY = "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


@dataclass(frozen=True)
class Answer:
    status: str
    body: str
    kind: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Gate:
    """Everything passes here, static files too. `pages` answers below /ceteris, `dashboard` all the rest."""

    dashboard: "WSGIApplication"
    pages: Callable[[str], Answer]
    alive: Callable[[], str | None]  # None, or why the database does not answer
    hosts: frozenset[str]
    any_address: bool  # an address in the Host header is let in, whichever it is: a name could be an attacker's
    secrets: Secrets
    write: bool = False
    _sessions: Sessions = field(default_factory=Sessions)
    _guesses: Guesses = field(default_factory=Guesses)
    _checking: threading.Lock = field(default_factory=threading.Lock)
    health_seconds: float = HEALTH_SECONDS
    _answered: float = float("-inf")

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ.setdefault("HTTP_ACCEPT_ENCODING", "identity")  # the dashboard takes it for given

        def dressed(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, _dressed(headers, environ), exc_info)

        answer = self._refusal(environ)
        path = environ.get("PATH_INFO", "/")
        if answer is None and path in ("/", ""):
            answer = Answer("303 See Other", "", headers=(("Location", "/ceteris/"),))
        if answer is None and (path == "/ceteris" or path.startswith("/ceteris/")):
            answer = self.pages(path.encode("latin-1").decode("utf-8", "replace"))
        if answer is None:
            return self.dashboard(environ, dressed)
        body = answer.body.encode()
        head = environ["REQUEST_METHOD"] == "HEAD"
        dressed(answer.status, [("Content-Type", answer.kind), ("Content-Length", str(len(body))), *answer.headers])
        return [b"" if head else body]

    def _refusal(self, environ: "WSGIEnvironment") -> Answer | None:
        """What is answered in place of the pages: a refusal, the login or the state of health. None: come in."""
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        reads = method in ("GET", "HEAD")
        if not self._is_own_host(environ.get("HTTP_HOST", "")):
            return _refused("this dashboard does not go by that name; --allow-host NAME adds one")
        if not reads and not _same_origin(environ):
            return _refused("this request comes from another page")
        if path == "/healthz" and reads:
            away = self._away()
            return Answer("503 Service Unavailable" if away else "200 OK", "away\n" if away else "ok\n", "text/plain")
        if self.secrets and path == "/login" and (reads or method == "POST"):
            return self._login(environ)
        if self.secrets and path == "/logout" and method == "POST":
            return self._logout(environ)
        if not reads and not (self.write and method in WRITABLE and WRITABLE[method].fullmatch(path)):
            return _refused("this dashboard is read-only" + (" but for notes and attributes" if self.write else ""))
        if self.secrets and not self._is_in(environ):
            if reads and "text/html" in environ.get("HTTP_ACCEPT", ""):
                query = environ.get("QUERY_STRING", "")
                wanted = quote(path.encode("latin-1")) + (f"?{query}" if query else "")
                return Answer("303 See Other", "", headers=(("Location", f"/login?next={quote(wanted, safe='')}"),))
            return Answer("401 Unauthorized", '{"reason": "log in first"}\n', "application/json")
        if (away := self._away()) is not None:
            status = "503 Service Unavailable"
            if path.startswith("/api/"):
                return Answer(status, '{"reason": "the database does not answer"}\n', "application/json")
            return Answer(status, web_pages.news("The database does not answer", away), headers=(("Retry-After", "5"),))
        return None

    def _is_own_host(self, header: str) -> bool:
        """A foreign name that leads here (DNS rebinding) would let a foreign page read what the browser can reach."""
        try:
            name = (urlsplit(f"//{header}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in self.hosts:
            return "@" not in header
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return "@" not in header and (self.any_address or address.is_loopback)

    def _away(self) -> str | None:
        if time.monotonic() - self._answered < self.health_seconds:
            return None
        why = self.alive()
        if why is None:
            self._answered = time.monotonic()
        return why

    def _is_in(self, environ: "WSGIEnvironment") -> bool:
        scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer" and self.secrets.is_token(given.strip()):
            return True
        return self._sessions.holds(_cookie(environ))

    def _login(self, environ: "WSGIEnvironment") -> Answer:
        if environ["REQUEST_METHOD"] != "POST":
            asked = parse_qs(environ.get("QUERY_STRING", "")).get("next", ["/"])[0]
            return Answer("200 OK", web_pages.login(_local(asked)))
        size = environ.get("CONTENT_LENGTH") or "0"
        if not size.isdigit() or int(size) > LARGEST_LOGIN:
            return Answer("413 Content Too Large", web_pages.login("/", "That is too long for a password."))
        form = parse_qs(environ["wsgi.input"].read(int(size)).decode("utf-8", "replace"), keep_blank_values=True)
        wanted, given = _local(form.get("next", ["/"])[0]), form.get("password", [""])[0]
        address = environ.get("REMOTE_ADDR", "")
        with self._checking:  # one guess at a time, so that a crowd of them is neither faster nor fills the memory
            if wait := self._guesses.wait(address):
                words = f"Too many wrong passwords. Try again in {max(1, round(wait / 60))} min."
                headers = (("Retry-After", str(int(wait) + 1)),)
                return Answer("429 Too Many Requests", web_pages.login(wanted, words), headers=headers)
            if not self.secrets.opens(given):
                self._guesses.failed(address)
                return Answer("401 Unauthorized", web_pages.login(wanted, "That is not the password."))
        secure = "; Secure" if environ.get("wsgi.url_scheme") == "https" else ""
        attributes = f"Path=/; HttpOnly; SameSite=Strict; Max-Age={SESSION_SECONDS:.0f}{secure}"
        cookie = f"{COOKIE}={self._sessions.open()}; {attributes}"
        return Answer("303 See Other", "", headers=(("Location", wanted), ("Set-Cookie", cookie)))

    def _logout(self, environ: "WSGIEnvironment") -> Answer:
        self._sessions.close(_cookie(environ))
        gone = f"{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        return Answer("303 See Other", "", headers=(("Location", "/login"), ("Set-Cookie", gone)))


def _refused(why: str) -> Answer:
    return Answer("403 Forbidden", f'{{"reason": "{why}"}}\n', "application/json")


def _same_origin(environ: "WSGIEnvironment") -> bool:
    """Browsers say where a request that may change something comes from; other programs say nothing."""
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return environ.get("HTTP_SEC_FETCH_SITE", "same-origin") in ("same-origin", "none")
    return urlsplit(origin).netloc == environ.get("HTTP_HOST", "")


def _cookie(environ: "WSGIEnvironment") -> str:
    try:
        found = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _local(path: str) -> str:
    """A path of this server to go on to, or the first page: never another site."""
    here = path.startswith("/") and not path.startswith(("//", "/\\", "/login"))
    return path if here and path.isascii() and path.isprintable() else "/"


def _dressed(headers: list[tuple[str, str]], environ: "WSGIEnvironment") -> list[tuple[str, str]]:
    """Security headers on every answer. The dashboard opens pictures to all sites: that is taken back."""
    kept = {name.title(): value for name, value in headers if name.lower() not in ("access-control-allow-origin",)}
    cookies = [(name, value) for name, value in headers if name.lower() == "set-cookie"]
    kept.pop("Set-Cookie", None)
    policy = kept.pop("Content-Security-Policy", OWN_POLICY)
    if not environ.get("PATH_INFO", "").startswith("/static/"):
        kept["Cache-Control"] = "no-store"
    dressed = {**kept, **HEADERS, "Content-Security-Policy": f"{policy}; {EVERY_POLICY}"}
    return [*dressed.items(), *cookies]
