//! Model servers over HTTP/1.1: pooled connections, time limits, bounded answers, retries of what was never sent.

use std::{
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, Uri,
    body::Incoming,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue},
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde_json::{Value, json};

use super::{
    Answer, Breaker, Call, CallError, brief,
    payload::{self, Label, Texts},
    sagemaker::Sagemaker,
    tls::{Connector, Tls},
};
use crate::{
    domain::Stars,
    inference::Prediction,
    server::settings::{Protocol, Upstream},
};

/// The client that all upstreams are reached with.
pub type Client = legacy::Client<Connector, Full<Bytes>>;

const CUSTOM_ATTRIBUTES: HeaderName = HeaderName::from_static("x-amzn-sagemaker-custom-attributes");
/// Idle connections end after this, before most servers end them.
const IDLE: Duration = Duration::from_secs(30);
/// Pause before a request that was never sent is tried again; doubles each time.
const RETRY_AFTER: Duration = Duration::from_millis(10);
/// Longest time for a health check.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// A client with a pool of its own, that reaches `http://` only.
pub fn client(connect_timeout: Duration, idle_connections: usize) -> Client {
    client_over(None, connect_timeout, idle_connections)
}

/// The same that reaches `https://` too, where there is `tls`.
fn client_over(tls: Option<Tls>, connect_timeout: Duration, idle_connections: usize) -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(connect_timeout));
    connector.set_keepalive(Some(IDLE));
    legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(idle_connections)
        .build(Connector::new(connector, tls, connect_timeout))
}

