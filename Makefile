# What to build with: `make check`, `make test`, `make demo`.

majors := 13 14 15 16 17 18
# The server versions that `make test` runs on: MAJORS="13 18" leaves out the others, which cargo counts as filtered out.
MAJORS ?= $(majors)

.PHONY: test check demo bench dashboards pictures servers peers

# Everything on real servers. TESTS=NAME runs only the tests whose names contain NAME.
test: servers peers
	cargo test -- $(TESTS) $(foreach major,$(filter-out $(MAJORS),$(majors)),--skip ::pg$(major))

# Format and lints.
check:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

# A small shop on a throw-away PostgreSQL, watched until Ctrl-C, with its alerts where Prometheus is installed.
demo: servers
	deploy/demo/run

# Scrapes beside other exporters (docs/BENCHMARKS.md), a long queue of sessions (docs/benchmarks/QUEUES.md), scrapes
# alone, and the reading of 10,000 revision files.
bench: servers peers
	benches/compare
	benches/queue
	cargo bench --bench scrape
	benches/revisions

# Grafana's JSON from dashboards/source.
dashboards:
	dashboards/build

# docs/images, from a fleet that is brought into trouble; ten minutes.
pictures: servers peers
	PGWARDEN_PICTURES=$(CURDIR)/docs/images cargo test --test integration -- every_panel_shows_data --nocapture

# The Debian packages and the PostgreSQL servers that tests and demo need; what is there already stays.
servers:
	tests/prerequisites
	tests/fetch-postgres

# Whom the tests compare us with, or try us on: Alembic, the newest Prometheus, Grafana's types.
peers: servers
	tests/fetch-alembic
	tests/fetch-prometheus
	tests/fetch-grafana
