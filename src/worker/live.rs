//! The line to a server: its frames come in as events, calls and invocations go out as an SDK would send them.

use std::collections::HashMap;

use gloo_net::http::{Request, RequestBuilder, Response};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::ReadableStreamDefaultReader;

use super::shell::{Shared, now_ms, rest};
use crate::{
    controller::ControlPlane,
    domain::{Command, FleetId, InvocationRecord, InvocationStatus, ReviewId, Stars, VirtualTime},
    lab::{ArrivalProcess, BatchRow, JournalEntry, LabAction, LiveTotals, Refusal, TrafficSettings},
    wire::{
        FromWorker, KeptJournal, LineTrouble, MetricQuery, ServerLine, calls,
        live::{
            EventReader, LiveFrame, LiveTraffic, MAX_OWN_TEXTS, SeriesAnswer, StreamEvent, TrafficOrder,
            body_number,
        },
    },
};

/// Pause before a line that was lost is tried again, ms.
const AGAIN_MS: i32 = 1_000;
/// Most bytes of own reviews in an order: a server takes 1 MiB unless its operator said otherwise.
const OWN_BYTES: usize = 900_000;
/// Header in which the server says how long the model took.
const MODEL_LATENCY: &str = "x-rollout-lab-model-latency-us";

/// What is done over the line. It is code that only those fetch who have a server (`parts.rs`): nothing else may name
/// these functions.
#[derive(Clone, Copy)]
pub(super) struct Calls {
    /// Opens the line, and opens it again whenever it is lost.
    pub open: fn(&Shared),
    /// Does an action at the server, and tells the page how it ended.
    pub act: fn(Shared, u64, LabAction),
    /// Asks the server for series, and answers the page.
    pub series: fn(Shared, u64, MetricQuery),
    /// Orders the server's clients anew, where the reviews that they send have changed.
    pub order_again: fn(&Shared),
}

impl Calls {
    /// These.
    pub const fn here() -> Self {
        Self { open, act, series, order_again }
    }
}

/// Whether a header can hold a text as it is: the browser throws at what it cannot.
fn fits_header(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

/// Where the server is, and what it must be told with every request.
#[derive(Clone, Debug, Default)]
struct Contact {
    base: String,
    token: Option<String>,
}

impl Contact {
    fn with(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) if fits_header(token) => request.header("authorization", &format!("Bearer {token}")),
            // One that no header can hold is no server's: without it the server says that it is wrong.
            _ => request,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.with(Request::get(&format!("{}{path}", self.base)))
    }

    fn post(&self, path: &str, content_type: &str) -> RequestBuilder {
        self.with(Request::post(&format!("{}{path}", self.base))).header("content-type", content_type)
    }
}

/// The line to the server.
pub(super) struct Line {
    contact: Contact,
    /// Which text a body's number stands for.
    texts: HashMap<ReviewId, (ReviewId, Option<Stars>)>,
    epoch: Option<u64>,
    plane: Option<(ControlPlane, VirtualTime)>,
    /// Told last.
    told: ServerLine,
    /// The last event's number: the server goes on after it.
    last: Option<String>,
    /// Whether the line waits for a token.
    waits: bool,
    /// The server's own clients, as the last frame told.
    traffic: Option<LiveTraffic>,
}

