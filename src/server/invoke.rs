//! `InvokeEndpoint`: draw a variant, ask its model, record what became of it, hand out copies.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};

use super::{
    app::App,
    backend::{Answer, Call, CallError, How},
    clock, random,
    refusal::Refusal,
    routes::{EndpointRoutes, Target},
    shadow::Copy,
};
use crate::{
    domain::{InvocationRecord, InvocationStatus, ReviewId, Stars, VariantName, VirtualTime},
    wire::live::body_number,
};

const TARGET_VARIANT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-variant");
const CUSTOM_ATTRIBUTES: HeaderName = HeaderName::from_static("x-amzn-sagemaker-custom-attributes");
const SESSION_ID: HeaderName = HeaderName::from_static("x-amzn-sagemaker-session-id");
const INFERENCE_ID: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inference-id");
const INVOKED: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
const MODEL_LATENCY: HeaderName = HeaderName::from_static("x-rollout-lab-model-latency-us");
/// Most bytes of the custom attributes, as in the service model.
const ATTRIBUTES_BYTES: usize = 1_024;

/// Whose request it is, and what of it a record needs.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Number of the invocation.
    pub id: u64,
    /// When it reached the endpoint.
    pub arrival: VirtualTime,
    /// Who sent it, where the caller says so.
    pub user: Option<u64>,
    /// What it asks about: the same body has the same number.
    pub review: ReviewId,
    /// As the caller named it.
    pub inference_id: Option<String>,
}

/// How a call of a model ended, as far as a record needs it.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    status: InvocationStatus,
    wait: Duration,
    service: Duration,
    predicted: Option<Stars>,
}

impl Ended {
    /// Of an answer that took `model`, measured around the call.
    pub fn of(answer: &Result<Answer, CallError>, model: Duration) -> Self {
        let wait = answer.as_ref().map_or(Duration::ZERO, |a| Duration::from_nanos(a.wait_ns)).min(model);
        let status = match answer {
            Ok(_) => InvocationStatus::Answered,
            Err(CallError::Unavailable { .. }) => InvocationStatus::Overloaded,
            Err(_) => InvocationStatus::ModelError,
        };
        Self {
            status,
            wait,
            service: model - wait,
            predicted: answer.as_ref().ok().and_then(|a| a.predicted),
        }
    }

    /// The caller went away before the model answered.
    pub const fn abandoned(model: Duration) -> Self {
        Self { status: InvocationStatus::ClientError, wait: Duration::ZERO, service: model, predicted: None }
    }

    /// The record of an invocation that took `total` from its arrival.
    pub fn record(self, target: &Target, origin: &Origin, total: Duration) -> InvocationRecord {
        let ns = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let (wait_ns, service_ns) = (ns(self.wait), ns(self.service));
        InvocationRecord {
            id: origin.id,
            arrival: origin.arrival,
            user: origin.user.unwrap_or(0) as u32,
            review: origin.review,
            true_stars: None,
            fleet: target.fleet,
            instance: 0,
            status: self.status,
            wait_ns,
            service_ns,
            overhead_ns: ns(total).saturating_sub(wait_ns + service_ns),
            predicted: self.predicted,
            copy: !target.production,
            leaked_kib: 0,
        }
    }
}

/// Sees to it that an invocation ends in one record, also when its caller goes away: its future is dropped then.
struct Open<'a> {
    app: &'a App,
    target: &'a Target,
    origin: &'a Origin,
    began: Instant,
    asked: Instant,
    ended: bool,
}

impl Open<'_> {
    fn end(mut self, ended: Ended) {
        self.ended = true;
        let record = ended.record(self.target, self.origin, self.began.elapsed());
        self.app.ledger.record(self.target, record);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let ended = Ended::abandoned(self.asked.elapsed());
            let record = ended.record(self.target, self.origin, self.began.elapsed());
            self.app.ledger.record(self.target, record);
        }
    }
}

