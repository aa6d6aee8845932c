//! Four numbers that are worked on at once: one `v128`, for wasm32. It stands in for `wide::f32x4`, whose operations are not
//! inlined where the worker is compiled for size: inference took ten times as long.

use core::{
    arch::wasm32::{f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_pmax, f32x4_splat, v128},
    ops::{Add, Mul},
};

/// Four numbers side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Four(v128);

impl PartialEq for Four {
    fn eq(&self, other: &Self) -> bool {
        self.to_array() == other.to_array()
    }
}

impl Four {
    pub const ZERO: Self = Self(f32x4(0.0, 0.0, 0.0, 0.0));

    #[inline(always)]
    pub fn new([a, b, c, d]: [f32; 4]) -> Self {
        Self(f32x4(a, b, c, d))
    }

    #[inline(always)]
    pub fn splat(number: f32) -> Self {
        Self(f32x4_splat(number))
    }

    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        [
            f32x4_extract_lane::<0>(self.0),
            f32x4_extract_lane::<1>(self.0),
            f32x4_extract_lane::<2>(self.0),
            f32x4_extract_lane::<3>(self.0),
        ]
    }
}

impl Add for Four {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(f32x4_add(self.0, other.0))
    }
}

impl Mul for Four {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(f32x4_mul(self.0, other.0))
    }
}

/// The larger of each pair; the first where one is no number.
#[inline(always)]
pub(super) fn larger(a: Four, b: Four) -> Four {
    Four(f32x4_pmax(a.0, b.0))
}
