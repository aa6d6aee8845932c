//! Which variant a request goes to: shares by weight, a target by name, or a user's own place; and which shadow
//! variants get a copy of it.
//!
//! Nothing here draws a number or knows who asks. The caller brings 64 random bits, or a user.

mod router;
mod sticky;

pub use router::{Route, Router, Shadow};
pub use sticky::{STICKY_VERSION, StickyKey};
