# ceteris in a container: worker, dashboard and commands (target `ceteris`), and a connection pool (target `pool`).
# Secrets never enter an image: they are mounted when a container runs.

FROM python:3.11.14-slim-bookworm AS ceteris
# The CUDA build of torch brings its own CUDA libraries; the host brings the driver.
RUN groupadd --gid 10001 ceteris && useradd --uid 10001 --gid ceteris --create-home --home-dir /home/ceteris ceteris
WORKDIR /ceteris
COPY requirements*.txt constraints.txt ./
RUN python -m pip install --no-cache-dir -r requirements.txt -c constraints.txt
COPY search search
COPY spaces spaces
COPY storage storage
COPY trainer trainer
RUN mkdir -p /ceteris/runs /ceteris/cache && chown ceteris:ceteris /ceteris/runs /ceteris/cache
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CETERIS_RUNS=/ceteris/runs CETERIS_CACHE=/ceteris/cache HOME=/home/ceteris
USER ceteris
ENTRYPOINT ["python", "-m"]
CMD ["search.launch", "--help"]

FROM debian:12.12-slim AS pool
RUN apt-get update && apt-get install --yes --no-install-recommends pgbouncer postgresql-client \
    && rm -rf /var/lib/apt/lists/* && groupadd --gid 10001 pool && useradd --uid 10001 --gid pool pool
COPY storage/containers/pool.sh /usr/local/bin/pool.sh
USER pool
ENTRYPOINT ["sh", "/usr/local/bin/pool.sh"]