/// FNV-1a: where a user's number must be the same from start to start.
fn fnv1a(text: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Who sends: what `user=` in the custom attributes says, else the session. A number stands for itself, any other
/// text for its hash.
fn user(headers: &HeaderMap) -> Option<u64> {
    let attributes = headers.get(CUSTOM_ATTRIBUTES).and_then(|v| v.to_str().ok());
    let named = attributes.and_then(|a| {
        a.split([',', ';', '&']).find_map(|part| part.trim().strip_prefix("user=")).filter(|u| !u.is_empty())
    });
    let session = || headers.get(SESSION_ID).and_then(|v| v.to_str().ok());
    named.or_else(session).map(|u| u.parse().unwrap_or_else(|_| fnv1a(u.as_bytes())))
}

/// The place of the variant that serves.
fn choose(
    routes: &EndpointRoutes,
    endpoint: &str,
    headers: &HeaderMap,
    user: Option<u64>,
) -> Result<usize, Refusal> {
    let Some(named) = headers.get(TARGET_VARIANT) else {
        return Ok(match user {
            Some(user) => routes.router.sticky(user),
            None => routes.router.route(random::draw()),
        });
    };
    let shown = String::from_utf8_lossy(named.as_bytes()).into_owned();
    let place = VariantName::new(shown.as_str()).ok().and_then(|n| routes.router.target(&n));
    place.ok_or_else(|| Refusal::no_variant(&shown, endpoint))
}

/// Answers one invocation.
///
/// # Errors
/// [`Refusal`] in the runtime's words: an unknown endpoint or variant, or why the model did not answer.
pub async fn invoke(
    app: &App,
    endpoint: &str,
    headers: &HeaderMap,
    body: Bytes,
    began: Instant,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let arrival = clock::now() - began.elapsed();
    let routes = app.table.find(endpoint).ok_or_else(|| Refusal::no_endpoint(endpoint))?;
    if headers.get(CUSTOM_ATTRIBUTES).is_some_and(|a| a.len() > ATTRIBUTES_BYTES) {
        return Err(Refusal::attributes(ATTRIBUTES_BYTES));
    }
    let user = if app.settings.sticky { user(headers) } else { None };
    let place = choose(&routes, endpoint, headers, user)?;
    let Some(target) = routes.targets.get(place) else { return Err(Refusal::no_endpoint(endpoint)) };
    let origin = Origin {
        id: app.ledger.next_id(),
        arrival,
        user,
        review: body_number(&body),
        inference_id: headers.get(INFERENCE_ID).and_then(|v| v.to_str().ok()).map(str::to_owned),
    };
    let call = Call {
        content_type: headers.get(CONTENT_TYPE).cloned(),
        accept: headers.get(ACCEPT).cloned(),
        custom_attributes: headers.get(CUSTOM_ATTRIBUTES).cloned(),
        body,
        id: origin.id,
    };
    let asked = Instant::now();
    let open = Open { app, target, origin: &origin, began, asked, ended: false };
    let answer = target.backend.call(&call, How::default()).await;
    // A draw of its own: which requests are copied has nothing to do with which variant serves them.
    let copies = if routes.shadows.is_empty() { 0 } else { random::draw() };
    let keep = routes.capture.as_ref().filter(|c| c.draws(random::draw()));
    if !routes.shadows.is_empty() {
        for shadow in routes.router.copies(copies) {
            let Some(lane) = routes.shadows.get(shadow) else { continue };
            lane.send(Copy { call: call.clone(), origin: origin.clone(), capture: keep.cloned() });
        }
    }
    let model = asked.elapsed();
    open.end(Ended::of(&answer, model));
    let answer = answer.map_err(|e| Refusal::of_model(&e, endpoint))?;
    if let Some(plan) = keep {
        app.captures.keep(plan, target, &origin, (call.content_type.as_ref(), &call.body), &answer);
    }
    Ok(reply(target, answer, model))
}

fn reply(target: &Target, answer: Answer, model: Duration) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    let headers = response.headers_mut();
    // Those here, and two that every answer has.
    headers.reserve(6);
    if let Some(content_type) = answer.content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if let Some(attributes) = answer.custom_attributes {
        headers.insert(CUSTOM_ATTRIBUTES, attributes);
    }
    headers.insert(INVOKED, target.variant_header.clone());
    // A client that shows where the time went need not ask again.
    let model_us = model.as_micros().min(u128::from(u64::MAX)) as u64;
    headers.insert(MODEL_LATENCY, HeaderValue::from(model_us));
    response
}

/// Octets of a header's text that is free of what a header may not hold.
pub(super) fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("?"))
}
