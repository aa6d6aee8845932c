//! The line to a server: its frames come in as events, calls and invocations go out as an SDK would send them.

use std::collections::HashMap;

use gloo_net::http::{Request, Response};
use serde::Deserialize;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{EventSource, MessageEvent};

use super::shell::{Shared, now_ms};
use crate::{
    controller::ControlPlane,
    domain::{Command, FleetId, InvocationRecord, InvocationStatus, ReviewId, Stars, VirtualTime},
    lab::{ArrivalProcess, BatchRow, JournalEntry, LabAction, LiveTotals, Refusal, TrafficSettings},
    wire::{
        FromWorker, KeptJournal, MetricQuery, ServerLine, calls,
        live::{LiveFrame, SeriesAnswer, TrafficOrder},
    },
};

/// Pause before a line that the browser gave up is tried again, ms.
const AGAIN_MS: i32 = 1_000;
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
}

impl Calls {
    /// These.
    pub const fn here() -> Self {
        Self { open, act, series }
    }
}

/// The line to the server.
pub(super) struct Line {
    base: String,
    /// Which text a body's number stands for.
    texts: HashMap<u32, (ReviewId, Option<Stars>)>,
    epoch: Option<u64>,
    plane: Option<(ControlPlane, VirtualTime)>,
    /// Told last.
    told: ServerLine,
    /// Held, so that the browser does not collect it while it is listened to.
    source: Option<EventSource>,
}

fn number(body: &[u8]) -> u32 {
    let hash = |h: u64, b: &u8| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
    body.iter().fold(0xcbf2_9ce4_8422_2325, hash) as u32
}

impl Line {
    /// A line to `base`, not opened yet. `texts` are those that a body may carry.
    pub fn new<'a>(base: String, texts: impl Iterator<Item = (ReviewId, Option<Stars>, &'a str)>) -> Self {
        let mut known = HashMap::new();
        for (review, stars, text) in texts {
            // The two bodies that this program sends: the page's, and the traffic generator's.
            known.insert(number(calls::features(text).as_bytes()), (review, stars));
            known.insert(number(text.as_bytes()), (review, stars));
        }
        let told = ServerLine::default();
        Self { base, texts: known, epoch: None, plane: None, told, source: None }
    }

    /// How it stands.
    pub fn told(&self) -> ServerLine {
        self.told.clone()
    }

    /// The server's control plane and time, as the last frames told them.
    pub fn plane(&self) -> Option<(ControlPlane, VirtualTime)> {
        self.plane.clone()
    }

    /// A text that was written by hand.
    pub fn knows(&mut self, review: ReviewId, text: &str) {
        self.texts.insert(number(calls::features(text).as_bytes()), (review, None));
    }

    fn named(&self, mut record: InvocationRecord) -> InvocationRecord {
        match self.texts.get(&record.review.0) {
            Some((review, stars)) => (record.review, record.true_stars) = (*review, *stars),
            // No text of this page.
            None => record.review = ReviewId(u32::MAX),
        }
        record
    }
}

fn open(shared: &Shared) {
    let Some(url) = shared.borrow().line().map(|l| format!("{}api/live", l.base)) else { return };
    let source = match EventSource::new(&url) {
        Ok(source) => source,
        Err(_) => return lost(shared, None),
    };
    let hearing = shared.clone();
    let on_frame = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let text = event.data().as_string().unwrap_or_default();
        match serde_json::from_str::<LiveFrame>(&text) {
            Ok(frame) => take(&hearing, frame),
            Err(e) => hearing.borrow().say(&FromWorker::Trouble(format!(
                "the server says what this page does not understand ({e}); reload the page"
            ))),
        }
    });
    let listened =
        source.add_event_listener_with_callback("frame", on_frame.as_ref().unchecked_ref()).is_ok();
    let losing = shared.clone();
    let failing = source.clone();
    let on_error = Closure::<dyn FnMut()>::new(move || lost(&losing, Some(&failing)));
    source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // They listen as long as the line lives, which is as long as the worker: one that is given up is closed.
    on_frame.forget();
    on_error.forget();
    if listened && let Some(line) = shared.borrow_mut().line_mut() {
        line.source = Some(source);
    }
}