/// A model server that the operator declared.
#[derive(Debug)]
pub struct HttpUpstream {
    /// Its name in the configuration file.
    pub name: String,
    settings: Upstream,
    infer: Uri,
    health: Uri,
    client: Client,
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
        // The settings were checked, so both are addresses; `/` would only be refused by the upstream.
        let uri = |path: String| format!("{base}{path}").parse().unwrap_or_default();
        let breaker =
            || Breaker::new(settings.breaker_failures, Duration::from_millis(settings.breaker_open_ms));
        Self {
            name: name.to_owned(),
            infer: uri(infer),
            health: uri(health),
            client: client_over(
                // The settings were checked. What cannot be read any more leaves nobody to be trusted.
                settings.is_https().then(|| Tls::new(settings.ca_file.as_deref()).unwrap_or_default()),
                Duration::from_millis(settings.connect_timeout_ms),
                settings.idle_connections,
            ),
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

    /// Checks its health again and again, until dropped. Returns at once where that is switched off.
    pub async fn watch(&self) {
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
        let Ok(request) = Request::get(self.health.clone()).body(Full::default()) else { return false };
        let answered = tokio::time::timeout(HEALTH_TIMEOUT, self.client.request(request)).await;
        answered.is_ok_and(|a| a.is_ok_and(|a| a.status().is_success()))
    }

    /// Asks the model.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let breaker = &self.breakers[usize::from(call.once)];
        if !breaker.lets_through(Instant::now()) {
            let why = format!(
                "the upstream `{}` has failed {} times in a row and is left alone for {} ms",
                self.name, self.settings.breaker_failures, self.settings.breaker_open_ms
            );
            return Err(CallError::Unavailable { why });
        }
        if let Some(endpoint) = &self.sagemaker {
            let limit = call.timeout.map_or(self.timeout, |t| t.min(self.timeout));
            let answered = tokio::time::timeout(limit, endpoint.call(&call)).await;
            let answered = answered.unwrap_or(Err(CallError::TimedOut { limit_ms: limit.as_millis() }));
            self.judge(breaker, &answered);
            return answered;
        }
        let (request, translated) = self.request(&call)?;
        let limit = call.timeout.map_or(self.timeout, |t| t.min(self.timeout));
        let answered = tokio::time::timeout(limit, self.exchange(request, !call.once)).await;
        let answered = answered.unwrap_or(Err(CallError::TimedOut { limit_ms: limit.as_millis() }));
        self.judge(breaker, &answered);
        let (head, body) = answered?;
        let Some(asked) = translated else {
            return Ok(Answer {
                content_type: head.headers.get(CONTENT_TYPE).cloned(),
                custom_attributes: head.headers.get(CUSTOM_ATTRIBUTES).cloned(),
                predicted: payload::first_stars(&body),
                body,
                wait_ns: 0,
            });
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

    /// The upstream's request, and the texts in it where the answer must be translated back.
    fn request(&self, call: &Call) -> Result<(Request<Full<Bytes>>, Option<Texts>), CallError> {
        let build = |body: Bytes, json: bool| {
            let mut request = Request::new(Full::new(body));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = self.infer.clone();
            let headers = request.headers_mut();
            if json {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                return request;
            }
            for (name, value) in [
                (CONTENT_TYPE, &call.content_type),
                (ACCEPT, &call.accept),
                (CUSTOM_ATTRIBUTES, &call.custom_attributes),
            ] {
                if let Some(value) = value {
                    headers.insert(name, value.clone());
                }
            }
            request
        };
        let native: &[&str] = match self.settings.protocol {
            Protocol::Http | Protocol::Sagemaker => return Ok((build(call.body.clone(), false), None)),
            Protocol::Oip => &["inputs"],
            Protocol::TfServing => &["inputs", "signature_name"],
        };
        // Who speaks the upstream's own protocol is handed on as they are.
        let own = serde_json::from_slice::<Value>(&call.body)
            .is_ok_and(|v| native.iter().any(|member| v.get(*member).is_some()));
        if own {
            return Ok((build(call.body.clone(), true), None));
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
        Ok((build(body.to_string().into(), true), Some(asked)))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        retry: bool,
    ) -> Result<(hyper::http::response::Parts, Bytes), CallError> {
        let mut left = if retry { self.settings.retries } else { 0 };
        let mut pause = RETRY_AFTER;
        // A copy for the next try is made only while there may be one.
        let mut next = Some(request);
        let response = loop {
            let Some(request) = next.take() else {
                return Err(CallError::Unavailable { why: "no try is left".to_owned() });
            };
            if left > 0 {
                next = Some(request.clone());
            }
            match self.client.request(request).await {
                Ok(response) => break response,
                // Never sent, so nothing is done twice.
                Err(e) if e.is_connect() && left > 0 => {
                    left -= 1;
                    self.retried.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(e) => return Err(self.unreachable(&e)),
            }
        };
        let status = response.status();
        let (head, body) = read(response, self.answer_bytes).await?;
        if status.is_success() {
            Ok((head, body))
        } else {
            Err(CallError::Status { status: status.as_u16(), message: brief(&body) })
        }
    }

    fn unreachable(&self, error: &legacy::Error) -> CallError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let why = format!("the upstream `{}` at {} does not answer ({cause})", self.name, self.settings.url);
        CallError::Unavailable { why }
    }
}

/// Reads an answer of at most `limit` bytes.
async fn read(
    response: Response<Incoming>,
    limit: usize,
) -> Result<(hyper::http::response::Parts, Bytes), CallError> {
    let (head, mut body) = response.into_parts();
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > limit as u64) {
        return Err(CallError::TooLarge { limit });
    }
    let (mut first, mut rest): (Option<Bytes>, Option<BytesMut>) = (None, None);
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| CallError::Garbage { why: e.to_string() })?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > limit {
            return Err(CallError::TooLarge { limit });
        }
        // Nearly every answer comes in one piece, which then needs no copy.
        match (&first, &mut rest) {
            (None, _) => first = Some(data),
            (Some(_), Some(rest)) => rest.extend_from_slice(&data),
            (Some(begin), None) => {
                let mut joined = BytesMut::with_capacity(begin.len() + data.len());
                joined.extend_from_slice(begin);
                joined.extend_from_slice(&data);
                rest = Some(joined);
            }
        }
    }
    Ok((head, rest.map(BytesMut::freeze).or(first).unwrap_or_default()))
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
