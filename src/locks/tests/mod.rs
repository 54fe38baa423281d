//! What is judged of evidence that was built by hand.

mod chains;
mod kinds;
mod silence;
mod timing;
mod upgrades;
