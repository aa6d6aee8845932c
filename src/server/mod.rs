//! Server mode: the lab's control plane, routing and inference behind real sockets.
//!
//! ```text
//! caller ─ app (routes, access) ─┬─ aws ── control (one thread) ── store (disk)
//!                                │             └─ routes (compiled table)
//!                                └─ invoke ── routes ── backend ── ledger (records → metrics)
//!                                                └─ shadow (own queue) ── backend ── ledger
//! ```
//!
//! What decides is in the other rooms, the same code as in the browser: this one has sockets, clock, disk and
//! threads. [`crate::wire::live`] says what a page gets.

mod access;
pub mod app;
mod aws;
pub mod backend;
mod capture;
mod clock;
mod cloudwatch;
mod control;
mod exposition;
pub mod generate;
mod history;
mod invoke;
mod ledger;
mod live;
mod random;
mod refusal;
mod routes;
pub mod settings;
mod shadow;
mod site;
mod store;
mod traffic;

pub use app::{App, Peer, StartError, router, run, serve};
pub use control::ControlThread;
pub use settings::{Settings, SettingsError};
