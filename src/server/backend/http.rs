//! Model servers over HTTP/1.1: pooled connections, time limits, bounded answers, retries of what was never sent.

use std::{
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Uri,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde_json::{Value, json};

use super::{
    Answer, Breaker, Call, CallError, How, brief,
    connect::{Connector, tcp},
    exchange::{ExchangeError, Reply},
    payload::{self, Label, Texts},
    pool::{IDLE, Pool, PoolError},
    sagemaker::Sagemaker,
    tls::Tls,
};
use crate::{
    domain::Stars,
    inference::Prediction,
    server::settings::{Protocol, Upstream},
};

/// A client for any address: what traffic is sent with.
pub type Client = legacy::Client<HttpConnector, Full<Bytes>>;

const CUSTOM_ATTRIBUTES: HeaderName = HeaderName::from_static("x-amzn-sagemaker-custom-attributes");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Pause before a request that was never sent is tried again; doubles each time.
const RETRY_AFTER: Duration = Duration::from_millis(10);
/// Longest time for a health check.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// A client with a pool of its own, that reaches `http://` only.
pub fn client(connect_timeout: Duration, idle_connections: usize) -> Client {
    legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(idle_connections)
        .build(tcp(connect_timeout))
}

/// A model server that the operator declared.
#[derive(Debug)]
pub struct HttpUpstream {
    /// Its name in the configuration file.
    pub name: String,
    settings: Upstream,
    /// Heads of requests, up to the headers that differ from one to the next.
    infer: Vec<u8>,
    /// A whole head.
    health: Vec<u8>,
    pool: Pool,
    answer_bytes: usize,
    timeout: Duration,
    /// For callers, and for copies: a shadow that fails must not keep callers from the same server.
    breakers: [Breaker; 2],
    /// 0 unknown, 1 well, 2 ill.
    well: AtomicU8,
    retried: AtomicU64,
    /// A real endpoint is asked by the SDK, behind the same circuits.
    sagemaker: Option<Sagemaker>,
}

impl HttpUpstream {
    /// Of settings that were checked. Nothing is connected to yet.
    pub fn new(name: &str, settings: Upstream, answer_bytes: usize) -> Self {
        let base = settings.url.trim_end_matches('/');
        let model = &settings.model;
        let version = |word: &str| match settings.version.as_str() {
            "" => String::new(),
            v => format!("/{word}/{v}"),
        };
        let (infer, health) = match settings.protocol {
            Protocol::Oip => {
                let path = format!("/v2/models/{model}{}", version("versions"));
                (format!("{path}/infer"), format!("{path}/ready"))
            }
            Protocol::TfServing => {
                let path = format!("/v1/models/{model}{}", version("versions"));
                (format!("{path}:predict"), path)
            }
            Protocol::Http | Protocol::Sagemaker => ("/invocations".to_owned(), "/ping".to_owned()),
        };
        let health = if settings.health_path.is_empty() { health } else { settings.health_path.clone() };
        // The settings were checked, so these are addresses; without one nothing would be connected to.
        let uri = |path: &str| format!("{base}{path}").parse::<Uri>().unwrap_or_default();
        let begin = |method: &str, path: &str| {
            let uri = uri(path);
            let host = uri.authority().map(|a| a.as_str()).unwrap_or_default();
            let path = uri.path_and_query().map_or("/", |p| p.as_str());
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n")
        };
        // What cannot be read any more leaves nobody to be trusted.
        let tls = settings.is_https().then(|| Tls::new(settings.ca_file.as_deref()).unwrap_or_default());
        let connect_timeout = Duration::from_millis(settings.connect_timeout_ms);
        let breaker =
            || Breaker::new(settings.breaker_failures, Duration::from_millis(settings.breaker_open_ms));
        Self {
            name: name.to_owned(),
            infer: begin("POST", &infer).into_bytes(),
            health: format!("{}\r\n", begin("GET", &health)).into_bytes(),
            pool: Pool::new(Connector::new(uri(""), tls, connect_timeout), settings.idle_connections),
            answer_bytes,
            timeout: Duration::from_millis(settings.timeout_ms),
            breakers: [breaker(), breaker()],
            well: AtomicU8::new(0),
            retried: AtomicU64::new(0),
            sagemaker: (settings.protocol == Protocol::Sagemaker)
                .then(|| Sagemaker::new(name, &settings, answer_bytes)),
            settings,
        }
    }

    /// Where it is, as the operator wrote it.
    pub fn url(&self) -> &str {
        &self.settings.url
    }

    /// The circuit of callers, then that of copies.
    pub fn breakers(&self) -> &[Breaker; 2] {
        &self.breakers
    }

    /// What the last health check found; none before the first.
    pub fn is_well(&self) -> Option<bool> {
        match self.well.load(Ordering::Relaxed) {
            0 => None,
            n => Some(n == 1),
        }
    }

    /// Requests that were tried again.
    pub fn retried(&self) -> u64 {
        self.retried.load(Ordering::Relaxed)
    }

    /// Looks after it until dropped: its connections, and its health where that is to be checked.
    pub async fn watch(&self) {
        tokio::join!(self.pool.tidy(), self.check_again());
    }

    async fn check_again(&self) {
        // A real endpoint has no health check that costs nothing.
        if self.settings.health_interval_ms == 0 || self.sagemaker.is_some() {
            return;
        }
        let mut ticks = tokio::time::interval(Duration::from_millis(self.settings.health_interval_ms));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let well = self.check().await;
            let before = self.well.swap(if well { 1 } else { 2 }, Ordering::Relaxed);
            if well {
                self.breakers[0].succeeded();
            }
            if before != u8::from(!well) + 1 {
                tracing::info!(upstream = %self.name, well, "health of an upstream");
            }
        }
    }

    /// One health check.
    pub async fn check(&self) -> bool {
        let asked = self.pool.exchange(&self.health, &[], self.answer_bytes);
        let answered = tokio::time::timeout(HEALTH_TIMEOUT, asked).await;
        answered.is_ok_and(|a| a.is_ok_and(|a| (200..300).contains(&a.status)))
    }

    /// Asks the model.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, call: &Call, how: How) -> Result<Answer, CallError> {
        let breaker = &self.breakers[usize::from(how.copy)];
        if !breaker.lets_through(Instant::now()) {
            let why = format!(
                "the upstream `{}` has failed {} times in a row and is left alone for {} ms",
                self.name, self.settings.breaker_failures, self.settings.breaker_open_ms
            );
            return Err(CallError::Unavailable { why });
        }
        let limit = how.timeout.map_or(self.timeout, |t| t.min(self.timeout));
        if let Some(endpoint) = &self.sagemaker {
            let answered = tokio::time::timeout(limit, endpoint.call(call)).await;
            let answered = answered.unwrap_or(Err(CallError::TimedOut { limit_ms: limit.as_millis() }));
            self.judge(breaker, &answered);
            return answered;
        }
        let (head, body, translated) = self.request(call)?;
        let answered = tokio::time::timeout(limit, self.exchange(&head, &body, !how.copy)).await;
        let answered = answered.unwrap_or(Err(CallError::TimedOut { limit_ms: limit.as_millis() }));
        self.judge(breaker, &answered);
        let Reply { content_type, custom_attributes, body, .. } = answered?;
        let Some(asked) = translated else {
            let predicted = payload::first_stars(&body);
            return Ok(Answer { content_type, custom_attributes, predicted, body, wait_ns: 0 });
        };
        let labels = match self.settings.protocol {
            Protocol::Oip => labels_of_v2(&body, asked.texts.len())?,
            _ => labels_of_predict(&body, asked.texts.len())?,
        };
        Ok(Answer {
            content_type: Some(HeaderValue::from_static(asked.shape.content_type())),
            custom_attributes: None,
            predicted: labels.first().and_then(|l| l.stars),
            body: payload::write(&labels, asked.shape),
            wait_ns: 0,
        })
    }

    fn judge<T>(&self, breaker: &Breaker, answered: &Result<T, CallError>) {
        match answered {
            // An upstream that says no is there. Its 5xx may be the caller's fault: some answer so to bad JSON.
            Ok(_) | Err(CallError::Status { .. }) => breaker.succeeded(),
            Err(_) => breaker.failed(Instant::now()),
        }
    }

    /// The upstream's request, head and body, and the texts in it where the answer must be translated back.
    fn request(&self, call: &Call) -> Result<(Vec<u8>, Bytes, Option<Texts>), CallError> {
        let json = |body: Bytes| (self.head(&[(CONTENT_TYPE, Some(&JSON))], body.len()), body);
        let native: &[&str] = match self.settings.protocol {
            Protocol::Http | Protocol::Sagemaker => {
                let headers = [
                    (CONTENT_TYPE, call.content_type.as_ref()),
                    (ACCEPT, call.accept.as_ref()),
                    (CUSTOM_ATTRIBUTES, call.custom_attributes.as_ref()),
                ];
                return Ok((self.head(&headers, call.body.len()), call.body.clone(), None));
            }
            Protocol::Oip => &["inputs"],
            Protocol::TfServing => &["inputs", "signature_name"],
        };
        // Who speaks the upstream's own protocol is handed on as they are.
        let own = serde_json::from_slice::<Value>(&call.body)
            .is_ok_and(|v| native.iter().any(|member| v.get(*member).is_some()));
        if own {
            let (head, body) = json(call.body.clone());
            return Ok((head, body, None));
        }
        let content_type = call.content_type.as_ref().and_then(|t| t.to_str().ok());
        let asked = Texts::read(content_type, &call.body)
            .map_err(|e| CallError::Status { status: e.http(), message: e.to_string() })?;
        let body = match self.settings.protocol {
            Protocol::Oip => json!({
                // KServe answers 500 to a request without one.
                "id": call.id.to_string(),
                "inputs": [{
                    "name": self.settings.input,
                    "shape": [asked.texts.len(), 1],
                    "datatype": "BYTES",
                    "data": asked.texts,
                }],
            }),
            _ => json!({"instances": asked.texts}),
        };
        let (head, body) = json(body.to_string().into());
        Ok((head, body, Some(asked)))
    }

    /// The head of a request with these headers and a body of so many bytes.
    fn head(&self, headers: &[(HeaderName, Option<&HeaderValue>)], body_bytes: usize) -> Vec<u8> {
        let mut head = Vec::with_capacity(self.infer.len() + 256);
        head.extend_from_slice(&self.infer);
        for (name, value) in headers {
            if let Some(value) = value {
                head.extend_from_slice(name.as_str().as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(value.as_bytes());
                head.extend_from_slice(b"\r\n");
            }
        }
        head.extend_from_slice(b"content-length: ");
        head.extend_from_slice(body_bytes.to_string().as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        head
    }

    async fn exchange(&self, head: &[u8], body: &[u8], retry: bool) -> Result<Reply, CallError> {
        let mut left = if retry { self.settings.retries } else { 0 };
        let mut pause = RETRY_AFTER;
        let reply = loop {
            match self.pool.exchange(head, body, self.answer_bytes).await {
                Ok(reply) => break reply,
                // Never sent, so nothing is done twice.
                Err(e) if e.is_unsent() && left > 0 => {
                    left -= 1;
                    self.retried.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(PoolError::Exchange(ExchangeError::TooLarge { limit })) => {
                    return Err(CallError::TooLarge { limit });
                }
                Err(PoolError::Exchange(ExchangeError::Garbage(why))) => return Err(garbage(why)),
                Err(e) => return Err(self.unreachable(&e)),
            }
        };
        if (200..300).contains(&reply.status) {
            Ok(reply)
        } else {
            Err(CallError::Status { status: reply.status, message: brief(&reply.body) })
        }
    }

    fn unreachable(&self, error: &PoolError) -> CallError {
        let mut cause: &dyn std::error::Error = error;
        if let PoolError::Connect(why) = error {
            cause = &**why;
        }
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let why = format!("the upstream `{}` at {} does not answer ({cause})", self.name, self.settings.url);
        CallError::Unavailable { why }
    }
}

fn garbage(why: impl Into<String>) -> CallError {
    CallError::Garbage { why: why.into() }
}

/// All numbers in nested lists; text that is a number, too.
fn flat(value: &Value, into: &mut Vec<f64>) {
    match value {
        Value::Array(parts) => parts.iter().for_each(|p| flat(p, into)),
        Value::Number(n) => into.extend(n.as_f64()),
        Value::String(text) => into.extend(text.trim().parse::<f64>().ok()),
        _ => {}
    }
}

fn stars_of(number: f64) -> Option<Stars> {
    (number.fract() == 0.0).then(|| Stars::new(number as i64).ok()).flatten()
}

/// Five scores as probabilities: taken as they are when they sum to 1, else as logits.
fn probabilities_of(scores: &[f64]) -> Option<[f32; 5]> {
    let scores: [f64; 5] = scores.try_into().ok()?;
    if scores.iter().any(|s| !s.is_finite()) {
        return None;
    }
    let sum: f64 = scores.iter().sum();
    if scores.iter().all(|s| *s >= 0.0) && (sum - 1.0).abs() < 1e-3 {
        return Some(scores.map(|s| s as f32));
    }
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts = scores.map(|s| (s - most).exp());
    let sum: f64 = parts.iter().sum();
    Some(parts.map(|p| (p / sum) as f32))
}

fn label(stars: Option<Stars>, scores: Option<&[f64]>) -> Label {
    let probabilities = scores.and_then(probabilities_of);
    let likeliest = probabilities.and_then(Prediction::from_probabilities).map(|p| p.stars);
    Label { stars: stars.or(likeliest), probabilities }
}

/// The labels in an answer of the Open Inference Protocol: an output with a number per text are labels, one with five
/// are scores.
fn labels_of_v2(body: &[u8], texts: usize) -> Result<Vec<Label>, CallError> {
    let answer: Value = serde_json::from_slice(body).map_err(|e| garbage(e.to_string()))?;
    let outputs = answer.get("outputs").and_then(Value::as_array);
    let outputs = outputs.ok_or_else(|| garbage("it has no `outputs`"))?;
    let (mut labels, mut scores) = (None, None);
    for output in outputs {
        let mut numbers = Vec::new();
        flat(output.get("data").unwrap_or(&Value::Null), &mut numbers);
        if numbers.len() == texts {
            labels = labels.or(Some(numbers));
        } else if numbers.len() == 5 * texts {
            scores = scores.or(Some(numbers));
        }
    }
    if labels.is_none() && scores.is_none() {
        return Err(garbage(format!("no output has 1 or 5 numbers for each of {texts} texts")));
    }
    let of = |i: usize| {
        let stars = labels.as_ref().and_then(|l: &Vec<f64>| l.get(i).copied()).and_then(stars_of);
        label(stars, scores.as_ref().and_then(|s: &Vec<f64>| s.get(5 * i..5 * i + 5)))
    };
    Ok((0..texts).map(of).collect())
}

/// The labels in an answer of TensorFlow Serving's REST predict.
fn labels_of_predict(body: &[u8], texts: usize) -> Result<Vec<Label>, CallError> {
    let answer: Value = serde_json::from_slice(body).map_err(|e| garbage(e.to_string()))?;
    let predictions = answer.get("predictions").and_then(Value::as_array);
    let predictions = predictions.ok_or_else(|| garbage("it has no `predictions`"))?;
    if predictions.len() != texts {
        return Err(garbage(format!("it has {} predictions for {texts} texts", predictions.len())));
    }
    let of = |one: &Value| {
        let numbers = |value: Option<&Value>| {
            let mut numbers = Vec::new();
            flat(value.unwrap_or(&Value::Null), &mut numbers);
            numbers
        };
        let member = |names: &[&str]| numbers(names.iter().find_map(|n| one.get(*n)));
        let (mut stars, mut scores) =
            (member(&["predicted_label", "label", "stars"]), member(&["probabilities", "logits"]));
        if !one.is_object() {
            let all = numbers(Some(one));
            (stars, scores) = if all.len() == 5 { (Vec::new(), all) } else { (all, Vec::new()) };
        }
        label(stars.first().copied().and_then(stars_of), Some(&scores))
    };
    Ok(predictions.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stars(labels: Result<Vec<Label>, CallError>) -> Vec<Option<u8>> {
        labels.unwrap().into_iter().map(|l| l.stars.map(Stars::get)).collect()
    }

    #[test]
    fn answers_of_real_servers_are_read() {
        let triton = br#"{"id":"r2","model_name":"bert_a","model_version":"1","outputs":[
            {"name":"logits","datatype":"FP32","shape":[2,5],"data":[-7.5,-6.0,-4.5,-3.0,-1.5,0.0,-1.5,-3.0,-4.5,-6.0]},
            {"name":"label","datatype":"INT64","shape":[2,1],"data":[5,1]}]}"#;
        assert_eq!(stars(labels_of_v2(triton, 2)), [Some(5), Some(1)]);
        let nested = br#"{"outputs":[{"name":"p","data":[[0.1,0.2,0.4,0.2,0.1]]}],"parameters":null}"#;
        assert_eq!(stars(labels_of_v2(nested, 1)), [Some(3)]);
        let bytes = br#"{"outputs":[{"name":"label","datatype":"BYTES","data":["4"]}]}"#;
        assert_eq!(stars(labels_of_v2(bytes, 1)), [Some(4)]);
        let kserve = br#"{"predictions":[{"label":4,"logits":[-4.5,-3.0,-1.5,-0.0,-1.5]},{"label":1}]}"#;
        assert_eq!(stars(labels_of_predict(kserve, 2)), [Some(4), Some(1)]);
        let serving = br#"{"predictions":[[0.0,0.0,0.0,0.1,0.9], 2]}"#;
        assert_eq!(stars(labels_of_predict(serving, 2)), [Some(5), Some(2)]);
    }

    #[test]
    fn garbage_is_named() {
        for body in [&b"<html>"[..], b"{}", b"{\"outputs\":[]}", b"{\"outputs\":[{\"data\":[1,2,3]}]}"] {
            assert!(matches!(labels_of_v2(body, 2), Err(CallError::Garbage { .. })));
        }
        for body in [&b"[]"[..], b"{\"predictions\":[1]}"] {
            assert!(matches!(labels_of_predict(body, 2), Err(CallError::Garbage { .. })));
        }
    }
}
