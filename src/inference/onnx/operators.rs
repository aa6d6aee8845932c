//! The operators that the lab runs, and how each becomes tract's operations.
//!
//! Meaning, attributes and defaults are those of the ONNX operator specification (onnx.ai/onnx/operators), sets 11 to
//! 18. What every operator costs is the code that it drags into the worker: add one when a model needs it.

use tract_core::{
    broadcast::multi_broadcast,
    internal::*,
    ops::{
        array::{Gather, MultiBroadcastTo, Slice, TypedConcat},
        binary::{BinMiniOp, TypedBinOp},
        cast::cast,
        change_axes::{perm_to_ops, to_axis_ops_with_onnx_rules},
        cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool},
        einsum::EinSum,
        logic, math,
        nn::{self, DataFormat, Reduce, Reducer, Softmax, SoftmaxKind},
    },
};

use super::{
    norm::LayerNorm,
    reader::{Node, Wiring, number_type, tensor},
};

type Outlets = TractResult<TVec<OutletId>>;
/// Adds one node's operations and says where its outputs are.
pub(super) type Operator = fn(&mut Wiring, &Node) -> Outlets;

/// Every operator by its ONNX name, in order.
pub(super) const TABLE: &[(&str, Operator)] = &[
    ("Abs", |w, n| unary(w, n, math::abs())),
    ("Add", |w, n| binary(w, n, Box::new(math::Add))),
    ("And", |w, n| binary(w, n, Box::new(logic::And))),
    ("AveragePool", average_pool),
    ("BatchNormalization", batch_normalization),
    ("Cast", cast_to),
    ("Clip", clip),
    ("Concat", concat),
    ("Constant", constant),
    ("ConstantOfShape", constant_of_shape),
    ("Conv", conv),
    ("DequantizeLinear", dequantize_linear),
    ("Div", |w, n| binary(w, n, Box::new(math::Div))),
    ("Dropout", identity),
    ("Equal", |w, n| compare(w, n, logic::comp_eq())),
    ("Erf", |w, n| unary(w, n, math::erf())),
    ("Exp", |w, n| unary(w, n, math::exp())),
    ("Expand", expand),
    ("Flatten", flatten),
    ("Floor", |w, n| unary(w, n, math::floor())),
    ("Gather", gather),
    ("Gelu", gelu),
    ("Gemm", gemm),
    ("GlobalAveragePool", |w, n| global_pool(w, n, true)),
    ("GlobalMaxPool", |w, n| global_pool(w, n, false)),
    ("Greater", |w, n| compare(w, n, logic::comp_gt())),
    ("GreaterOrEqual", |w, n| compare(w, n, logic::comp_gte())),
    ("Identity", identity),
    ("LayerNormalization", layer_normalization),
    ("LeakyRelu", |w, n| unary(w, n, nn::leaky_relu(n.float("alpha", 0.01)))),
    ("Less", |w, n| compare(w, n, logic::comp_lt())),
    ("LessOrEqual", |w, n| compare(w, n, logic::comp_lte())),
    ("Log", |w, n| unary(w, n, math::ln())),
    ("LogSoftmax", |w, n| softmax(w, n, SoftmaxKind::LogSoftmax)),
    ("MatMul", mat_mul),
    ("Max", |w, n| binary(w, n, Box::new(math::Max))),
    ("MaxPool", max_pool),
    ("Min", |w, n| binary(w, n, Box::new(math::Min))),
    ("Mod", modulo),
    ("Mul", |w, n| binary(w, n, Box::new(math::Mul))),
    ("Neg", |w, n| unary(w, n, math::neg())),
    ("Not", |w, n| unary(w, n, logic::not())),
    ("Or", |w, n| binary(w, n, Box::new(logic::Or))),
    ("Pow", |w, n| binary(w, n, Box::new(math::Pow))),
    ("Reciprocal", |w, n| unary(w, n, math::recip())),
    ("ReduceMax", |w, n| reduce(w, n, Reducer::Max)),
    ("ReduceMean", reduce_mean),
    ("ReduceMin", |w, n| reduce(w, n, Reducer::Min)),
    ("ReduceSum", |w, n| reduce(w, n, Reducer::Sum)),
    ("Relu", relu),
    ("Reshape", reshape),
    ("Shape", shape),
    ("Sigmoid", |w, n| unary(w, n, nn::sigmoid())),
    ("Slice", slice),
    ("Softmax", |w, n| softmax(w, n, SoftmaxKind::Softmax)),
    ("Split", split),
    ("Sqrt", |w, n| unary(w, n, math::sqrt())),
    ("Squeeze", squeeze),
    ("Sub", |w, n| binary(w, n, Box::new(math::Sub))),
    ("Sum", |w, n| binary(w, n, Box::new(math::Add))),
    ("Tanh", |w, n| unary(w, n, math::tanh())),
    ("Transpose", transpose),
    ("Unsqueeze", unsqueeze),
    ("Where", choose),
];

