//! The distributions behind the tests: both tails, their quantiles, to a relative error of about 1e-12.
//!
//! `libm` gives `erfc` and `lgamma` to the last bit or two, and the same bits on every target. `statrs` gives the
//! incomplete gamma function and a start for the normal quantile. Its incomplete beta function stops after 140 terms,
//! which is wrong from a few tens of thousands of observations on, and its binomial takes differences of `ln Γ`,
//! which loses six digits at a million: those two are ours.

#![allow(dead_code, reason = "the tests that use the rest follow")]

pub mod beta;
pub mod binomial;
pub mod chi_square;
pub mod normal;
pub mod student;