impl Line {
    /// A line to `base`, not opened yet. `texts` are those that a body may carry.
    pub fn new<'a>(base: String, texts: impl Iterator<Item = (ReviewId, Option<Stars>, &'a str)>) -> Self {
        let mut known = HashMap::new();
        for (review, stars, text) in texts {
            // The two bodies that this program sends: the page's, and the traffic generator's.
            known.insert(body_number(calls::features(text).as_bytes()), (review, stars));
            known.insert(body_number(text.as_bytes()), (review, stars));
        }
        Self {
            contact: Contact { base, token: None },
            texts: known,
            epoch: None,
            plane: None,
            told: ServerLine::default(),
            last: None,
            waits: false,
            traffic: None,
        }
    }

    /// How it stands.
    pub fn told(&self) -> ServerLine {
        self.told.clone()
    }

    /// The server's control plane and time, as the last frames told them.
    pub fn plane(&self) -> Option<(ControlPlane, VirtualTime)> {
        self.plane.clone()
    }

    /// A text that was written by hand, or is the learner's own; with its stars where known.
    pub fn knows(&mut self, review: ReviewId, text: &str, stars: Option<Stars>) {
        self.texts.insert(body_number(calls::features(text).as_bytes()), (review, stars));
    }

    /// Takes the token; true where the line waited for one, and is to be opened with it.
    pub fn take_token(&mut self, token: String) -> bool {
        self.contact.token = Some(token);
        std::mem::take(&mut self.waits)
    }

    fn named(&self, mut record: InvocationRecord) -> InvocationRecord {
        match self.texts.get(&record.review) {
            Some((review, stars)) => (record.review, record.true_stars) = (*review, *stars),
            // No text of this page.
            None => record.review = ReviewId(u32::MAX),
        }
        record
    }
}

/// Opens the line, and opens it again whenever it is lost; without a token that the server asks for it waits for one.
fn open(shared: &Shared) {
    let shared = shared.clone();
    spawn_local(async move {
        loop {
            let trouble = follow(&shared).await;
            let waits = matches!(trouble, LineTrouble::TokenNeeded | LineTrouble::TokenWrong);
            {
                let mut worker = shared.borrow_mut();
                if let Some(line) = worker.line_mut() {
                    (line.told.connected, line.told.trouble) = (false, Some(trouble));
                    line.waits = waits;
                }
                worker.tell_line();
            }
            if waits {
                return;
            }
            rest(AGAIN_MS).await;
        }
    });
}

/// Follows the server's frames until there are no more; gives the reason.
///
/// By `fetch`, not by an `EventSource`, which could neither send a token nor tell what the server refused.
async fn follow(shared: &Shared) -> LineTrouble {
    let Some((contact, last)) = shared.borrow().line().map(|l| (l.contact.clone(), l.last.clone())) else {
        return LineTrouble::Unreachable;
    };
    let request = contact.get("api/live");
    let request = match &last {
        Some(id) if fits_header(id) => request.header("last-event-id", id),
        _ => request,
    };
    let Ok(response) = request.send().await else { return LineTrouble::Unreachable };
    if response.status() == 401 {
        return match contact.token {
            None => LineTrouble::TokenNeeded,
            Some(_) => LineTrouble::TokenWrong,
        };
    }
    if !response.ok() {
        return LineTrouble::Refused(refusal_of(response).await.message.trim().to_owned());
    }
    let Some(body) = response.body() else { return LineTrouble::Unreachable };
    let chunks: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut reader = EventReader::default();
    loop {
        let Ok(chunk) = JsFuture::from(chunks.read()).await else { return LineTrouble::Unreachable };
        let get = |key: &str| js_sys::Reflect::get(&chunk, &JsValue::from_str(key)).unwrap_or_default();
        if get("done").is_truthy() {
            return LineTrouble::Unreachable;
        }
        let bytes = get("value").unchecked_into::<js_sys::Uint8Array>().to_vec();
        match reader.push(&bytes) {
            Ok(events) => events.into_iter().for_each(|event| hear(shared, event)),
            Err(e) => return LineTrouble::Refused(e.to_string()),
        }
    }
}

fn hear(shared: &Shared, event: StreamEvent) {
    if event.name != "frame" {
        return;
    }
    match serde_json::from_str::<LiveFrame>(&event.data) {
        Ok(frame) => {
            if let Some(line) = shared.borrow_mut().line_mut() {
                line.last = event.id;
            }
            take(shared, frame);
        }
        Err(e) => shared.borrow().say(&FromWorker::Trouble(format!(
            "the server says what this page does not understand ({e}); reload the page"
        ))),
    }
}

