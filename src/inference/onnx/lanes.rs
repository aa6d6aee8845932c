//! Four numbers that are worked on at once: plain arrays, which native compilers turn into SIMD by themselves.

/// Four numbers side by side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Four([f32; 4]);

impl Four {
    #[inline(always)]
    pub fn new(numbers: [f32; 4]) -> Self {
        Self(numbers)
    }

    #[inline(always)]
    pub fn splat(number: f32) -> Self {
        Self([number; 4])
    }

    #[inline(always)]
    pub fn numbers(self) -> [f32; 4] {
        self.0
    }

    #[inline(always)]
    pub fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    pub fn times(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }

    /// The larger of each pair.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] < other.0[i] { other.0[i] } else { self.0[i] }))
    }
}