/// The operator of that name.
pub(super) fn find(name: &str) -> Option<Operator> {
    TABLE.iter().find(|(known, _)| *known == name).map(|(_, operator)| *operator)
}

/// `axis` counted from the front.
fn counted(axis: i64, rank: usize) -> TractResult<usize> {
    let from_front = if axis < 0 { axis + rank as i64 } else { axis };
    let fits = usize::try_from(from_front).ok().filter(|&a| a < rank);
    fits.with_context(|| format!("axis {axis} of a tensor of {rank} axes"))
}

/// The axes that an operator names: in input `place` since its last change, as an attribute before.
fn axes(w: &Wiring, n: &Node, place: usize) -> TractResult<Option<Vec<i64>>> {
    match (n.optional(place), n.attribute("axes")) {
        (Some(outlet), _) => w.ints(outlet).map(Some),
        (None, Some(attribute)) => Ok(Some(attribute.ints.clone())),
        (None, None) => Ok(None),
    }
}

fn unary(w: &mut Wiring, n: &Node, op: impl Into<Box<dyn TypedOp>>) -> Outlets {
    Ok(tvec!(w.wire(op, &[n.input(0)?])?))
}

fn identity(_: &mut Wiring, n: &Node) -> Outlets {
    Ok(tvec!(n.input(0)?))
}

/// Two values of any shapes that broadcast, in the type that holds both.
fn pair(w: &mut Wiring, op: Box<dyn BinMiniOp>, a: OutletId, b: OutletId) -> TractResult<OutletId> {
    let numbers = op.operating_datum_type(w.fact_of(a)?.datum_type, w.fact_of(b)?.datum_type)?;
    let inputs = alike(w, &[a, b], numbers)?;
    w.wire(TypedBinOp(op, None), &inputs)
}

/// Values in one type.
fn typed(w: &mut Wiring, outlets: &[OutletId], numbers: DatumType) -> TractResult<TVec<OutletId>> {
    let each = |&outlet: &OutletId| {
        if w.fact_of(outlet)?.datum_type == numbers { Ok(outlet) } else { w.wire(cast(numbers), &[outlet]) }
    };
    outlets.iter().map(each).collect()
}

/// Values with as many axes as the one with most: new ones stand in front, as broadcasting wants it.
fn ranked(w: &mut Wiring, outlets: &[OutletId]) -> TractResult<TVec<OutletId>> {
    let mut rank = 0;
    for outlet in outlets {
        rank = rank.max(w.fact_of(*outlet)?.rank());
    }
    let mut ranked = tvec!();
    for mut outlet in outlets.iter().copied() {
        for _ in w.fact_of(outlet)?.rank()..rank {
            outlet = w.wire(AxisOp::Add(0), &[outlet])?;
        }
        ranked.push(outlet);
    }
    Ok(ranked)
}

fn alike(w: &mut Wiring, outlets: &[OutletId], numbers: DatumType) -> TractResult<TVec<OutletId>> {
    let typed = typed(w, outlets, numbers)?;
    ranked(w, &typed)
}

fn binary(w: &mut Wiring, n: &Node, op: Box<dyn BinMiniOp>) -> Outlets {
    let inputs = n.all();
    let (first, others) = inputs.split_first().context("there are no inputs")?;
    let result = others.iter().try_fold(*first, |so_far, next| pair(w, op.clone(), so_far, *next))?;
    Ok(tvec!(result))
}

