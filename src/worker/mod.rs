//! The browser worker's shell: it owns the clock, fetches models and speaks with the page.
//!
//! Everything that is decided is decided in the rooms below; this one only turns real time into virtual time,
//! bytes into models, and messages into actions. It works in slices, so that a message never waits long.

mod live;
mod models;
mod own_reviews;
mod parts;
mod shell;

pub use shell::start;
