//! A variant on a real SageMaker endpoint, by the AWS SDK: credentials from the usual chain, its own signatures.
//!
//! The SDK and its TLS take longer to compile than all the rest of the server, so they are a feature of their own,
//! which `make server` switches on.

#[cfg(not(feature = "sagemaker"))]
mod disabled;
#[cfg(feature = "sagemaker")]
mod enabled;

#[cfg(not(feature = "sagemaker"))]
pub use disabled::{ENABLED, Sagemaker};
#[cfg(feature = "sagemaker")]
pub use enabled::{ENABLED, Sagemaker};
