//! Four numbers that are worked on at once.
//!
//! Plain arrays become SIMD in a browser. On x86 they are registers by name: the dev profile, with which tests run, takes
//! arrays apart (reading the corpus took 80 s instead of 33).

#[cfg(not(target_arch = "x86_64"))]
mod of {
    /// Four numbers side by side.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Four([f32; 4]);

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

        /// The larger of each pair; the first where one is no number.
        #[inline(always)]
        pub fn max(self, other: Self) -> Self {
            Self(std::array::from_fn(|i| if self.0[i] < other.0[i] { other.0[i] } else { self.0[i] }))
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod of {
    use wide::f32x4;

    /// Four numbers side by side.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Four(f32x4);

    impl Four {
        #[inline(always)]
        pub fn new(numbers: [f32; 4]) -> Self {
            Self(f32x4::new(numbers))
        }

        #[inline(always)]
        pub fn splat(number: f32) -> Self {
            Self(f32x4::splat(number))
        }

        #[inline(always)]
        pub fn numbers(self) -> [f32; 4] {
            self.0.to_array()
        }

        #[inline(always)]
        pub fn plus(self, other: Self) -> Self {
            Self(self.0 + other.0)
        }

        #[inline(always)]
        pub fn times(self, other: Self) -> Self {
            Self(self.0 * other.0)
        }

        /// The larger of each pair; the first where one is no number.
        #[inline(always)]
        pub fn max(self, other: Self) -> Self {
            // The instruction gives its second operand there.
            Self(other.0.fast_max(self.0))
        }
    }
}

pub(super) use of::Four;

impl PartialEq for Four {
    fn eq(&self, other: &Self) -> bool {
        self.numbers() == other.numbers()
    }
}

#[cfg(test)]
mod tests {
    use super::Four;

    #[test]
    fn each_number_is_worked_on_by_itself() {
        let (a, b) = (Four::new([1.0, -2.0, 3.5, 0.0]), Four::new([4.0, 5.0, -1.0, 0.25]));
        assert_eq!(a.numbers(), [1.0, -2.0, 3.5, 0.0]);
        assert_eq!(a.plus(b).numbers(), [5.0, 3.0, 2.5, 0.25]);
        assert_eq!(a.times(Four::splat(2.0)).numbers(), [2.0, -4.0, 7.0, 0.0]);
        assert_eq!(a.max(b).numbers(), [4.0, 5.0, 3.5, 0.25]);
        let nothing = Four::splat(f32::NAN);
        assert_eq!(a.max(nothing).numbers(), a.numbers());
        assert!(nothing.max(a).numbers().iter().all(|n| n.is_nan()));
    }
}
