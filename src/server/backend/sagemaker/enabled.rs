//! The program with the SDK.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sagemakerruntime::{
    Client,
    error::{DisplayErrorContext, SdkError},
    operation::invoke_endpoint::InvokeEndpointError,
    primitives::Blob,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use bytes::Bytes;
use hyper::header::HeaderValue;
use tokio::sync::OnceCell;

use crate::server::{
    backend::{Answer, Call, CallError, payload},
    settings::Upstream,
};

/// Whether the program can reach real endpoints.
pub const ENABLED: bool = true;

/// A real endpoint.
#[derive(Debug)]
pub struct Sagemaker {
    name: String,
    settings: Upstream,
    answer_bytes: usize,
    /// Made at the first call: the chain of credentials may ask around.
    client: OnceCell<Client>,
}

impl Sagemaker {
    /// Of settings.
    pub fn new(name: &str, settings: &Upstream, answer_bytes: usize) -> Self {
        let (name, settings) = (name.to_owned(), settings.clone());
        Self { name, settings, answer_bytes, client: OnceCell::new() }
    }

    async fn connect(&self) -> Client {
        let ring = tls::Provider::Rustls(CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(ring).build_https();
        let ms = Duration::from_millis;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ms(self.settings.connect_timeout_ms))
            .operation_timeout(ms(self.settings.timeout_ms))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            // An invocation is paid for and may have been made: the caller decides about another one.
            .retry_config(RetryConfig::disabled());
        if !self.settings.region.is_empty() {
            loader = loader.region(Region::new(self.settings.region.clone()));
        }
        let shared = loader.load().await;
        let mut config = aws_sdk_sagemakerruntime::config::Builder::from(&shared);
        if !self.settings.url.is_empty() {
            config = config.endpoint_url(self.settings.url.clone());
        }
        Client::from_conf(config.build())
    }

    /// Asks the endpoint.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, call: &Call) -> Result<Answer, CallError> {
        let client = self.client.get_or_init(|| self.connect()).await;
        let text = |v: &Option<HeaderValue>| v.as_ref().and_then(|v| v.to_str().ok()).map(str::to_owned);
        let target = Some(self.settings.target_variant.clone()).filter(|v| !v.is_empty());
        let request = client
            .invoke_endpoint()
            .endpoint_name(&self.settings.model)
            .set_target_variant(target)
            .set_content_type(text(&call.content_type))
            .set_accept(text(&call.accept))
            .set_custom_attributes(text(&call.custom_attributes))
            .body(Blob::new(call.body.to_vec()));
        let said = request.send().await.map_err(|e| self.refused(e))?;
        let body: Bytes = said.body.map(Blob::into_inner).unwrap_or_default().into();
        if body.len() > self.answer_bytes {
            return Err(CallError::TooLarge { limit: self.answer_bytes });
        }
        let header = |v: Option<String>| v.and_then(|v| HeaderValue::from_str(&v).ok());
        Ok(Answer {
            content_type: header(said.content_type),
            custom_attributes: header(said.custom_attributes),
            predicted: payload::first_stars(&body),
            body,
            wait_ns: 0,
        })
    }

    fn refused(&self, error: SdkError<InvokeEndpointError>) -> CallError {
        let name = &self.name;
        match &error {
            SdkError::TimeoutError(_) => {
                CallError::TimedOut { limit_ms: u128::from(self.settings.timeout_ms) }
            }
            SdkError::ServiceError(said) => match said.err() {
                InvokeEndpointError::ModelError(e) => CallError::Status {
                    status: e.original_status_code().and_then(|s| u16::try_from(s).ok()).unwrap_or(500),
                    message: e.original_message().or(e.message()).unwrap_or_default().to_owned(),
                },
                other => {
                    let (status, words) = (said.raw().status().as_u16(), other.to_string());
                    if status >= 500 {
                        CallError::Unavailable {
                            why: format!("the endpoint behind `{name}` answered {status}: {words}"),
                        }
                    } else {
                        CallError::Status { status, message: words }
                    }
                }
            },
            _ => CallError::Unavailable {
                why: format!(
                    "the endpoint behind `{name}` does not answer ({})",
                    DisplayErrorContext(&error)
                ),
            },
        }
    }
}