fn compare(w: &mut Wiring, n: &Node, op: Box<dyn BinMiniOp>) -> Outlets {
    Ok(tvec!(pair(w, op, n.input(0)?, n.input(1)?)?))
}

/// `outlet` and a number of its own type.
fn with_number(
    w: &mut Wiring,
    op: Box<dyn BinMiniOp>,
    outlet: OutletId,
    number: f32,
) -> TractResult<OutletId> {
    let numbers = w.fact_of(outlet)?.datum_type;
    let number = w.constant(tensor0(number).cast_to_dt(numbers)?.into_owned())?;
    pair(w, op, outlet, number)
}

fn relu(w: &mut Wiring, n: &Node) -> Outlets {
    Ok(tvec!(with_number(w, Box::new(math::Max), n.input(0)?, 0.0)?))
}

fn clip(w: &mut Wiring, n: &Node) -> Outlets {
    let mut outlet = n.input(0)?;
    if let Some(least) = n.optional(1) {
        outlet = pair(w, Box::new(math::Max), outlet, least)?;
    }
    if let Some(most) = n.optional(2) {
        outlet = pair(w, Box::new(math::Min), outlet, most)?;
    }
    Ok(tvec!(outlet))
}

/// The remainder with the sign of the divisor, or of the dividend if `fmod` is set.
fn modulo(w: &mut Wiring, n: &Node) -> Outlets {
    let (a, b) = (n.input(0)?, n.input(1)?);
    let remainder = pair(w, Box::new(math::Rem), a, b)?;
    let signed = w.fact_of(remainder)?.datum_type.is_signed();
    if n.int("fmod", 0) == 1 || !signed {
        return Ok(tvec!(remainder));
    }
    let shifted = pair(w, Box::new(math::Add), remainder, b)?;
    Ok(tvec!(pair(w, Box::new(math::Rem), shifted, b)?))
}

/// x · ½ (1 + erf(x / √2)), or its approximation by tanh.
fn gelu(w: &mut Wiring, n: &Node) -> Outlets {
    if n.choice("approximate", &["none", "tanh"])? == "tanh" {
        return unary(w, n, nn::gelu_approximate::gelu_approximate(false));
    }
    let x = n.input(0)?;
    let scaled = with_number(w, Box::new(math::Mul), x, std::f32::consts::FRAC_1_SQRT_2)?;
    let erf = w.wire(math::erf(), &[scaled])?;
    let raised = with_number(w, Box::new(math::Add), erf, 1.0)?;
    let half = with_number(w, Box::new(math::Mul), x, 0.5)?;
    Ok(tvec!(pair(w, Box::new(math::Mul), half, raised)?))
}

fn cast_to(w: &mut Wiring, n: &Node) -> Outlets {
    let to = number_type(n.int("to", 0) as i32)?;
    let input = n.input(0)?;
    let from = w.fact_of(input)?.datum_type;
    // A length that is still open stays what it is: it is a whole number already.
    if from == to || (from == TDim::datum_type() && to == i64::datum_type()) {
        return identity(w, n);
    }
    unary(w, n, cast(to))
}

fn choose(w: &mut Wiring, n: &Node) -> Outlets {
    let (yes, no) = (n.input(1)?, n.input(2)?);
    let (one, other) = (w.fact_of(yes)?.datum_type, w.fact_of(no)?.datum_type);
    let numbers = one.common_super_type(other).context("its two values differ in type")?;
    let values = typed(w, &[yes, no], numbers)?;
    let inputs = ranked(w, &[n.input(0)?, values[0], values[1]])?;
    Ok(tvec!(w.wire(logic::Iff, &inputs)?))
}

fn constant(w: &mut Wiring, n: &Node) -> Outlets {
    let [attribute] = &*n.proto.attribute else { bail!("it has {} values", n.proto.attribute.len()) };
    let value = match attribute.name.as_str() {
        "value" => tensor(attribute.t.as_ref().context("its value is missing")?)?,
        "value_int" => tensor0(attribute.i),
        "value_float" => tensor0(attribute.f),
        "value_ints" => tensor1(&attribute.ints),
        "value_floats" => tensor1(&attribute.floats),
        other => bail!("{other} is not supported"),
    };
    Ok(tvec!(w.constant(value)?))
}

