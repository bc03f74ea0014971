# Two commands for everybody: `make demo` and `make test`. The rest is for those who change things.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-peers soak layout faults valkey mutants

NEXTEST := $(shell command -v cargo-nextest >/dev/null && echo "cargo nextest run" || echo "cargo test")

VALKEY_SERVER ?= valkey-server

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 20

demo: ## the main jobs on real data, with private servers (KEEP=1 keeps it running)
	@scripts/install.sh
	@cargo build --quiet --package crm-worker --package devkit --bins
	@target/debug/demo $(if $(KEEP),--keep)

test: check ## everything: format, lints, docs, and all tests against real servers
	@scripts/python-env.sh
	@cargo build --quiet --workspace --exclude benches --examples
	$(NEXTEST) --workspace --exclude benches
	cargo test --quiet --workspace --exclude benches --doc

check: ## format, lints and the contract crate alone
	@scripts/install.sh
	cargo fmt --all --check
	cargo clippy --quiet --workspace --exclude benches --all-targets -- -D warnings
	cargo check --quiet --package crm-job-contract
	cargo check --quiet --package crm-job-contract --features client,schema
	@! docker compose version >/dev/null 2>&1 || docker compose -f docker-compose.worker.yml config --quiet

bench: ## throughput, latency and footprint beside the physical limits (ARGS="--help" lists what there is)
	@scripts/install.sh
	@cargo build --quiet --release --package crm-worker --package benches
	target/release/bench --json target/bench/latest.json $(ARGS)

bench-peers: ## Celery, BullMQ, Sidekiq and others beside the engine (PEERS=celery,bullmq chooses)
	@scripts/install.sh
	@scripts/bench-peers.sh $(PEERS)

soak: ## half load with 1 % failures: does anything grow? (MINUTES=30)
	@scripts/install.sh
	@cargo build --quiet --release --package benches
	target/release/bench soak --minutes $(or $(MINUTES),30) --json target/bench/soak.json $(ARGS)

layout: ## what a job costs Redis under the layouts that were considered
	@scripts/install.sh
	cargo run --quiet --release --package benches --bin bench -- layout

faults: ## the long forms of the fault tests
	@scripts/install.sh
	@cargo build --quiet --release --package rouage --examples
	$(NEXTEST) --release --package rouage $(if $(findstring nextest,$(NEXTEST)),--run-ignored only,-- --ignored)

valkey: ## the engine's tests on a Valkey server instead of Redis (VALKEY_SERVER=/path/to/valkey-server)
	@command -v $(VALKEY_SERVER) >/dev/null || { echo "error: $(VALKEY_SERVER) is missing; hint: apt-get install valkey-server, where the system has it" >&2; exit 1; }
	@cargo build --quiet --package rouage --examples
	REDIS_SERVER=$(VALKEY_SERVER) $(NEXTEST) --package rouage

mutants: ## break the engine line by line and see whether its tests notice
	@scripts/install.sh
	@scripts/mutants.sh
