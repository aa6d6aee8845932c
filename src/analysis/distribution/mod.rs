//! The distributions behind the tests: both tails, their quantiles, to a relative error of 1e-11 or better.
//!
//! `libm` gives `erfc` and `lgamma` to the last bit or two, and the same bits on every target. `statrs` gives the
//! incomplete gamma function and a start for the normal quantile. Its incomplete beta function stops after 140 terms,
//! which is wrong from a few tens of thousands of observations on, and its binomial takes differences of `ln Γ`,
//! which loses six digits at a million: those two are ours.

pub mod beta;
pub mod binomial;
pub mod chi_square;
pub mod integral;
pub mod kolmogorov;
pub mod normal;
pub mod student;
