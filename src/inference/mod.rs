//! Text → tokens → model → prediction, and the table in which predictions are kept.
//!
//! The only room that knows tract. Without the feature `onnx` it still cuts text into tokens and reads the
//! table, so the page and the simulation need no tract.

mod card;
#[cfg(feature = "onnx")]
mod measure;
#[cfg(feature = "onnx")]
mod onnx;
mod prediction;
mod tokens;

pub use card::{CardMetrics, ModelCard, card};
#[cfg(feature = "onnx")]
pub use measure::measure;
#[cfg(feature = "onnx")]
pub use onnx::{MODEL_BYTES_LIMIT, Model, ModelError, Prepared, Scores, supported_operators};
pub use prediction::{Prediction, PredictionTable, ServiceCost};
pub use tokens::{MAX_TOKEN_BYTES, MAX_TOKENS, Tokens};
