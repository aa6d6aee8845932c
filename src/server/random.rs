//! The server's random numbers: draws for routing, copies and capture, and numbers for requests.

use std::cell::RefCell;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

thread_local! {
    static STREAM: RefCell<ChaCha8Rng> = RefCell::new(seeded());
}

fn seeded() -> ChaCha8Rng {
    let mut seed = [0; 32];
    if getrandom::fill(&mut seed).is_err() {
        // No entropy is no reason to stop serving: the addresses of this moment differ from start to start.
        let here = std::ptr::from_ref(&seed) as u64 ^ super::clock::now().as_ns();
        seed[..8].copy_from_slice(&here.to_le_bytes());
    }
    ChaCha8Rng::from_seed(seed)
}

/// 64 even bits, independent of all before.
pub fn draw() -> u64 {
    STREAM.with_borrow_mut(Rng::next_u64)
}

/// A number for a request, in the form in which the service gives them.
pub fn request_id() -> String {
    let (a, b) = (draw(), draw());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        (b >> 48) & 0x3fff | 0x8000,
        b & 0xffff_ffff_ffff
    )
}
