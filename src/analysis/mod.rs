//! Records in, estimates out: metrics per variant and minute, with bounded memory; what may be concluded from them,
//! and when.
//!
//! A is the control, B the treatment, every difference is B less A, and a p-value has two sides unless its name says
//! another thing. What the data cannot tell is [`StatisticsError::CannotTell`] with its reason, never NaN, 0 or 1.

pub mod alarm;
pub mod bandit;
pub mod bayes;
pub mod binomial;
pub mod cluster;
mod distribution;
pub mod drift;
mod error;
pub mod evidence;
mod interval;
pub mod means;
pub mod metrics;
pub mod multiple;
pub mod paired;
pub mod pairs;
pub mod power;
pub mod proportions;
pub mod ranks;
pub mod sequential;
pub mod srm;
mod summary;
pub mod verdict;

pub use error::{CannotTell, Result, StatisticsError};
pub use interval::Interval;
pub use summary::{PairSummary, Summary};