fn constant_of_shape(w: &mut Wiring, n: &Node) -> Outlets {
    let value = match n.attribute("value").and_then(|a| a.t.as_ref()) {
        Some(proto) => tensor(proto)?,
        None => tensor0(0.0f32),
    };
    ensure!(value.len() == 1, "its value is not one number");
    let value = value.into_shape(&[])?;
    let shape = w.dims(n.input(0)?)?;
    let scalar = w.constant(value)?;
    Ok(tvec!(w.wire(MultiBroadcastTo::new(shape.into()), &[scalar])?))
}

fn shape(w: &mut Wiring, n: &Node) -> Outlets {
    let dims = w.fact_of(n.input(0)?)?.shape.to_tvec();
    let rank = dims.len() as i64;
    let place = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
    let (start, end) = (place(n.int("start", 0)), place(n.int("end", rank)));
    Ok(tvec!(w.constant(tensor1(dims.get(start..end).unwrap_or_default()))?))
}

fn expand(w: &mut Wiring, n: &Node) -> Outlets {
    let wanted: TVec<TDim> = w.dims(n.input(1)?)?.into();
    let has = w.fact_of(n.input(0)?)?.shape.to_tvec();
    let dims = multi_broadcast(&[&*has, &*wanted])?;
    unary(w, n, MultiBroadcastTo::new(dims.into()))
}

fn reshape(w: &mut Wiring, n: &Node) -> Outlets {
    let has = w.fact_of(n.input(0)?)?.shape.to_tvec();
    let wanted = w.dims(n.input(1)?)?;
    let mut outlet = n.input(0)?;
    for op in to_axis_ops_with_onnx_rules(&has, &wanted, n.int("allowzero", 0) != 0)? {
        outlet = w.wire(op, &[outlet])?;
    }
    Ok(tvec!(outlet))
}

fn flatten(w: &mut Wiring, n: &Node) -> Outlets {
    let has = w.fact_of(n.input(0)?)?.shape.to_tvec();
    let rank = has.len() as i64;
    let axis = n.int("axis", 1);
    let axis = (if axis < 0 { axis + rank } else { axis }).clamp(0, rank) as usize;
    let halves: TVec<TDim> = tvec!(has[..axis].iter().product(), has[axis..].iter().product());
    unary(w, n, AxisOp::Reshape(0, has, halves))
}

fn transpose(w: &mut Wiring, n: &Node) -> Outlets {
    let rank = w.fact_of(n.input(0)?)?.rank();
    let order = n.counts("perm")?.unwrap_or_else(|| (0..rank).rev().collect());
    let mut seen = order.clone();
    seen.sort_unstable();
    ensure!(seen.iter().copied().eq(0..rank), "perm {order:?} is no order of {rank} axes");
    let mut outlet = n.input(0)?;
    for op in perm_to_ops(&order) {
        outlet = w.wire(op, &[outlet])?;
    }
    Ok(tvec!(outlet))
}

fn unsqueeze(w: &mut Wiring, n: &Node) -> Outlets {
    let mut outlet = n.input(0)?;
    let new = axes(w, n, 1)?.context("its axes are missing")?;
    let rank = w.fact_of(outlet)?.rank() + new.len();
    let mut places = new.iter().map(|&a| counted(a, rank)).collect::<TractResult<Vec<_>>>()?;
    places.sort_unstable();
    for axis in places {
        outlet = w.wire(AxisOp::Add(axis), &[outlet])?;
    }
    Ok(tvec!(outlet))
}

fn squeeze(w: &mut Wiring, n: &Node) -> Outlets {
    let mut outlet = n.input(0)?;
    let has = w.fact_of(outlet)?.shape.to_tvec();
    let mut places = match axes(w, n, 1)? {
        Some(named) => named.iter().map(|&a| counted(a, has.len())).collect::<TractResult<Vec<_>>>()?,
        None => (0..has.len()).filter(|&a| has[a].is_one()).collect(),
    };
    places.sort_unstable();
    for axis in places.into_iter().rev() {
        ensure!(has[axis].is_one(), "axis {axis} has a length of {}", has[axis]);
        outlet = w.wire(AxisOp::Rm(axis), &[outlet])?;
    }
    Ok(tvec!(outlet))
}

