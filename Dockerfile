# syntax=docker/dockerfile:1.7

# Build: the compiler stays here.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The mounts keep the registry and the compiled dependencies between builds, so a change of our
# own code compiles our own code only. They are no part of the image: the binary is taken out.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/usr/local/cargo/git,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --release --package crm-worker --bin crm-worker \
    && install -D --mode=0755 target/release/crm-worker /out/crm-worker

# Run: the binary, certificates for TLS to Redis and PostgreSQL, the client programs that back it up and
# restore it, and nothing that compiles.
FROM debian:bookworm-slim
# PostgreSQL's own packages, because pg_dump must not be older than the server.
ARG POSTGRES_CLIENT=16
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-${POSTGRES_CLIENT} \
    && rm -rf /var/lib/apt/lists/*

# A number and not a name, so that an orchestrator can see that it is not root. The exports
# folder is made here because a new named volume takes over the owner of what it covers; others
# cannot look into it, because exports are personal data.
RUN groupadd --gid 10001 worker \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin worker \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/crm-worker/exports /var/lib/crm-worker/backups

COPY --from=build /out/crm-worker /usr/local/bin/crm-worker

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="crm-worker" \
      org.opencontainers.image.description="The CRM's background jobs in one binary" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

WORKDIR /var/lib/crm-worker
USER 10001:10001

# No init in between: the worker drains by itself when it gets this signal.
STOPSIGNAL SIGTERM

# The binary asks its own process; no shell and no client program is started.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 CMD ["crm-worker", "healthcheck"]

ENTRYPOINT ["crm-worker"]
CMD ["run"]