fn take(shared: &Shared, frame: LiveFrame) {
    let mut worker = shared.borrow_mut();
    let Some(line) = worker.line_mut() else { return };
    let anew = line.epoch.replace(frame.epoch).is_some_and(|before| before != frame.epoch);
    let records: Vec<_> = frame.records.iter().map(|r| line.named(r.record)).collect();
    (line.told.connected, line.told.trouble) = (true, None);
    line.traffic.clone_from(&frame.traffic);
    line.told.missed = if anew { 0 } else { line.told.missed } + frame.missed;
    line.told.places = frame.fleets.iter().map(|f| format!("{}: {}", f.variant, f.place)).collect();
    let totals = frame.fleets.iter().map(|f| {
        let totals = LiveTotals {
            invocations: f.answered + f.client_errors + f.model_errors + f.overloaded,
            errors_4xx: f.client_errors,
            errors_5xx: f.model_errors + f.overloaded,
            model_latency_sum_ns: f.model_us as f64 * 1e3,
            copies: !f.production,
            dropped: f.dropped,
        };
        (FleetId(f.fleet), totals)
    });
    let totals: Vec<_> = totals.collect();
    if let Some((_, now)) = &mut line.plane {
        *now = frame.now;
    }
    if let Some(plane) = &frame.plane {
        line.plane = Some((plane.state.clone(), frame.now));
    }
    let experiment = worker.experiment_mut();
    if anew {
        experiment.begin_anew();
    }
    if let Some(plane) = frame.plane {
        experiment.adopt(plane.state, frame.now);
    }
    experiment.observe_live(&records, frame.now);
    experiment.show_traffic(frame.traffic.map(|t| shown(&t.order)));
    experiment.count_live(totals);
    worker.tell_line();
}

/// What clients that were ordered so look like in the lab.
fn shown(order: &TrafficOrder) -> TrafficSettings {
    TrafficSettings {
        on: true,
        per_second: order.per_second,
        process: if order.constant { ArrivalProcess::Constant } else { ArrivalProcess::Poisson },
        star_mix: order.star_mix,
        domain_mix: order.domain_mix,
        sticky: false,
    }
}

/// Why a request to the server came to nothing.
fn unreachable(e: gloo_net::Error) -> Refusal {
    Refusal {
        code: "EndpointConnectionError".into(),
        http: 503,
        message: format!("the server does not answer ({e})"),
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(alias = "Message", alias = "message", default)]
    message: String,
}

async fn refusal_of(response: Response) -> Refusal {
    let http = response.status();
    let header = response.headers().get("x-amzn-errortype");
    let text = response.text().await.unwrap_or_default();
    let body = serde_json::from_str::<ErrorBody>(&text).ok();
    let code = body.as_ref().map(|b| b.code.clone()).filter(|c| !c.is_empty()).or(header);
    let code = code.map_or_else(|| format!("Http{http}"), |c| c.rsplit('#').next().unwrap_or(&c).to_owned());
    let message = body.map(|b| b.message).filter(|m| !m.is_empty()).unwrap_or(text);
    Refusal { code, http, message }
}

/// Which service takes a call.
fn service(command: &Command) -> &'static str {
    match command.operation() {
        o if o.contains("Alarm") => "GraniteServiceVersion20100801",
        o if o.contains("Scal") => "AnyScaleFrontendService",
        _ => "SageMaker",
    }
}

async fn call(contact: &Contact, command: &Command) -> Result<(), Refusal> {
    let target = format!("{}.{}", service(command), command.operation());
    let request = contact
        .post("", "application/x-amz-json-1.1")
        .header("x-amz-target", &target)
        .body(calls::json(command))
        .map_err(unreachable)?;
    let response = request.send().await.map_err(unreachable)?;
    if response.ok() { Ok(()) } else { Err(refusal_of(response).await) }
}