fn concat(w: &mut Wiring, n: &Node) -> Outlets {
    let inputs = n.all();
    let first = w.fact_of(n.input(0)?)?.clone();
    let axis = counted(n.int("axis", 0), first.rank())?;
    let types = inputs.iter().map(|i| Ok(w.fact_of(*i)?.datum_type)).collect::<TractResult<Vec<_>>>()?;
    let numbers = DatumType::super_type_for(types).context("its inputs differ in type")?;
    let inputs = typed(w, &inputs, numbers)?;
    Ok(tvec!(w.wire(TypedConcat::new(axis), &inputs)?))
}

fn split(w: &mut Wiring, n: &Node) -> Outlets {
    let input = n.input(0)?;
    let has = w.fact_of(input)?.shape.to_tvec();
    let axis = counted(n.int("axis", 0), has.len())?;
    let lengths = match (n.optional(1), n.attribute("split")) {
        (Some(outlet), _) => w.dims(outlet)?,
        (None, Some(attribute)) => attribute.ints.iter().map(|i| i.to_dim()).collect(),
        (None, None) => {
            let (whole, parts) = (has[axis].to_usize()?, n.proto.output.len().max(1));
            let each = whole.div_ceil(parts);
            (0..parts).map(|i| each.min(whole.saturating_sub(i * each)).to_dim()).collect()
        }
    };
    let mut start = 0.to_dim();
    let mut outlets = tvec!();
    for length in lengths {
        let end = start.clone() + length;
        outlets.push(w.wire(Slice::new(axis, start, end.clone()), &[input])?);
        start = end;
    }
    Ok(outlets)
}

/// Slices by steps of one; bounds may count from the end and lie beyond it.
fn slice(w: &mut Wiring, n: &Node) -> Outlets {
    let mut outlet = n.input(0)?;
    let has = w.fact_of(outlet)?.shape.to_tvec();
    let (starts, ends) = (w.dims(n.input(1)?)?, w.dims(n.input(2)?)?);
    ensure!(starts.len() == ends.len(), "{} starts and {} ends", starts.len(), ends.len());
    let axes = match n.optional(3) {
        Some(named) => w.ints(named)?,
        None => (0..starts.len() as i64).collect(),
    };
    let steps = n.optional(4).map(|steps| w.ints(steps)).transpose()?.unwrap_or_default();
    ensure!(steps.iter().all(|s| *s == 1), "steps other than 1 are not supported");
    for ((start, end), axis) in starts.iter().zip(&ends).zip(axes) {
        let axis = counted(axis, has.len())?;
        let length = &has[axis];
        let bound = |at: &TDim| match (at.to_i64(), length.to_i64()) {
            (Ok(at), Ok(length)) => (if at < 0 { at + length } else { at }).clamp(0, length).to_dim(),
            (Ok(at), Err(_)) if at < 0 => length.clone() + at,
            // As far as it goes: exporters write the largest number for that.
            (Ok(at), Err(_)) if at > i64::from(i32::MAX) => length.clone(),
            (Ok(at), Err(_)) => at.to_dim(),
            (Err(_), _) => at.clone(),
        };
        let (start, end) = (bound(start), bound(end));
        if !(start == 0.to_dim() && end == *length) {
            outlet = w.wire(Slice::new(axis, start, end), &[outlet])?;
        }
    }
    Ok(tvec!(outlet))
}

fn gather(w: &mut Wiring, n: &Node) -> Outlets {
    let (data, indices) = (n.input(0)?, n.input(1)?);
    let axis = counted(n.int("axis", 0), w.fact_of(data)?.rank())?;
    let indices = typed(w, &[indices], i64::datum_type())?;
    Ok(tvec!(w.wire(Gather::new(axis), &[data, indices[0]])?))
}

