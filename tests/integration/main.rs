//! Behaviour on real servers, PostgreSQL 13 to 18.
