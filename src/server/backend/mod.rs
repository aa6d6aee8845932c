//! What a variant runs on: the models that the program carries, or an upstream that the operator declared.
//!
//! A model names its upstream by its container image: `upstream/NAME`, with `NAME` as in `[upstream.NAME]` of the
//! configuration file. Any other image runs embedded, with the artefact that `ModelDataUrl` names. Nothing that a
//! caller sends can make the server open a connection elsewhere.

mod breaker;
mod connect;
mod embedded;
mod exchange;
mod http;
pub mod payload;
mod pool;
mod sagemaker;
mod tls;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::header::HeaderValue;

pub use self::{
    breaker::Breaker,
    embedded::{Embedded, EmbeddedError},
    http::{Client, HttpUpstream, client},
    sagemaker::ENABLED as SAGEMAKER,
    tls::{Tls, TlsError},
};
use super::settings::{Settings, Upstream};
use crate::{
    controller::LiveVariant,
    domain::{Artifact, Stars},
};

/// What the image of a model on an upstream begins with.
pub const UPSTREAM_IMAGE: &str = "upstream/";

/// What a model is asked.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// As the caller sent it.
    pub content_type: Option<HeaderValue>,
    /// As the caller sent it.
    pub accept: Option<HeaderValue>,
    /// As the caller sent it.
    pub custom_attributes: Option<HeaderValue>,
    /// As the caller sent it.
    pub body: Bytes,
    /// Number of the invocation.
    pub id: u64,
}

/// How a model is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Longest time for the answer, where it is shorter than the upstream's own.
    pub timeout: Option<Duration>,
    /// A copy for a shadow variant: nothing is tried twice for it, and callers' requests come first.
    pub copy: bool,
}

/// What a model answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Content type; none where the upstream gave none.
    pub content_type: Option<HeaderValue>,
    /// What the container has to say beside the answer.
    pub custom_attributes: Option<HeaderValue>,
    /// The answer.
    pub body: Bytes,
    /// The first prediction in it.
    pub predicted: Option<Stars>,
    /// Time that the request waited for the model, ns; what is left of the model latency is service.
    pub wait_ns: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The model answered, but not with 2xx.
    #[error("the model answered {status}: {message}")]
    Status {
        /// Its status.
        status: u16,
        /// Its words, cut short.
        message: String,
    },
    /// Nobody answers, or too much waits already.
    #[error("{why}")]
    Unavailable {
        /// Why, and what to do.
        why: String,
    },
    /// Not in time.
    #[error("the model did not answer within {limit_ms} ms")]
    TimedOut {
        /// The limit, ms.
        limit_ms: u128,
    },
    /// More than is read.
    #[error("the model's answer has more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// An answer that is none.
    #[error("the model's answer cannot be read: {why}")]
    Garbage {
        /// What is wrong with it.
        why: String,
    },
}

/// What a variant runs on.
#[derive(Clone, Debug)]
pub enum Backend {
    /// A model that the program carries.
    Embedded(Arc<Embedded>, Artifact),
    /// A server that the operator declared.
    Http(Arc<HttpUpstream>),
    /// Nothing: the operator has not declared what the model names.
    Missing {
        /// Why, in words for the caller.
        why: String,
    },
}

impl Backend {
    /// Asks the model.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, call: &Call, how: How) -> Result<Answer, CallError> {
        match self {
            Self::Embedded(pool, artifact) => pool.call(*artifact, call.clone(), how).await,
            Self::Http(upstream) => upstream.call(call, how).await,
            Self::Missing { why } => Err(CallError::Unavailable { why: why.clone() }),
        }
    }

    /// Where it is, in words for people: `embedded`, or the upstream's name.
    pub fn place(&self) -> &str {
        match self {
            Self::Embedded(..) => "embedded",
            Self::Http(upstream) => &upstream.name,
            Self::Missing { .. } => "missing",
        }
    }

    /// Threads that infer here; 1 for a server elsewhere, of which nothing is known.
    pub fn vcpus(&self) -> u32 {
        match self {
            Self::Embedded(pool, _) => pool.threads(),
            _ => 1,
        }
    }
}

/// All that a variant can run on.
#[derive(Clone, Debug)]
pub struct Backends {
    embedded: Arc<Embedded>,
    upstreams: BTreeMap<String, Arc<HttpUpstream>>,
}

impl Backends {
    /// Of the settings. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`EmbeddedError`] when a model that the program carries cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, EmbeddedError> {
        let embedded = Arc::new(Embedded::start(settings.embedded)?);
        let of = |(name, u): (&String, &Upstream)| {
            (name.clone(), Arc::new(HttpUpstream::new(name, u.clone(), settings.limits.answer_bytes)))
        };
        Ok(Self { embedded, upstreams: settings.upstream.iter().map(of).collect() })
    }

    /// What this variant runs on.
    pub fn of(&self, variant: &LiveVariant) -> Backend {
        let Some(name) = variant.image.as_str().strip_prefix(UPSTREAM_IMAGE) else {
            return Backend::Embedded(self.embedded.clone(), variant.artifact);
        };
        match self.upstreams.get(name) {
            Some(upstream) => Backend::Http(upstream.clone()),
            None => Backend::Missing {
                why: format!(
                    "the model's image names the upstream `{name}`, which the operator has not declared; add [upstream.{name}] to the configuration file"
                ),
            },
        }
    }

    /// The upstreams, by name.
    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<HttpUpstream>> {
        self.upstreams.values()
    }

    /// The models that the program carries.
    pub fn embedded(&self) -> &Embedded {
        &self.embedded
    }
}

/// At most 200 characters of what a model said, for an error.
fn brief(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(800)]).chars().take(200).collect()
}
