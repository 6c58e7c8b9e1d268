"""docker-compose.yml without containers: is it valid, does it open nothing, and does each service's command work?

There is no container engine where the tests run: commands are plain processes with the same environment.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from sqlalchemy.engine import make_url

from storage.containers.__main__ import make
from storage.postgres_programs import programs_for
from tests.search.commands import ROOT, SETTINGS, environment
from tests.storage.served import free_port

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SCRIPTS = ROOT / "storage" / "containers"
PASSWORD = "a quote ' and a \" in it"


def test_compose_takes_the_file_with_every_profile(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("no docker-compose (Debian: apt install docker-compose)")
    make(tmp_path / "secrets")
    profiles = [word for name in ("cpu", "pool", "s3") for word in ("--profile", name)]
    where = ["--project-directory", str(tmp_path), "-f", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(
        [program, *where, *profiles, "config"], capture_output=True, encoding="utf-8", env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)
    for secret in ("db_password", "reader_password", "dashboard_password"):
        assert (tmp_path / "secrets" / secret).read_text().strip() not in done.stdout


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_has_the_least_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/]+[a-z-]*:v?[0-9][\w.-]*", service["image"]), "pinned by version"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("0", "root")
    for port in service.get("ports", ()):
        assert port.startswith("${BIND:-127.0.0.1}:"), "nothing listens beyond this machine unless BIND opens it"
    for key, value in service.get("environment", {}).items():
        assert "PASSWORD" not in key or value.startswith("/run/secrets/"), "a secret is a file"
        assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), "no password in a URL"


def test_a_dashboard_can_only_read_and_nobody_comes_in_without_a_password() -> None:
    asked = SERVICES["dashboard"]
    assert "ceteris_reader@" in asked["environment"]["CETERIS_STORAGE"]
    assert "--write" not in asked["command"]
    assert "dashboard_password" in asked["secrets"]
    assert "db_password" not in asked["secrets"]


def test_images_hold_code_and_nothing_else() -> None:
    left_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert left_in == {"requirements*.txt", "constraints.txt", "search", "spaces", "storage", "trainer"}
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert not re.search(r"secret|password", re.sub("#.*", "", dockerfile), re.IGNORECASE)
    for stage in dockerfile.split("FROM ")[1:]:
        assert re.search(r"^USER (ceteris|pool)$", stage, re.MULTILINE), "nobody is root"
        assert re.match(r"\S+:\d[\w.-]*", stage), "pinned by version"


def test_secrets_are_made_once_and_can_be_entered_by_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = make(folder)
    named = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    named |= {Path(file).name for service in SERVICES.values() for file in service.get("env_file", ())}
    assert set(made) == named
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert make(folder) == []
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    if os.name == "posix":
        assert folder.stat().st_mode & 0o077 == 0


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "secrets"
    make(folder)
    (folder / "reader_password").write_text(PASSWORD + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def with_reader(postgres_url: str, secrets: Path, tmp_path: Path) -> Iterator[str]:
    """A database in which the script of the database service has made the role of the dashboard."""
    if os.name == "nt":
        pytest.skip("scripts of containers want a Unix shell")
    url = make_url(postgres_url)
    programs = programs_for(Path("/tmp"))
    where = {
        "PGHOST": url.host or str(url.query.get("host", "")),
        "PGPORT": str(url.port or url.query.get("port", "5432")),
    }
    env = {**os.environ, **where, "POSTGRES_USER": str(url.username), "POSTGRES_DB": str(url.database)}
    env |= {"PGPASSWORD": str(url.password or ""), "READER_PASSWORD_FILE": str(secrets / "reader_password")}
    env["PATH"] = f"{programs.bin}{os.pathsep}{env['PATH']}"
    done = subprocess.run(["sh", str(SCRIPTS / "reader.sh")], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    yield postgres_url
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("DROP OWNED BY ceteris_reader CASCADE")
        connection.execute("DROP ROLE ceteris_reader")


def service_environment(name: str, secrets: Path, url: str) -> dict[str, str]:
    """What the service sees, with the places of a container turned into those of this machine."""
    env = environment()
    for key, value in SERVICES[name]["environment"].items():
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)).replace("/run/secrets", str(secrets))
        if key == "CETERIS_STORAGE":
            wanted = make_url(text).username
            text = make_url(url).set(
                drivername="postgresql", username=wanted if wanted != "ceteris" else None or make_url(url).username
            )
            text = text.render_as_string(hide_password=False)
        env[key] = text
    return env


def words(name: str) -> list[str]:
    return [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(word)) for word in SERVICES[name]["command"]]


def test_the_worker_and_the_dashboard_work_as_they_are_started(with_reader: str, secrets: Path, tmp_path: Path) -> None:
    run, *rest = words("worker-cpu")
    command = [
        sys.executable,
        "-m",
        run,
        *rest,
        *SETTINGS,
        "--workers",
        "1",
        "--set",
        "budgets.claims=0",
        "--trials",
        "2",
    ]
    env = service_environment("worker-cpu", secrets, with_reader) | {"CETERIS_RUNS": str(tmp_path / "runs")}
    env.pop("CETERIS_STORAGE_PASSWORD_FILE")  # the test's own server lets its owner in without
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, encoding="utf-8", timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert "Answer: " in done.stdout

    port = free_port()
    run, *rest = words("dashboard")
    rest[rest.index("--port") + 1] = str(port)
    env = service_environment("dashboard", secrets, with_reader) | {"CETERIS_RUNS": str(tmp_path / "other")}
    log = tmp_path / "dashboard.log"
    with log.open("w") as stream:
        process = subprocess.Popen([sys.executable, "-m", run, *rest], cwd=ROOT, env=env, stdout=stream, stderr=stream)
    try:
        *_, program = SERVICES["dashboard"]["healthcheck"]["test"]
        check = [sys.executable, "-c", program.replace(":8080", f":{port}")]
        end = time.monotonic() + 120
        while subprocess.run(check, capture_output=True, check=False).returncode:
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.5)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/dashboard/api/studies", timeout=20)
        assert refused.value.code in (401, 403), "a login is asked for"
    finally:
        process.terminate()
        process.wait(60)
