"""A server that speaks S3, for the tests: buckets are folders, objects are files."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

from localbucket import S3Handler


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Inside, the folders of `folder` are buckets; the endpoint."""

    class Handler(S3Handler):
        data_root = folder.resolve()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)


def environment(endpoint: str) -> dict[str, str]:
    """What a worker needs to reach it."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "s3cret-key", "AWS_REGION": "us-east-1"}
    return {**keys, "AWS_ENDPOINT_URL": endpoint}