#[derive(Deserialize, Default)]
struct Answer {
    #[serde(default)]
    predicted_label: Option<u8>,
    #[serde(default)]
    probabilities: Vec<f64>,
}

async fn invoke(
    contact: &Contact,
    endpoint: &str,
    text: &str,
    stars: Option<Stars>,
    target: Option<&str>,
) -> Result<BatchRow, Refusal> {
    let path = format!("endpoints/{endpoint}/invocations");
    let mut request = contact.post(&path, "application/jsonlines");
    if let Some(target) = target {
        request = request.header("x-amzn-sagemaker-target-variant", target);
    }
    let began = now_ms();
    let request = request.body(calls::features(text)).map_err(unreachable)?;
    let response = request.send().await.map_err(unreachable)?;
    let whole_us = (now_ms() - began) * 1e3;
    let variant = response.headers().get("x-amzn-invoked-production-variant").unwrap_or_default();
    let model_us =
        response.headers().get(MODEL_LATENCY).and_then(|v| v.parse::<f64>().ok()).unwrap_or(whole_us);
    let mut row = BatchRow {
        text: text.to_owned(),
        true_stars: stars,
        predicted: None,
        probabilities: Vec::new(),
        variant,
        status: InvocationStatus::Answered,
        model_latency_us: model_us,
        overhead_us: (whole_us - model_us).max(0.0),
    };
    if !response.ok() {
        let refusal = refusal_of(response).await;
        // No endpoint, no such variant: nothing would answer the others either.
        if refusal.code.starts_with("Validation") {
            return Err(refusal);
        }
        row.status =
            if refusal.http < 500 { InvocationStatus::ClientError } else { InvocationStatus::ModelError };
        return Ok(row);
    }
    let answer: Answer =
        serde_json::from_str(response.text().await.map_err(unreachable)?.trim()).unwrap_or_default();
    row.predicted = answer.predicted_label.and_then(|l| Stars::new(l.into()).ok());
    row.probabilities = answer.probabilities;
    Ok(row)
}

async fn send(
    shared: &Shared,
    endpoint: &str,
    texts: Vec<(String, Option<Stars>)>,
    target: Option<&str>,
    own_words: bool,
) -> Result<(), Refusal> {
    let contact = contact_of(shared);
    let mut rows = Vec::with_capacity(texts.len());
    for (text, stars) in &texts {
        rows.push(invoke(&contact, endpoint, text, *stars, target).await?);
    }
    shared.borrow_mut().experiment_mut().add_live_batch(endpoint, own_words, rows);
    Ok(())
}

fn contact_of(shared: &Shared) -> Contact {
    shared.borrow().line().map(|l| l.contact.clone()).unwrap_or_default()
}

/// Whether an action goes to the server.
pub(super) const fn goes_out(action: &LabAction) -> bool {
    matches!(
        action,
        LabAction::Call(_)
            | LabAction::Invoke { .. }
            | LabAction::InvokeSample { .. }
            | LabAction::SetTraffic(_)
    )
}

fn act(shared: Shared, id: u64, action: LabAction) {
    spawn_local(async move {
        let outcome = match &action {
            LabAction::Call(command) => call(&contact_of(&shared), command).await,
            LabAction::Invoke { endpoint_name, texts, target_variant } => {
                shared.borrow_mut().learn_texts(texts);
                let texts = texts.iter().map(|t| (t.clone(), None)).collect();
                send(&shared, endpoint_name, texts, target_variant.as_deref(), true).await
            }
            LabAction::InvokeSample { endpoint_name, count, target_variant } => {
                let texts = shared.borrow_mut().experiment_mut().sample_texts(*count);
                match texts {
                    Ok(texts) => send(&shared, endpoint_name, texts, target_variant.as_deref(), false).await,
                    Err(refusal) => Err(refusal),
                }
            }
            LabAction::SetTraffic(settings) => traffic(&shared, settings).await,
            _ => Ok(()),
        };
        let mut worker = shared.borrow_mut();
        // What the learner changed is told beside the metrics, as over simulated endpoints.
        let entry = outcome.is_ok().then(|| worker.experiment_mut().note_live(&action));
        let entry = entry.and_then(|at| KeptJournal::entry(&JournalEntry { at, action }).ok());
        worker.say(&FromWorker::Done { id, outcome, entry });
        worker.mark_changed();
    });
}

