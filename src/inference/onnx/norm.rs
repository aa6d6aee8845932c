//! Layer normalisation in one operation: tract would take eleven, each with a pass over memory.

use tract_core::internal::*;

use super::lanes::Four;

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
    let total = fours.iter().fold(Four::splat(0.0), |sum, four| sum.plus(of(Four::new(*four))));
    let rest = rest.iter().map(|number| of(Four::splat(*number)).numbers()[0]);
    rest.chain(total.numbers()).sum()
}

fn normalise(row: &[f32], scale: &[f32], bias: Option<&[f32]>, epsilon: f32, out: &mut [f32]) {
    let count = row.len() as f32;
    let mean = sum(row, |four| four) / count;
    let minus_mean = Four::splat(-mean);
    let variance = sum(row, |four| {
        let off = four.plus(minus_mean);
        off.times(off)
    }) / count;
    let factor = (variance + epsilon).sqrt().recip();
    let (fours, rest) = out.as_chunks_mut::<4>();
    let factors = Four::splat(factor);
    for ((out, x), scale) in fours.iter_mut().zip(row.as_chunks::<4>().0).zip(scale.as_chunks::<4>().0) {
        *out = Four::new(*x).plus(minus_mean).times(factors).times(Four::new(*scale)).numbers();
    }
    let done = row.len() - rest.len();
    for ((out, x), scale) in rest.iter_mut().zip(&row[done..]).zip(&scale[done..]) {
        *out = (x - mean) * factor * scale;
    }
    let Some(bias) = bias else { return };
    let (fours, rest) = out.as_chunks_mut::<4>();
    for (out, bias) in fours.iter_mut().zip(bias.as_chunks::<4>().0) {
        *out = Four::new(*out).plus(Four::new(*bias)).numbers();
    }
    for (out, bias) in rest.iter_mut().zip(&bias[done..]) {
        *out += bias;
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
            let rows = plain.as_slice_mut::<f32>()?.chunks_exact_mut(self.width);
            for (out, row) in rows.zip(x.chunks_exact(self.width)) {
                normalise(row, scale, slices.get(2).copied(), self.epsilon, out);
            }
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
