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

/// A number for a request, in the form in which the service gives them: a UUID of version 4.
pub fn request_id() -> RequestId {
    let random = (u128::from(draw()) << 64) | u128::from(draw());
    let bits = random & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let (mut text, mut left) = ([b'-'; 36], 32_u32);
    for (i, place) in text.iter_mut().enumerate() {
        if !matches!(i, 8 | 13 | 18 | 23) {
            left -= 1;
            *place = b"0123456789abcdef"[(bits >> (4 * left)) as usize & 0xf];
        }
    }
    RequestId(text)
}

/// The number of a request, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId([u8; 36]);

impl RequestId {
    /// As text.
    pub fn as_str(&self) -> &str {
        // Digits and hyphens, so never the empty text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requests_number_is_a_uuid_of_version_4() {
        let (one, two) = (request_id(), request_id());
        assert_ne!(one, two);
        // RFC 9562, 5.4: 8-4-4-4-12 hexadecimal digits, version 4, variant 0b10.
        let groups: Vec<_> = one.as_str().split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert!(one.as_str().bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        assert_eq!(one.as_str().as_bytes()[14], b'4');
        assert!(b"89ab".contains(&one.as_str().as_bytes()[19]));
    }
}