/// (x - zero point) · scale, each one number or one of every place on an axis.
fn dequantize_linear(w: &mut Wiring, n: &Node) -> Outlets {
    let input = n.input(0)?;
    let rank = w.fact_of(input)?.rank();
    let axis = n.int("axis", 1);
    let along = |w: &mut Wiring, mut parameter: OutletId| -> TractResult<OutletId> {
        let fact = w.fact_of(parameter)?;
        ensure!(fact.rank() <= 1, "scales by blocks are not supported");
        if fact.rank() == 1 && !fact.shape[0].is_one() {
            for _ in counted(axis, rank)? + 1..rank {
                let end = w.fact_of(parameter)?.rank();
                parameter = w.wire(AxisOp::Add(end), &[parameter])?;
            }
        }
        Ok(typed(w, &[parameter], f32::datum_type())?[0])
    };
    let mut outlet = w.wire(cast(f32::datum_type()), &[input])?;
    if let Some(zero) = n.optional(2) {
        let zero = along(w, zero)?;
        outlet = pair(w, Box::new(math::Sub), outlet, zero)?;
    }
    let scale = along(w, n.input(1)?)?;
    Ok(tvec!(pair(w, Box::new(math::Mul), outlet, scale)?))
}

/// numpy's product: of the last two axes, the others broadcast; a vector is a row or a column.
fn product(w: &mut Wiring, a: OutletId, b: OutletId, turned: [bool; 2]) -> TractResult<OutletId> {
    let fact = w.fact_of(a)?;
    let (numbers, left, right) = (fact.datum_type, fact.rank(), w.fact_of(b)?.rank());
    ensure!(left.min(right) > 0, "a factor is a single number");
    ensure!(numbers.is_float(), "products of {numbers:?} are not supported");
    let mk = if left == 1 {
        "k"
    } else if turned[0] {
        "km"
    } else {
        "mk"
    };
    let kn = if right == 1 {
        "k"
    } else if turned[1] {
        "nk"
    } else {
        "kn"
    };
    let mn = format!("{}{}", if left == 1 { "" } else { "m" }, if right == 1 { "" } else { "n" });
    let batch: Vec<char> = ('A'..='Z').take(left.max(right).saturating_sub(2)).collect();
    let last = |count: usize| -> String { batch[batch.len() - count.min(batch.len())..].iter().collect() };
    let (of_a, of_b) = (last(left.saturating_sub(2)), last(right.saturating_sub(2)));
    let axes: AxesMapping = format!("{of_a}{mk},{of_b}{kn}->{}{mn}", last(batch.len())).parse()?;
    w.wire(EinSum { axes, operating_dt: numbers, q_params: None }, &[a, b])
}

fn mat_mul(w: &mut Wiring, n: &Node) -> Outlets {
    Ok(tvec!(product(w, n.input(0)?, n.input(1)?, [false, false])?))
}

/// α · A · B + β · C, A and B turned or not.
fn gemm(w: &mut Wiring, n: &Node) -> Outlets {
    let turned = [n.int("transA", 0) != 0, n.int("transB", 0) != 0];
    let mut outlet = product(w, n.input(0)?, n.input(1)?, turned)?;
    let (alpha, beta) = (n.float("alpha", 1.0), n.float("beta", 1.0));
    if alpha != 1.0 {
        outlet = with_number(w, Box::new(math::Mul), outlet, alpha)?;
    }
    if let Some(mut added) = n.optional(2) {
        if beta != 1.0 {
            added = with_number(w, Box::new(math::Mul), added, beta)?;
        }
        outlet = pair(w, Box::new(math::Add), outlet, added)?;
    }
    Ok(tvec!(outlet))
}

fn softmax(w: &mut Wiring, n: &Node, kind: SoftmaxKind) -> Outlets {
    let rank = w.fact_of(n.input(0)?)?.rank();
    // Before set 13 all axes from the named one on were taken together.
    let (default, together) = if w.opset < 13 { (1, true) } else { (-1, false) };
    let axis = counted(n.int("axis", default), rank)?;
    let axes = if together { (axis..rank).collect() } else { tvec!(axis) };
    unary(w, n, Softmax { axes, quant_output_dt: None, kind })
}

