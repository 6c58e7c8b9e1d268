"""Who may look at a dashboard that others can reach: a password or a token, sessions, and a limit on guessing."""

import base64
import hashlib
import hmac
import ipaddress
import os
import secrets
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import Path

from search.edge import UserError

SHORTEST_PASSWORD, SHORTEST_TOKEN = 8, 20
SESSION_SECONDS = 12 * 3600.0
SESSIONS, ADDRESSES = 1000, 10_000  # kept at most
TRIES, TRY_SECONDS = 5, 300.0  # failures of one address before it has to wait
COST = {"n": 2**14, "r": 8, "p": 1}  # of scrypt: 16 MiB and some 50 ms for each guess
PASSWORD_VARIABLE = "CETERIS_DASHBOARD_PASSWORD"
HOW = (
    "write one of 8 characters or more into a file and give --password-file FILE (or CETERIS_DASHBOARD_PASSWORD_FILE, "
    "or CETERIS_DASHBOARD_PASSWORD)"
)


def hashed(password: str) -> str:
    """`scrypt$salt$hash`, as a password file may hold it in place of the password."""
    salt = secrets.token_bytes(16)
    return "$".join(["scrypt", *(base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt)))])


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, maxmem=2**26, **COST)


@dataclass(frozen=True)
class Secrets:
    """What opens the dashboard: a hashed password, a token, or both. Never shown."""

    password: str | None = None
    token: str | None = None

    @classmethod
    def given(cls, password_file: Path | None, token_file: Path | None) -> "Secrets":
        """From files or the environment. Raises `UserError` for what is too short to keep anybody out."""
        password = _read(password_file, "password") if password_file else os.environ.get(PASSWORD_VARIABLE)
        token = _read(token_file, "token") if token_file else None
        if password is not None and not password.startswith("scrypt$"):
            if len(password) < SHORTEST_PASSWORD:
                raise UserError(f"the password has fewer than {SHORTEST_PASSWORD} characters; {HOW}")
            password = hashed(password)
        if password is not None and not _is_hash(password):
            raise UserError("the password file begins with scrypt$ but is not what --hash-password prints")
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise UserError(
                f"the token has fewer than {SHORTEST_TOKEN} characters; "
                'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        return cls(password, token)

    def __repr__(self) -> str:
        return "Secrets(...)"

    def __bool__(self) -> bool:
        return self.password is not None or self.token is not None

    def is_token(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(_digest(given), _digest(self.token))

    def opens(self, given: str) -> bool:
        """Whether this is the password or the token, in a time that tells nothing of either."""
        token = self.is_token(given)
        if self.password is None:
            return token
        _, salt, expected = (base64.b64decode(part) if n else b"" for n, part in enumerate(self.password.split("$")))
        return hmac.compare_digest(_scrypt(given, salt), expected) or token


def _read(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UserError(f"cannot read the {what} file {file} ({why}); {HOW}") from None


def _is_hash(text: str) -> bool:
    try:
        parts = [base64.b64decode(part, validate=True) for part in text.split("$")[1:]]
    except ValueError:
        return False
    return [len(part) for part in parts] == [16, 64]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


class Sessions:
    """Logged-in browsers, in memory only: a restart logs everybody out."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def open(self) -> str:
        """A new session; its value goes into a cookie."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._until[_digest(value)] = time.monotonic() + SESSION_SECONDS
            while len(self._until) > SESSIONS:
                self._until.popitem(last=False)
        return value

    def holds(self, value: str) -> bool:
        with self._lock:
            return self._until.get(_digest(value), 0.0) > time.monotonic()

    def close(self, value: str) -> None:
        with self._lock:
            self._until.pop(_digest(value), None)


class Guesses:
    """Counts failed logins by address; an IPv6 network counts as one address."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 if it may now."""
        with self._lock:
            failed = self._failed.get(_network(address), ())
            recent = [at for at in failed if time.monotonic() - at < TRY_SECONDS]
            return max(0.0, recent[-TRIES] + TRY_SECONDS - time.monotonic()) if len(recent) >= TRIES else 0.0

    def failed(self, address: str) -> None:
        with self._lock:
            self._failed.setdefault(_network(address), deque(maxlen=TRIES)).append(time.monotonic())
            self._failed.move_to_end(_network(address))
            while len(self._failed) > ADDRESSES:
                self._failed.popitem(last=False)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
