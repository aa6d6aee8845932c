//! Records in, estimates out: metrics per variant and minute, with bounded memory.

pub mod alarm;
pub mod binomial;
pub mod metrics;
pub mod pairs;
