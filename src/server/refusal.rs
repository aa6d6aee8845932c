//! How requests are refused: the service's codes and words, in the form of the protocol that was spoken.

use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};

use super::{backend::CallError, store::StoreError};
use crate::domain::CommandError;

/// Account in every name and error that the lab gives out.
pub const ACCOUNT: &str = "123456789012";
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Which protocol an answer is for: SDKs look for the error's code in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `POST /`: `__type` in the body.
    Json,
    /// `/endpoints/…`: a header.
    Runtime,
    /// Everything else: words.
    Plain,
}

/// A request that is not answered as asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The code that an SDK raises; none where the service gives none.
    pub code: Option<&'static str>,
    /// Words that name the value and the limit.
    pub message: String,
    /// Members beside the message.
    more: Option<Value>,
}

impl Refusal {
    /// With a code of the service.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code: Some(code), message: message.into(), more: None }
    }

    /// With words only.
    pub fn plain(status: u16, message: impl Into<String>) -> Self {
        Self { status, code: None, message: message.into(), more: None }
    }

    /// No such endpoint serves.
    pub fn no_endpoint(name: &str) -> Self {
        let name: String = name.chars().take(128).collect();
        Self::new(400, "ValidationError", format!("Endpoint {name} of account {ACCOUNT} not found."))
    }

    /// The endpoint has no such variant that serves: a shadow variant never answers a caller. (The lab's words.)
    pub fn no_variant(variant: &str, endpoint: &str) -> Self {
        let variant: String = variant.chars().take(128).collect();
        let words = format!("Variant {variant} is no production variant of endpoint {endpoint}.");
        Self::new(400, "ValidationError", words)
    }

    /// Custom attributes that are too long.
    pub fn attributes(limit: usize) -> Self {
        let words = "1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: Member must have length less than or equal to";
        Self::new(400, "ValidationError", format!("{words} {limit}"))
    }

    /// A body that is too long, in the service's words.
    pub fn too_large(limit: usize) -> Self {
        Self::plain(413, format!("HTTP content length exceeded {limit} bytes."))
    }

    /// A body that comes too slowly.
    pub fn too_slow(limit_ms: u64) -> Self {
        Self::plain(408, format!("the body did not arrive within {limit_ms} ms; send it faster"))
    }

    /// A body that ends too soon.
    pub fn cut_short() -> Self {
        Self::plain(400, "the body ended before its announced length; send it whole")
    }

    /// Why a model did not answer. Its own failures are 424, which no SDK tries again: a retry would multiply them.
    pub fn of_model(error: &CallError, endpoint: &str) -> Self {
        let (status, said) = match error {
            CallError::Unavailable { why } => return Self::new(503, "ServiceUnavailable", why.clone()),
            CallError::Status { status, message } => (*status, message.clone()),
            CallError::TimedOut { .. } => {
                let said = "Your invocation timed out while waiting for a response from container primary.";
                (0, said.to_owned())
            }
            other => (0, other.to_string()),
        };
        let side = if (400..500).contains(&status) { "client" } else { "server" };
        let group = format!("/aws/sagemaker/Endpoints/{endpoint}");
        let log = format!(
            "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group={group}"
        );
        let message = format!(
            "Received {side} error ({status}) from primary with message \"{said}\". See {log} in account {ACCOUNT} for more information."
        );
        let more = json!({
            "OriginalStatusCode": status,
            "OriginalMessage": said,
            "LogStreamArn": format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"),
        });
        Self { status: 424, code: Some("ModelError"), message, more: Some(more) }
    }

    /// The answer, as the protocol has it.
    pub fn answer<B: From<String>>(&self, style: Style) -> Response<B> {
        let (content_type, body) = match style {
            Style::Json => {
                let code = self.code.unwrap_or(match self.status {
                    401 | 403 | 421 => "AccessDeniedException",
                    408 => "RequestTimeoutException",
                    413 => "RequestEntityTooLargeException",
                    429 => "ThrottlingException",
                    500.. => "InternalFailure",
                    _ => "ValidationException",
                });
                let body = json!({"__type": code, "message": self.message, "Message": self.message});
                ("application/x-amz-json-1.1", body.to_string())
            }
            Style::Runtime => {
                let mut body = self.more.clone().unwrap_or_else(|| json!({}));
                body["Message"] = json!(self.message);
                ("application/json", body.to_string())
            }
            Style::Plain => ("text/plain; charset=utf-8", format!("{}\n", self.message)),
        };
        let mut response = Response::new(B::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let (Style::Runtime, Some(code)) = (style, self.code) {
            headers.insert(ERROR_TYPE, HeaderValue::from_static(code));
        }
        match self.status {
            401 => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rollout-lab\""));
            }
            429 | 503 => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

impl From<CommandError> for Refusal {
    fn from(e: CommandError) -> Self {
        Self::new(e.http(), e.code(), e.to_string())
    }
}

impl From<&StoreError> for Refusal {
    fn from(_: &StoreError) -> Self {
        // What the disk said is for the operator, who finds it in the log.
        Self::new(500, "InternalFailure", "The call could not be written down; nothing is acknowledged.")
    }
}
