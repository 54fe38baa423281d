//! Behaviour on real servers, PostgreSQL 13 to 18.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, helpers included; a test crate exports nothing"
)]
#![allow(dead_code, reason = "the support module is complete before the last of its users")]

mod harness;
mod support;
