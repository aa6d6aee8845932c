//! ONNX bytes → tract's typed graph, through the lab's own table of operators.
//!
//! tract-onnx knows every operator, and each of them drags its kernels, in every number type, into the worker: three
//! times the bytes. This reader knows [`super::operators::TABLE`], and names what it does not know.

use std::collections::BTreeMap;

use prost::Message;
use tract_core::internal::*;

use super::{
    operators,
    proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto},
};

/// Why a file could not be read.
pub(super) enum Refusal {
    /// Operators outside the table, each once, in order.
    Operators(Vec<String>),
    /// Everything else, in words.
    Other(String),
}

impl From<TractError> for Refusal {
    fn from(error: TractError) -> Self {
        Self::Other(super::brief(&error))
    }
}

/// Reads a file. Inputs keep their names; the outputs are the file's, in its order.
///
/// # Errors
/// [`Refusal`].
pub(super) fn read(bytes: &[u8]) -> Result<TypedModel, Refusal> {
    let file = ModelProto::decode(bytes).map_err(|e| Refusal::Other(e.to_string()))?;
    let opset = file.opset_import.iter().find(|o| is_standard(&o.domain)).map_or(0, |o| o.version);
    let graph = file.graph.ok_or_else(|| Refusal::Other("there is no graph in it".into()))?;

    let mut unknown: Vec<String> =
        graph
            .node
            .iter()
            .filter(|n| !is_standard(&n.domain) || operators::find(&n.op_type).is_none())
            .map(|n| {
                if is_standard(&n.domain) { n.op_type.clone() } else { format!("{}.{}", n.domain, n.op_type) }
            })
            .collect();
    unknown.sort();
    unknown.dedup();
    if !unknown.is_empty() {
        return Err(Refusal::Operators(unknown));
    }
    // Before, bounds of slices and clips were attributes.
    if opset < 11 {
        return Err(Refusal::Other(format!("it uses operator set {opset}, the lab reads 11 and later")));
    }

    let mut wiring = Wiring { model: TypedModel::default(), values: BTreeMap::new(), opset, names: 0 };
    wiring.sources(&graph)?;
    for node in &graph.node {
        wiring.node(node).map_err(|e| {
            let output = node.output.first().map_or("", String::as_str);
            Refusal::Other(format!("{} that makes `{output}`: {}", node.op_type, super::brief(&e)))
        })?;
    }
    let outputs =
        graph.output.iter().map(|o| wiring.value(&o.name)).collect::<TractResult<Vec<OutletId>>>()?;
    let mut model = wiring.model;
    model.select_output_outlets(&outputs)?;
    Ok(model)
}

fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// tract's number type for ONNX's.
pub(super) fn number_type(code: i32) -> TractResult<DatumType> {
    Ok(match code {
        1 => DatumType::F32,
        2 => DatumType::U8,
        3 => DatumType::I8,
        6 => DatumType::I32,
        7 => DatumType::I64,
        9 => DatumType::Bool,
        11 => DatumType::F64,
        other => {
            bail!("numbers of ONNX type {other} are not read; export with float32, int8, int32 or int64")
        }
    })
}

/// The numbers of a tensor that lies in the file.
///
/// # Errors
/// A type that is not read, or another count of numbers than the shape says.
pub(super) fn tensor(proto: &TensorProto) -> TractResult<Tensor> {
    ensure!(proto.data_location == 0, "`{}` lies in another file; export the model as one file", proto.name);
    let shape = proto.dims.iter().map(|&d| Ok(usize::try_from(d)?)).collect::<TractResult<Vec<usize>>>()?;
    let raw = &proto.raw_data;
    fn of<T: Datum + Copy, const N: usize>(
        shape: &[usize],
        raw: &[u8],
        number: impl Fn([u8; N]) -> T,
        spelt: impl Iterator<Item = T>,
    ) -> TractResult<Tensor> {
        let numbers: Vec<T> = if raw.is_empty() {
            spelt.collect()
        } else {
            ensure!(raw.len().is_multiple_of(N), "a number is cut off");
            raw.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
        };
        let wanted = shape.iter().try_fold(1usize, |product, d| product.checked_mul(*d));
        ensure!(wanted == Some(numbers.len()), "{} numbers for the shape {shape:?}", numbers.len());
        Tensor::from_shape(shape, &numbers)
    }
    let ints = || proto.int32_data.iter().copied();
    match number_type(proto.data_type).with_context(|| format!("`{}`", proto.name))? {
        DatumType::F32 => of(&shape, raw, f32::from_le_bytes, proto.float_data.iter().copied()),
        DatumType::F64 => of(&shape, raw, f64::from_le_bytes, proto.double_data.iter().copied()),
        DatumType::U8 => of(&shape, raw, u8::from_le_bytes, ints().map(|i| i as u8)),
        DatumType::I8 => of(&shape, raw, i8::from_le_bytes, ints().map(|i| i as i8)),
        DatumType::I32 => of(&shape, raw, i32::from_le_bytes, ints()),
        DatumType::Bool => of(&shape, raw, |[b]: [u8; 1]| b != 0, ints().map(|i| i != 0)),
        _ => of(&shape, raw, i64::from_le_bytes, proto.int64_data.iter().copied()),
    }
}

