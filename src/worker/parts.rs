//! The worker's code, in parts that travel on demand: who has no server never fetches what speaks with one.
//!
//! A part is cut off at a function marked with `#[wasm_split]`: what only that function reaches goes into a file of its
//! own. `.ci/finish.py` makes the cut.
// What the macro writes calls into the part across the cut; the crate's own code stays safe.
#![allow(unsafe_code)]

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::live::Calls;

/// What is done over the line to a server.
#[wasm_split(live, fallible)]
pub(super) fn live() -> Result<Calls, SplitLoaderError> {
    Ok(Calls::here())
}
