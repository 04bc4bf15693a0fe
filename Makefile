# What people do here. `make help` lists it; each recipe installs what it needs first.

# The folder that setup.sh names goes in front of PATH; it names none where the machine has everything.
WITH_TOOLS = tools=$$(scripts/setup.sh) && export PATH="$${tools:+$$tools:}$$PATH" &&

# The documentation is for those who work here: private items are in it, so links to them lead somewhere.
DOC_FLAGS = -D warnings -A rustdoc::private_intra_doc_links

# A package of its own, so that neither Pingora nor Tokio is built for it.
LOOM = cargo test --locked --manifest-path tests/loom/Cargo.toml --target-dir target/loom

# The tests of what goes wrong. They run once more where each lane and each upstream has a single place, and whether that
# is free again is tried after each.
FAILURES = arrive:: attempts:: breaker:: failure:: gate:: request::

.DEFAULT_GOAL := help
.PHONY: help run test loom lint check check-macos test-openclaw load load-mixed

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: ## Build it and try it: stand-in upstreams, a fresh token, one line to paste
	@$(WITH_TOOLS) cargo run --locked --quiet -- demo

test: ## All tests: documentation, the breaker under loom, unit, integration (with the real SDKs and llama.cpp)
	@python3 -B load-tests/mixed/tests.py
	@$(WITH_TOOLS) cargo test --locked --doc
	@$(WITH_TOOLS) $(LOOM)
	@$(WITH_TOOLS) cargo test --locked --lib --bins --tests
	@$(WITH_TOOLS) SIDEGATE_TEST_CAPACITY=1 cargo test --locked --test it -- $(FAILURES)
	@$(WITH_TOOLS) cargo test --locked --test it -- --ignored defaults:: admission::

loom: ## The breaker's atomics under the model checker
	@$(WITH_TOOLS) $(LOOM)

lint: ## Format, clippy and documentation, warnings denied
	@scripts/setup.sh --lint >/dev/null
	@$(WITH_TOOLS) cargo fmt --all -- --check
	@$(WITH_TOOLS) cargo clippy --locked --all-targets -- -D warnings
	@$(WITH_TOOLS) RUSTDOCFLAGS='$(DOC_FLAGS)' cargo doc --locked --no-deps --document-private-items

check: lint test ## What has to pass before a commit

check-macos: ## Types and lints for macOS, checked from Linux; says SKIP where the parts for that can't be had
	@scripts/setup.sh --lint >/dev/null
	@$(WITH_TOOLS) scripts/check-macos.sh

test-openclaw: ## One turn of a real OpenClaw agent through the gateway (700 MB from npm the first time)
	@$(WITH_TOOLS) cargo build --locked
	@tests/real/openclaw/run.sh

load: ## The load tests; see load-tests/README.md
	@$(WITH_TOOLS) load-tests/run.sh

load-mixed: ## What people feel beside a batch flood, over two real llama.cpp servers
	@$(WITH_TOOLS) load-tests/mixed.sh
