# Wamux: every command a developer or a newcomer needs. `make` alone prints them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run run-live build test check bench soak setup-run setup-test setup-check

RUST := 1.95
DENY := 0.20.2
TOOLS := target/tools
# The build for the real network: no sandbox, and a folder of its own. What both builds compile alike is compiled once.
LIVE := --no-default-features --bins --target-dir target/live --config 'build.build-dir="target"'
say = @printf '\033[1m==> %s\033[0m\n' "$(1)"
# apt-get as root, or through sudo where we are not root.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo )
APT := $(AS_ROOT)env DEBIAN_FRONTEND=noninteractive apt-get

help: ## Print this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup-run ## Build, then serve on the simulated WhatsApp network at http://127.0.0.1:8080
	$(call say,Building (the first time takes some minutes; a progress bar follows))
	cargo build --locked
	$(call say,Starting: data in ./data; stop it with Ctrl-C)
	@exec "$${CARGO_TARGET_DIR:-target}/debug/wamux" serve

run-live: setup-run ## The same on the real WhatsApp network: another build, without the sandbox
	$(call say,Building for the real network (the first time takes some minutes; a progress bar follows))
	cargo build --locked --release $(LIVE)
	$(call say,Starting: data in ./data; stop it with Ctrl-C)
	@exec target/live/release/wamux serve

build: setup-run ## Build both release binaries: target/release/wamux, and target/live/release/wamux for the real network
	$(call say,Building the release binary (about twice as long as a debug build))
	cargo build --locked --release
	$(call say,Building the live one: the same without the sandbox)
	cargo build --locked --release $(LIVE)
	@ls -l target/release/wamux target/live/release/wamux

test: setup-test ## Install what the tests need (PostgreSQL, Chromium, Node.js, Python) and run all of them
	$(call say,Building the live binary (a test runs it, where no network is))
	cargo build --locked $(LIVE)
	$(call say,Testing)
	cargo test --locked --workspace

check: setup-check ## Format, lints, licences: what must hold before a change lands
	$(call say,Format)
	cargo fmt --all --check
	$(call say,Lints: the sandbox build)
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(call say,Lints: the live build)
	cargo clippy --locked --no-default-features --lib --bins -- -D warnings
	$(call say,Licences, bans, sources)
	$(TOOLS)/bin/cargo-deny --config .deny.toml check bans licenses sources

bench: setup-run ## Measure: accepted messages a second, memory a session, time from POST to screen
	cargo bench --locked

soak: setup-test ## Kill, cut off and freeze the server and its network while messages flow: the full run once, or SOAK=10m, 2h
	$(call say,Soaking (a failure tells its seed: SOAK_SEED gives it back))
	cargo test --locked --test soak

setup-run:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs, then run this again."; exit 1; }
	@have=$$(rustc --version | cut -d' ' -f2); \
	if [ "$$(printf '%s\n' $(RUST) $$have | sort -V | head -n 1)" != $(RUST) ]; then \
		echo "Wamux needs Rust $(RUST) or later and found $$have: run 'rustup update stable'."; exit 1; fi
	@command -v cc >/dev/null || { echo "==> Installing a C compiler (for SQLite and ring)"; $(APT) update -q && $(APT) install -yq --no-install-recommends gcc libc6-dev; }
	@command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || { \
		echo "==> Installing ffmpeg: voice notes, GIFs and most videos and audio files are converted with it"; \
		{ $(APT) update -q && $(APT) install -yq --no-install-recommends ffmpeg; } || \
		echo "==> ffmpeg could not be installed. Wamux runs without it, and refuses what it would have to convert: see https://ffmpeg.org/download.html."; }

setup-test: setup-run
	@command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || { \
		echo "The tests convert media and need ffmpeg and ffprobe: see https://ffmpeg.org/download.html."; exit 1; }
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
		echo "==> Installing PostgreSQL: the store is tested on it, in throw-away clusters of their own, and no other is made"; \
		$(AS_ROOT) mkdir -p /etc/postgresql-common && { [ -e /etc/postgresql-common/createcluster.conf ] || \
			echo 'create_main_cluster = false' | $(AS_ROOT) tee /etc/postgresql-common/createcluster.conf >/dev/null; }; \
		$(APT) update -q && $(APT) install -yq --no-install-recommends postgresql; }
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || { \
		echo "==> Installing Chromium: the pages are tested in a real browser"; \
		$(APT) update -q && $(APT) install -yq --no-install-recommends chromium chromium-driver; }
	@command -v ip >/dev/null && command -v unshare >/dev/null || { \
		echo "==> Installing iproute2: a test runs the live build in a network of its own, which reaches nothing"; \
		$(APT) update -q && $(APT) install -yq --no-install-recommends iproute2 util-linux; }
	@command -v curl >/dev/null && command -v jq >/dev/null || { \
		echo "==> Installing curl and jq: a test runs the README's commands, which use them"; \
		$(APT) update -q && $(APT) install -yq --no-install-recommends curl jq ca-certificates; }
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "==> Installing Node.js: a WhatsApp client that this project did not write is tested against the simulated network"; \
		$(APT) update -q && $(APT) install -yq --no-install-recommends nodejs npm; }
	@python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || { \
		echo "==> Installing Python: schemathesis holds the API against its OpenAPI document"; \
		$(APT) update -q && $(APT) install -yq --no-install-recommends python3 python3-venv; }
	@[ "$$(node --version | sed 's/v\([0-9]*\).*/\1/')" -ge 18 ] || { \
		echo "The tests need Node.js 18 or later and found $$(node --version): see https://nodejs.org/en/download."; exit 1; }

setup-check: setup-run
	@rustup component list --installed 2>/dev/null | grep -q '^clippy' || cargo clippy --version >/dev/null 2>&1 || rustup component add clippy rustfmt
	@$(TOOLS)/bin/cargo-deny --version 2>/dev/null | grep -q '$(DENY)' || { \
		echo "==> Building cargo-deny $(DENY), once"; \
		cargo install cargo-deny --version $(DENY) --locked --debug --root $(TOOLS) --target-dir target/deny; }
