//! Rollout Lab: A/B tests, canary rollouts and shadow tests of machine-learning models, in the browser.
//!
//! A folder is a room. It owns one thing, and its arrows point one way: the table below says which rooms it
//! may use. `tests/rooms.rs` reads the `use crate::…` lines and holds this table.
//!
//! | room | owns | may use |
//! |---|---|---|
//! | [`domain`] | the nouns and their invariants | nothing |
//! | [`routing`] | which variant a request goes to | domain |
//! | [`inference`] | text → tokens → model → prediction; the prediction table | domain |
//! | [`simulation`] | seeded virtual time: arrivals, queues, reviews; the only random numbers | domain, routing, inference |
//! | [`analysis`] | records → metrics, estimates | domain |
//! | [`controller`] | the control plane and its state machines; the only mover of weights | domain, analysis |
//! | [`lab`] | lessons as data, goals, the experiment | all above |
//! | [`wire`] | what page, worker and server say to each other | domain, analysis, controller, lab |
//! | `plot` | metrics → drawing on any plotters backend | domain, analysis |
//! | `ui` | the Leptos shell | all but worker |
//! | `server` | the native server: sockets, clock, disk; real requests, real inference | domain, routing, inference, analysis, controller, wire |
//! | `cli` | the native program's subcommands: files in, JSON out; starting the server | all but plot, ui, worker |
//! | `worker` | the browser worker's shell: the clock, fetching, the message pump | all but plot, ui |
//!
//! The core (everything above `plot`) reads no clock, file or network, and gives the same results on every
//! target from the same seed.

pub mod analysis;
pub mod controller;
pub mod domain;
pub mod inference;
pub mod lab;
pub mod routing;
pub mod simulation;
pub mod wire;

#[cfg(feature = "native")]
pub mod cli;
#[cfg(feature = "plot")]
pub mod plot;
#[cfg(feature = "native")]
pub mod server;
#[cfg(feature = "page")]
pub mod ui;
#[cfg(feature = "worker")]
pub mod worker;
