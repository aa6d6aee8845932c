//! Layer normalisation in one operation: tract would take eleven, each with a pass over memory.

use tract_core::internal::*;

use super::lanes::{Four, Lanes, Work, on_best_lanes};

/// `x`, `scale` and maybe `bias` → (x - mean) / √(variance + ε) · scale + bias over the last axes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LayerNorm {
    /// Numbers that are normalised together; as many have `scale` and `bias`.
    pub width: usize,
    pub epsilon: f32,
}

impl Eq for LayerNorm {}

/// Sum over `row` of what `of` makes of each number.
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(Four) -> Four) -> f32 {
    let (fours, rest) = row.as_chunks::<4>();
    let total = fours.iter().fold(Four::ZERO, |sum, four| sum + of(Four::new(*four)));
    let rest = rest.iter().map(|number| of(Four::splat(*number)).to_array()[0]);
    rest.chain(total.to_array()).sum()
}

#[inline(always)]
fn normalise(row: &[f32], scale: &[f32], bias: Option<&[f32]>, epsilon: f32, out: &mut [f32]) {
    let count = row.len() as f32;
    let mean = sum(row, |four| four) / count;
    let minus_mean = Four::splat(-mean);
    let variance = sum(row, |four| {
        let off = four + minus_mean;
        off * off
    }) / count;
    let factor = (variance + epsilon).sqrt().recip();
    let (fours, rest) = out.as_chunks_mut::<4>();
    let factors = Four::splat(factor);
    for ((out, x), scale) in fours.iter_mut().zip(row.as_chunks::<4>().0).zip(scale.as_chunks::<4>().0) {
        *out = ((Four::new(*x) + minus_mean) * factors * Four::new(*scale)).to_array();
    }
    let done = row.len() - rest.len();
    for ((out, x), scale) in rest.iter_mut().zip(&row[done..]).zip(&scale[done..]) {
        *out = (x - mean) * factor * scale;
    }
    let Some(bias) = bias else { return };
    let (fours, rest) = out.as_chunks_mut::<4>();
    for (out, bias) in fours.iter_mut().zip(bias.as_chunks::<4>().0) {
        *out = (Four::new(*out) + Four::new(*bias)).to_array();
    }
    for (out, bias) in rest.iter_mut().zip(&bias[done..]) {
        *out += bias;
    }
}

/// All rows of `x`.
struct Rows<'a> {
    norm: &'a LayerNorm,
    x: &'a [f32],
    scale: &'a [f32],
    bias: Option<&'a [f32]>,
    out: &'a mut [f32],
}

impl Work for Rows<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let width = self.norm.width;
        for (out, row) in self.out.chunks_exact_mut(width).zip(self.x.chunks_exact(width)) {
            normalise(row, self.scale, self.bias, self.norm.epsilon, out);
        }
    }
}

impl Op for LayerNorm {
    fn name(&self) -> StaticName {
        "LayerNorm".into()
    }

    op_as_typed_op!();
}

impl EvalOp for LayerNorm {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let plain = inputs.iter().map(|i| i.try_as_plain_ram()).collect::<TractResult<TVec<_>>>()?;
        let slices = plain.iter().map(|p| p.as_slice::<f32>()).collect::<TractResult<TVec<_>>>()?;
        let (x, scale) = (slices[0], slices[1]);
        let mut out = Tensor::zero::<f32>(inputs[0].shape())?;
        {
            let mut plain = out.try_as_plain_ram_mut()?;
            let out = plain.as_slice_mut::<f32>()?;
            on_best_lanes(Rows { norm: self, x, scale, bias: slices.get(2).copied(), out });
        }
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for LayerNorm {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    as_op!();
}
