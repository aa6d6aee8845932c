//! The server's clocks, read here and nowhere else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::domain::{LAB_BEGAN_UNIX_S, VirtualTime};

/// The moment now, as the control plane counts. A system clock that stands before the lab's beginning gives 0.
pub fn now() -> VirtualTime {
    let began = UNIX_EPOCH + Duration::from_secs(LAB_BEGAN_UNIX_S);
    VirtualTime::ZERO + SystemTime::now().duration_since(began).unwrap_or_default()
}
