//! The example stack under deploy/.