/// A graph in the making.
pub(super) struct Wiring {
    pub model: TypedModel,
    /// Version of the standard operators.
    pub opset: i64,
    values: BTreeMap<String, OutletId>,
    names: usize,
}

/// A node whose operator is being wired: its inputs, its attributes.
pub(super) struct Node<'a> {
    pub proto: &'a NodeProto,
    pub inputs: Vec<Option<OutletId>>,
}

impl Wiring {
    fn sources(&mut self, graph: &GraphProto) -> TractResult<()> {
        for proto in &graph.initializer {
            let id = self.model.add_const(&proto.name, tensor(proto)?)?;
            self.values.insert(proto.name.clone(), id);
        }
        for input in &graph.input {
            // Old files repeat the constants among the inputs.
            if !self.values.contains_key(&input.name) {
                let fact = self.fact(input)?;
                let id = self.model.add_source(&input.name, fact)?;
                self.values.insert(input.name.clone(), id);
            }
        }
        Ok(())
    }

    fn fact(&mut self, input: &ValueInfoProto) -> TractResult<TypedFact> {
        let tensor = input.kind.as_ref().and_then(|k| k.tensor.as_ref());
        let tensor = tensor.with_context(|| format!("the input `{}` is no tensor", input.name))?;
        let shape =
            tensor.shape.as_ref().with_context(|| format!("the input `{}` has no shape", input.name))?;
        let dims: TVec<TDim> = shape
            .dim
            .iter()
            .map(|d| match (d.value, &d.parameter) {
                (Some(value), _) if value > 0 => value.to_dim(),
                // A name that stands twice is one length; anything else is a length of its own.
                (_, Some(name)) if name.chars().all(char::is_alphanumeric) && !name.is_empty() => {
                    self.model.symbols.sym(name).into()
                }
                _ => self.model.symbols.new_with_prefix("d").into(),
            })
            .collect();
        Ok(number_type(tensor.elem_type)?.fact(dims))
    }

