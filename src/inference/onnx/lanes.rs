//! Numbers side by side, by what the processor has.
//!
//! `wide` is SIMD on every target, but of the smallest processor that a build is for: on x86 without AVX.
//! [`on_best_lanes`] compiles its work once more for x86-64-v3 (AVX2 and FMA, in every server since about 2015), and asks
//! the processor which of the two it may run.

#[cfg(not(target_arch = "wasm32"))]
pub(super) use wide::f32x4 as Four;

#[cfg(target_arch = "wasm32")]
pub(super) use super::four::{Four, larger};

/// Eight numbers as they lie in memory.
pub(super) type Eight = [Four; 2];

/// Registers for eight numbers.
pub(super) trait Lanes: Copy {
    /// Eight numbers side by side.
    type Eight: Copy;
    /// Whether there are registers for the sums of two panels.
    const TWO_PANELS: bool;
    /// The same number eight times.
    fn splat(self, number: f32) -> Self::Eight;
    /// `sums + number · columns`.
    fn more(self, sums: Self::Eight, number: Self::Eight, columns: &Eight) -> Self::Eight;
    /// As they lie in memory.
    fn numbers(self, eight: Self::Eight) -> Eight;
}

/// Work that is compiled for each kind of registers.
pub(super) trait Work {
    /// Does it; to be inlined, with all that it calls.
    fn run<L: Lanes>(self, lanes: L);
}

/// Does work on the best registers that this processor has.
pub(super) fn on_best_lanes(work: impl Work) {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return v3.vectorize(OnV3 { v3, work });
    }
    work.run(Portable);
}

/// What every processor of the target has.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Lanes for Portable {
    type Eight = Eight;
    // Each eight are two registers on wasm32 and x86.
    const TWO_PANELS: bool = false;

    #[inline(always)]
    fn splat(self, number: f32) -> Eight {
        [Four::splat(number); 2]
    }

    #[inline(always)]
    fn more(self, sums: Eight, number: Eight, columns: &Eight) -> Eight {
        [sums[0] + number[0] * columns[0], sums[1] + number[1] * columns[1]]
    }

    #[inline(always)]
    fn numbers(self, eight: Eight) -> Eight {
        eight
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V3 {
    type Eight = pulp::f32x8;
    const TWO_PANELS: bool = true;

    #[inline(always)]
    fn splat(self, number: f32) -> pulp::f32x8 {
        self.splat_f32x8(number)
    }

    #[inline(always)]
    fn more(self, sums: pulp::f32x8, number: pulp::f32x8, columns: &Eight) -> pulp::f32x8 {
        self.mul_add_f32x8(number, pulp::bytemuck::cast(*columns), sums)
    }

    #[inline(always)]
    fn numbers(self, eight: pulp::f32x8) -> Eight {
        pulp::bytemuck::cast(eight)
    }
}

#[cfg(target_arch = "x86_64")]
struct OnV3<W> {
    v3: pulp::x86::V3,
    work: W,
}

#[cfg(target_arch = "x86_64")]
impl<W: Work> pulp::NullaryFnOnce for OnV3<W> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.work.run(self.v3);
    }
}

/// The larger of each pair; the first where one is no number.
#[cfg(not(target_arch = "wasm32"))]
#[inline(always)]
pub(super) fn larger(a: Four, b: Four) -> Four {
    a.simd_lt(b).select(b, a)
}