/// The axes to reduce, in order, and whether they stay as axes of length one.
fn reduced(w: &Wiring, n: &Node) -> TractResult<(TVec<usize>, bool)> {
    let rank = w.fact_of(n.input(0)?)?.rank();
    let named = axes(w, n, 1)?.unwrap_or_default();
    let mut axes = named.iter().map(|&a| counted(a, rank)).collect::<TractResult<TVec<_>>>()?;
    if axes.is_empty() && n.int("noop_with_empty_axes", 0) == 0 {
        axes = (0..rank).collect();
    }
    axes.sort_unstable();
    axes.dedup();
    Ok((axes, n.int("keepdims", 1) != 0))
}

fn without_axes(w: &mut Wiring, mut outlet: OutletId, axes: &[usize], keep: bool) -> Outlets {
    if !keep {
        for axis in axes.iter().rev() {
            outlet = w.wire(AxisOp::Rm(*axis), &[outlet])?;
        }
    }
    Ok(tvec!(outlet))
}

fn reduce(w: &mut Wiring, n: &Node, reducer: Reducer) -> Outlets {
    let (axes, keep) = reduced(w, n)?;
    let outlet = w.wire(Reduce::new(axes.clone(), reducer), &[n.input(0)?])?;
    without_axes(w, outlet, &axes, keep)
}

/// Mean over axes, which stay with a length of one.
fn mean(w: &mut Wiring, input: OutletId, axes: &[usize]) -> TractResult<OutletId> {
    let fact = w.fact_of(input)?;
    let numbers = fact.datum_type;
    let count: TDim = axes.iter().map(|a| fact.shape[*a].clone()).product();
    let sum = w.wire(Reduce::new(axes.into(), Reducer::Sum), &[input])?;
    let count = w.constant(tensor0(count))?;
    let count = w.wire(cast(numbers), &[count])?;
    pair(w, Box::new(math::Div), sum, count)
}

fn reduce_mean(w: &mut Wiring, n: &Node) -> Outlets {
    let (axes, keep) = reduced(w, n)?;
    let outlet = mean(w, n.input(0)?, &axes)?;
    without_axes(w, outlet, &axes, keep)
}

/// (x - mean) / √(variance + ε) · scale + bias, over the axes from `axis` on.
fn layer_normalization(w: &mut Wiring, n: &Node) -> Outlets {
    let x = w.fact_of(n.input(0)?)?.clone();
    let axis = counted(n.int("axis", -1), x.rank())?;
    let width: TDim = x.shape[axis..].iter().product();
    let width = width.to_usize().context("it normalises over an open length")?;
    for input in n.all() {
        let fact = w.fact_of(input)?;
        ensure!(fact.datum_type == f32::datum_type(), "{:?} is not supported", fact.datum_type);
    }
    for parameter in n.all().get(1..).unwrap_or_default() {
        let fact = w.fact_of(*parameter)?;
        ensure!(fact.shape.volume() == width.to_dim(), "a scale or bias of {:?} for {width}", fact.shape);
    }
    n.input(1)?;
    ensure!(width > 0, "it normalises nothing");
    let inputs = n.all();
    Ok(tvec!(w.wire(LayerNorm { width, epsilon: n.float("epsilon", 1e-5) }, &inputs)?))
}

/// (x - mean) / √(variance + ε) · scale + bias for every channel (axis 1), with the means of the training.
fn batch_normalization(w: &mut Wiring, n: &Node) -> Outlets {
    let mut outlet = n.input(0)?;
    let rank = w.fact_of(outlet)?.rank();
    ensure!(rank >= 2 && n.int("training_mode", 0) == 0, "training is not supported");
    let mut channel = [0, 0, 0, 0].map(|_: i32| outlet);
    for (place, parameter) in channel.iter_mut().enumerate() {
        *parameter = n.input(place + 1)?;
        for axis in 1..rank - 1 {
            *parameter = w.wire(AxisOp::Add(axis), &[*parameter])?;
        }
    }
    let [scale, bias, middle, variance] = channel;
    let variance = with_number(w, Box::new(math::Add), variance, n.float("epsilon", 1e-5))?;
    let deviation = w.wire(math::rsqrt(), &[variance])?;
    let factor = pair(w, Box::new(math::Mul), scale, deviation)?;
    outlet = pair(w, Box::new(math::Sub), outlet, middle)?;
    outlet = pair(w, Box::new(math::Mul), outlet, factor)?;
    Ok(tvec!(pair(w, Box::new(math::Add), outlet, bias)?))
}