    fn node(&mut self, proto: &NodeProto) -> TractResult<()> {
        let inputs = proto
            .input
            .iter()
            .map(|name| if name.is_empty() { Ok(None) } else { self.value(name).map(Some) })
            .collect::<TractResult<Vec<_>>>()?;
        let operator = operators::find(&proto.op_type).context("unknown operator")?;
        let outputs = operator(self, &Node { proto, inputs })?;
        for (place, name) in proto.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let outlet =
                outputs.get(place).with_context(|| format!("its output {place} is not supported"))?;
            self.values.insert(name.clone(), *outlet);
        }
        Ok(())
    }

    fn value(&self, name: &str) -> TractResult<OutletId> {
        self.values.get(name).copied().with_context(|| format!("nothing makes `{name}`"))
    }

    /// Adds an operation that has one output.
    pub fn wire(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> TractResult<OutletId> {
        let op = op.into();
        if let Some(known) = self.folded(&*op, inputs)? {
            return self.constant(known);
        }
        self.names += 1;
        let name = self.model.unique_name(format!("{}.{}", op.name(), self.names));
        let outlets = self.model.wire_node(name, op, inputs)?;
        outlets.first().copied().context("an operation without an output")
    }

    /// What an operation makes of constants, so that a table that is stored small is a constant for those after it.
    fn folded(&self, op: &dyn TypedOp, inputs: &[OutletId]) -> TractResult<Option<Tensor>> {
        let facts = inputs.iter().map(|i| self.fact_of(*i)).collect::<TractResult<TVec<_>>>()?;
        let values: Option<TVec<TValue>> =
            facts.iter().map(|f| Some(f.konst.clone()?.into_tvalue())).collect();
        let Some(values) = values else { return Ok(None) };
        let size = op.output_facts(&facts)?.iter().map(|f| f.shape.volume()).sum::<TDim>();
        if size.to_usize().is_ok_and(|size| size <= super::MODEL_BYTES_LIMIT)
            && let Ok(Some(results)) = op.eval_out_of_plan(values)
        {
            return Ok(results.into_iter().next().map(TValue::into_tensor));
        }
        Ok(None)
    }

    /// Adds a constant.
    pub fn constant(&mut self, tensor: impl IntoArcTensor) -> TractResult<OutletId> {
        self.names += 1;
        let name = self.model.unique_name(format!("constant.{}", self.names));
        self.model.add_const(name, tensor)
    }

    /// What is known of a value: type, shape, and the numbers if they are constant.
    pub fn fact_of(&self, outlet: OutletId) -> TractResult<&TypedFact> {
        self.model.outlet_fact(outlet)
    }

    /// The numbers of an input that must be constant; they may name lengths.
    ///
    /// # Errors
    /// It is computed at run time.
    pub fn dims(&self, outlet: OutletId) -> TractResult<Vec<TDim>> {
        let fact = self.fact_of(outlet)?;
        let tensor = fact.konst.as_ref().context("shapes, axes and bounds must be constant")?;
        if tensor.datum_type() == TDim::datum_type() {
            return Ok(tensor.try_as_plain_ram()?.as_slice::<TDim>()?.to_vec());
        }
        // Not by tract's cast to lengths: it makes -1 of the largest number, which stands for "to the end".
        let numbers = tensor.cast_to::<i64>()?;
        Ok(numbers.try_as_plain_ram()?.as_slice::<i64>()?.iter().map(|n| n.to_dim()).collect())
    }

    /// The same for whole numbers.
    ///
    /// # Errors
    /// It is computed at run time, or names a length.
    pub fn ints(&self, outlet: OutletId) -> TractResult<Vec<i64>> {
        self.dims(outlet)?.iter().map(|dim| Ok(dim.to_i64()?)).collect()
    }
}

impl Node<'_> {
    /// Input `place`.
    ///
    /// # Errors
    /// It is missing.
    pub fn input(&self, place: usize) -> TractResult<OutletId> {
        self.optional(place).with_context(|| format!("input {place} is missing"))
    }

    /// Input `place`, if it is there.
    pub fn optional(&self, place: usize) -> Option<OutletId> {
        self.inputs.get(place).copied().flatten()
    }

    /// The inputs that are there.
    pub fn all(&self) -> Vec<OutletId> {
        self.inputs.iter().copied().flatten().collect()
    }

    pub fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.proto.attribute.iter().find(|a| a.name == name)
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |a| a.f)
    }

    /// Text that must be in a list of the operator's; the first of it if the attribute is missing.
    ///
    /// # Errors
    /// It is something else.
    pub fn choice<'a>(&self, name: &str, choices: &[&'a str]) -> TractResult<&'a str> {
        let Some(attribute) = self.attribute(name) else {
            return choices.first().copied().context("nothing to choose from");
        };
        let said = String::from_utf8_lossy(&attribute.s);
        let found = choices.iter().copied().find(|c| *c == said);
        found.with_context(|| format!("{name} `{said}` is not supported"))
    }

    /// Whole numbers that are no less than zero.
    ///
    /// # Errors
    /// One is.
    pub fn counts(&self, name: &str) -> TractResult<Option<TVec<usize>>> {
        let Some(attribute) = self.attribute(name) else { return Ok(None) };
        attribute.ints.iter().map(|&i| Ok(usize::try_from(i)?)).collect::<TractResult<_>>().map(Some)
    }
}
