//! Four numbers that are worked on at once: plain arrays, which native compilers turn into SIMD by themselves.

/// Four numbers side by side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Four([f32; 4]);

impl Four {
    pub fn new(numbers: [f32; 4]) -> Self {
        Self(numbers)
    }

    pub fn splat(number: f32) -> Self {
        Self([number; 4])
    }

    pub fn numbers(self) -> [f32; 4] {
        self.0
    }

    pub fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    pub fn times(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }

    /// The larger of each pair.
    pub fn max(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] < other.0[i] { other.0[i] } else { self.0[i] }))
    }
}