fn lost(shared: &Shared, source: Option<&EventSource>) {
    {
        let mut worker = shared.borrow_mut();
        if let Some(line) = worker.line_mut() {
            line.told.connected = false;
        }
        worker.tell_line();
    }
    // A browser tries again by itself, unless the answer was no stream of events.
    if source.is_some_and(|s| s.ready_state() != EventSource::CLOSED) {
        return;
    }
    let again = shared.clone();
    let open_again = Closure::once_into_js(move || open(&again));
    let worker = shared.borrow();
    let _ = worker
        .scope()
        .set_timeout_with_callback_and_timeout_and_arguments_0(open_again.unchecked_ref(), AGAIN_MS);
}

fn take(shared: &Shared, frame: LiveFrame) {
    let mut worker = shared.borrow_mut();
    let Some(line) = worker.line_mut() else { return };
    let anew = line.epoch.replace(frame.epoch).is_some_and(|before| before != frame.epoch);
    let records: Vec<_> = frame.records.iter().map(|r| line.named(r.record)).collect();
    line.told.connected = true;
    line.told.missed = if anew { 0 } else { line.told.missed } + frame.missed;
    line.told.places = frame.fleets.iter().map(|f| format!("{}: {}", f.variant, f.place)).collect();
    let totals = frame.fleets.iter().map(|f| {
        let totals = LiveTotals {
            invocations: f.answered + f.client_errors + f.model_errors + f.overloaded,
            errors_4xx: f.client_errors,
            errors_5xx: f.model_errors + f.overloaded,
            model_latency_sum_ns: f.model_us as f64 * 1e3,
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
    if let Some(plane) = frame.plane {
        experiment.adopt(plane.state, frame.now);
    }
    experiment.observe_live(&records, frame.now);
    experiment.show_traffic(frame.traffic.map(|t| (t.order.per_second, t.order.constant)));
    experiment.count_live(totals);
    worker.tell_line();
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

async fn call(base: &str, command: &Command) -> Result<(), Refusal> {
    let target = format!("{}.{}", service(command), command.operation());
    let request = Request::post(base)
        .header("x-amz-target", &target)
        .header("content-type", "application/x-amz-json-1.1")
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
    base: &str,
    endpoint: &str,
    text: &str,
    stars: Option<Stars>,
    target: Option<&str>,
) -> Result<BatchRow, Refusal> {
    let mut request = Request::post(&format!("{base}endpoints/{endpoint}/invocations"))
        .header("content-type", "application/jsonlines");
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
    let base = shared.borrow().line().map(|l| l.base.clone()).unwrap_or_default();
    let mut rows = Vec::with_capacity(texts.len());
    for (text, stars) in &texts {
        rows.push(invoke(&base, endpoint, text, *stars, target).await?);
    }
    shared.borrow_mut().experiment_mut().add_live_batch(endpoint, own_words, rows);
    Ok(())
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
        let base = shared.borrow().line().map(|l| l.base.clone()).unwrap_or_default();
        let outcome = match &action {
            LabAction::Call(command) => call(&base, command).await,
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
            LabAction::SetTraffic(settings) => {
                let endpoint = shared.borrow().experiment().live_endpoint().map(str::to_owned);
                traffic(&base, endpoint, settings).await
            }
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

async fn traffic(base: &str, endpoint: Option<String>, settings: &TrafficSettings) -> Result<(), Refusal> {
    let order = TrafficOrder {
        on: settings.on,
        endpoint: endpoint.unwrap_or_default(),
        per_second: settings.per_second,
        constant: settings.process == ArrivalProcess::Constant,
    };
    if order.on && order.endpoint.is_empty() {
        return Err(Refusal::lab_rule("no endpoint serves yet: create one first, then let the clients call"));
    }
    if matches!(settings.process, ArrivalProcess::DailyCycle { .. }) {
        return Err(Refusal::lab_rule(
            "the server's clients know no day and night; choose another arrival process",
        ));
    }
    let body = serde_json::to_string(&order).unwrap_or_default();
    let request = Request::put(&format!("{base}api/traffic")).header("content-type", "application/json");
    let response = request.body(body).map_err(unreachable)?.send().await.map_err(unreachable)?;
    if response.ok() { Ok(()) } else { Err(refusal_of(response).await) }
}

fn series(shared: Shared, id: u64, query: MetricQuery) {
    spawn_local(async move {
        let base = shared.borrow().line().map(|l| l.base.clone()).unwrap_or_default();
        let asked = async {
            let words = |e: gloo_net::Error| format!("the server does not answer ({e})");
            let body = serde_json::to_string(&query).map_err(|e| e.to_string())?;
            let request =
                Request::post(&format!("{base}api/series")).header("content-type", "application/json");
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
