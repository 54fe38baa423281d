//! Behaviour on real servers, PostgreSQL 13 to 18.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, helpers included; a test crate exports nothing"
)]

mod alembic_configured;
mod alembic_graph;
mod alembic_metrics;
mod alembic_pending;
mod alembic_sources;
mod alembic_status;
mod alerts;
mod bounded;
mod check;
mod collect_activity;
mod collect_alembic;
mod collect_column_statistics;
mod collect_migrations;
mod collect_server;
mod collect_table_activity;
mod collect_table_sizes;
mod dashboards;
mod drill;
mod harness;
mod lint_cases;
mod lint_command;
mod lint_effects;
mod locks;
mod never_waits;
mod operates;
mod reaches;
mod scraped;
mod statements;
#[allow(dead_code, unused_imports, reason = "helpers come before the last of their users")]
mod support;
mod survives;
mod unblock;
mod web;