/// Kernel, padding, strides and dilations of a convolution or pooling over `[N, C, …]`.
fn pool_spec(n: &Node, kernel: TVec<usize>, channels: [usize; 2], pooling: bool) -> TractResult<PoolSpec> {
    let axes = kernel.len();
    let pads = n.counts("pads")?.unwrap_or_else(|| tvec!(0; 2 * axes));
    ensure!(pads.len() == 2 * axes, "{} pads for {axes} axes", pads.len());
    let (before, after): (TVec<usize>, TVec<usize>) = (pads[..axes].into(), pads[axes..].into());
    let padding = match n.choice("auto_pad", &["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"])? {
        "VALID" => PaddingSpec::Valid,
        "SAME_UPPER" => PaddingSpec::SameUpper,
        "SAME_LOWER" => PaddingSpec::SameLower,
        _ if pooling => PaddingSpec::ExplicitOnnxPool(before, after, n.int("ceil_mode", 0) == 1),
        _ => PaddingSpec::Explicit(before, after),
    };
    let (dilations, strides) = (n.counts("dilations")?, n.counts("strides")?);
    for one_each in [&dilations, &strides].into_iter().flatten() {
        ensure!(one_each.len() == axes && !one_each.contains(&0), "strides or dilations {one_each:?}");
    }
    let [input_channels, output_channels] = channels;
    Ok(PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: kernel,
        padding,
        dilations,
        strides,
        input_channels,
        output_channels,
    })
}

fn conv(w: &mut Wiring, n: &Node) -> Outlets {
    let (input, kernel) = (n.input(0)?, n.input(1)?);
    let shape = w.fact_of(kernel)?.shape.as_concrete().context("its kernel must be constant")?.to_vec();
    let given = &w.fact_of(input)?.shape;
    let group = usize::try_from(n.int("group", 1))?;
    ensure!(shape.len() >= 3 && shape.len() == given.rank() && group > 0, "kernel {shape:?} for {given:?}");
    let channels = [shape[1] * group, shape[0]];
    ensure!(given[1] == channels[0].to_dim(), "kernel {shape:?} in {group} groups for {given:?}");
    let bias = match n.optional(2) {
        Some(bias) => bias,
        None => w.constant(tensor0(0f32))?,
    };
    let spec = pool_spec(n, shape[2..].into(), channels, false)?;
    Ok(tvec!(w.wire(Conv::new(spec, KernelFormat::OIHW, group, None), &[input, kernel, bias])?))
}

fn pool(w: &Wiring, n: &Node) -> TractResult<PoolSpec> {
    let given = &w.fact_of(n.input(0)?)?.shape;
    let kernel = n.counts("kernel_shape")?.context("its kernel_shape is missing")?;
    ensure!(given.rank() == kernel.len() + 2, "kernel {kernel:?} for {given:?}");
    let channels = given[1].to_usize()?;
    pool_spec(n, kernel, [channels, channels], true)
}

fn max_pool(w: &mut Wiring, n: &Node) -> Outlets {
    let pool_spec = pool(w, n)?;
    unary(w, n, MaxPool { pool_spec, with_index_outputs: None })
}

fn average_pool(w: &mut Wiring, n: &Node) -> Outlets {
    let pool_spec = pool(w, n)?;
    unary(w, n, SumPool { pool_spec, count_include_pad: n.int("count_include_pad", 0) != 0, normalize: true })
}

fn global_pool(w: &mut Wiring, n: &Node, average: bool) -> Outlets {
    let input = n.input(0)?;
    let axes: TVec<usize> = (2..w.fact_of(input)?.rank()).collect();
    let result =
        if average { mean(w, input, &axes)? } else { w.wire(Reduce::new(axes, Reducer::Max), &[input])? };
    Ok(tvec!(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
    }
}
