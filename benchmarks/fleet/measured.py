"""What one measurement comes to: rates, claims, connections and CPU time within a window."""

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from benchmarks.fleet.servers import Pooler, Server
from benchmarks.fleet.sleepers import Sleepers

LOOKS = 5  # at connections, within a window
JOIN_SECONDS = 300.0


@dataclass(frozen=True)
class Point:
    """Where it is measured. `past`: ended trials."""

    workers: int
    past: int
    pooled: bool
    epoch_seconds: float

    @property
    def ideal(self) -> float:
        """Epochs per second of workers that do nothing but train."""
        return self.workers / self.epoch_seconds


@dataclass(frozen=True)
class Measured:
    point: Point
    seconds: float
    epochs: int
    claims: tuple[float, ...]  # seconds each
    most_of_a_worker: int  # connections
    of_the_server: int
    client_cpu: float  # seconds, of all workers
    server_cpu: float  # seconds, of PostgreSQL and the pooler
    load_before: float  # runnable processes, before anything was started

    @property
    def rate(self) -> float:
        return self.epochs / self.seconds

    @property
    def share(self) -> float:
        return self.rate / self.point.ideal

    @property
    def p95(self) -> float:
        """Of the claims, in seconds."""
        return percentile(self.claims, 0.95)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that is not exceeded by `share` of them; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def measure(point: Point, crew: Sleepers, server: Server, pooler: Pooler | None, seconds: float) -> Measured:
    """Start the crew, wait until all of it is at work, watch it for `seconds`, and let it leave."""
    load = psutil.getloadavg()[0]
    try:
        crew.start()
        end = time.monotonic() + JOIN_SECONDS
        while not crew.all_at_work:
            crew.check()
            if time.monotonic() > end:
                raise RuntimeError(f"not all of {point.workers} workers are at work after {JOIN_SECONDS:.0f} s")
            time.sleep(0.5)
        time.sleep(2 * point.epoch_seconds)
        began, clients, servers = time.time(), _cpu_of(crew.pids), _server_cpu(server, pooler)
        most, of_server = 0, 0
        for _ in range(LOOKS):
            time.sleep(seconds / LOOKS)
            most = max(most, _most_of_a_worker(crew.pids, pooler.port if pooler else server.port))
            of_server = max(of_server, server.connections())
        ended, clients = time.time(), _cpu_of(crew.pids) - clients
        servers = _server_cpu(server, pooler) - servers
        crew.check()
        noted = [each for each in crew.noted() if began < each.at <= ended]
    finally:
        crew.stop()
    return Measured(
        point=point,
        seconds=ended - began,
        epochs=sum(each.what == "epoch" for each in noted),
        claims=tuple(each.seconds for each in noted if each.what == "claim"),
        most_of_a_worker=most,
        of_the_server=of_server,
        client_cpu=clients,
        server_cpu=servers,
        load_before=load,
    )


HEADER = (
    "| workers | way | past trials | epochs/s (ideal) | share | claims/s | claim ms p50 / p95 | connections: a worker, "
    "the server | cores: workers, server | load before |\n|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def row(found: Measured) -> str:
    point, middle = found.point, statistics.median(found.claims) if found.claims else 0.0
    return (
        f"| {point.workers} | {'PgBouncer' if point.pooled else 'direct'} | {point.past:,} | "
        f"{found.rate:.2f} ({point.ideal:.2f}) | {100 * found.share:.1f} % | {len(found.claims) / found.seconds:.2f} | "
        f"{1000 * middle:.0f} / {1000 * found.p95:.0f} | {found.most_of_a_worker}, {found.of_the_server} | "
        f"{found.client_cpu / found.seconds:.2f}, {found.server_cpu / found.seconds:.2f} | {found.load_before:.1f} |"
    )


def misses(found: Measured) -> list[str]:
    """What is promised and does not hold here."""
    point, said = found.point, []
    if found.share < 0.95:
        said.append(f"{100 * found.share:.1f} % of the ideal rate, 95 % wanted")
    if found.p95 > 0.1:
        said.append(f"claim p95 {1000 * found.p95:.0f} ms, 100 wanted at most")
    if found.most_of_a_worker > 1:
        said.append(f"a worker with {found.most_of_a_worker} connections, 1 wanted")
    if point.pooled and found.of_the_server > 20:
        said.append(f"{found.of_the_server} connections of the server behind the pooler, 20 wanted at most")
    return said


def _most_of_a_worker(pids: Sequence[int], port: int) -> int:
    held: Counter[int] = Counter()
    for pid in pids:
        with suppress(psutil.Error):
            peers = [each.raddr for each in psutil.Process(pid).net_connections(kind="tcp")]
            held[pid] = sum(bool(peer) and peer.port == port for peer in peers)
    return max(held.values(), default=0)


def _cpu_of(pids: Sequence[int]) -> float:
    total = 0.0
    for pid in pids:
        with suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system
    return total


def _server_cpu(server: Server, pooler: Pooler | None) -> float:
    return server.cpu_seconds() + (pooler.cpu_seconds() if pooler else 0.0)