/// Orders the clients anew where some call: the learner's own reviews came or went.
fn order_again(shared: &Shared) {
    let settings = shared.borrow().line().and_then(|l| l.traffic.as_ref()).map(|t| shown(&t.order));
    let Some(settings) = settings else { return };
    let shared = shared.clone();
    spawn_local(async move {
        if let Err(refusal) = traffic(&shared, &settings).await {
            shared.borrow().say(&FromWorker::Trouble(refusal.message));
        }
    });
}

/// As many of the learner's own reviews as an order may carry.
fn own_texts(shared: &Shared) -> Vec<(String, Option<Stars>)> {
    let worker = shared.borrow();
    let mut room = OWN_BYTES;
    let own = worker.experiment().corpus().own().iter().take(MAX_OWN_TEXTS);
    let fitting = own.take_while(|r| {
        // Quotes, and what JSON must write longer than it is.
        let bytes =
            r.text.len() + r.text.bytes().filter(|b| *b < b' ' || b"\"\\".contains(b)).count() * 5 + 16;
        room.checked_sub(bytes).inspect(|left| room = *left).is_some()
    });
    fitting.map(|r| (r.text.clone(), r.stars)).collect()
}

async fn traffic(shared: &Shared, settings: &TrafficSettings) -> Result<(), Refusal> {
    let endpoint = shared.borrow().experiment().live_endpoint().map(str::to_owned);
    let order = TrafficOrder {
        on: settings.on,
        endpoint: endpoint.unwrap_or_default(),
        per_second: settings.per_second,
        constant: settings.process == ArrivalProcess::Constant,
        domain_mix: settings.domain_mix,
        star_mix: settings.star_mix,
        texts: if settings.on { own_texts(shared) } else { Vec::new() },
    };
    if order.on && order.endpoint.is_empty() {
        return Err(Refusal::lab_rule("no endpoint serves yet: create one first, then let the clients call"));
    }
    if matches!(settings.process, ArrivalProcess::DailyCycle { .. }) {
        return Err(Refusal::lab_rule(
            "the server's clients know no day and night; choose another arrival process",
        ));
    }
    let contact = contact_of(shared);
    let body = serde_json::to_string(&order).unwrap_or_default();
    let request = contact.with(Request::put(&format!("{}api/traffic", contact.base)));
    let request = request.header("content-type", "application/json").body(body).map_err(unreachable)?;
    let response = request.send().await.map_err(unreachable)?;
    if response.ok() { Ok(()) } else { Err(refusal_of(response).await) }
}

fn series(shared: Shared, id: u64, query: MetricQuery) {
    spawn_local(async move {
        let contact = contact_of(&shared);
        let asked = async {
            let words = |e: gloo_net::Error| format!("the server does not answer ({e})");
            let body = serde_json::to_string(&query).map_err(|e| e.to_string())?;
            let request = contact.post("api/series", "application/json");
            let response = request.body(body).map_err(words)?.send().await.map_err(words)?;
            let text = response.text().await.map_err(words)?;
            serde_json::from_str::<SeriesAnswer>(&text).map_err(|_| text)
        };
        let (series, published_until_s) = match asked.await {
            Ok(answer) => (Ok(answer.series), answer.published_until_s),
            Err(why) => (Err(why), 0),
        };
        let worker = shared.borrow();
        let changes = worker.experiment().changes(&query.endpoint_name);
        worker.say(&FromWorker::Series { id, series, published_until_s, changes });
    });
}
