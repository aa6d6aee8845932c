//! Frames of the live feed; their form and how to resume are in [`crate::wire::live`].

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use serde_json::{Value, json};

use super::{app::App, aws, clock, routes::Target};
use crate::{
    analysis::metrics::{QueryError, SeriesQuery},
    controller::{describe, reply_to},
    domain::{ByExperimentName, Command, EndpointName, SECOND_NS, VariantName},
    wire::{
        MetricQuery, VariantSeries,
        live::{LiveFleet, LiveFrame, LivePlane, LiveRecord, LiveUpstream, SeriesAnswer},
    },
};

/// Time between two frames.
const EVERY: Duration = Duration::from_millis(500);
/// Most records in a frame: all of them up to 1,024 a second, which are some 300 kB.
const SAMPLE: usize = 512;

/// The state of the control plane.
fn plane(app: &App) -> LivePlane {
    let version = app.control.version();
    let state = app.control.state();
    let experiment = |name: &str| {
        let asked = Command::DescribeInferenceExperiment(ByExperimentName { name: name.to_owned() });
        reply_to(&asked, &state.plane)
    };
    let alarms = reply_to(&Command::DescribeAlarms { alarm_names: Vec::new() }, &state.plane);
    LivePlane {
        version,
        state: state.plane.clone(),
        models: aws::models(&state),
        configs: aws::configs(&state),
        endpoints: state.plane.endpoints().map(describe).collect(),
        experiments: state.plane.inference_experiments().map(|e| experiment(e.name.as_str())).collect(),
        alarms: alarms.get("MetricAlarms").and_then(Value::as_array).cloned().unwrap_or_default(),
        upstreams: app
            .backends
            .upstreams()
            .map(|u| LiveUpstream { name: u.name.clone(), is_well: u.is_well() })
            .collect(),
    }
}

fn fleet(target: &Target, dropped: u64) -> LiveFleet {
    let t = target.totals(dropped);
    let [answered, client_errors, model_errors, overloaded] = t.by_status;
    LiveFleet {
        endpoint: target.endpoint.to_string(),
        variant: target.variant.to_string(),
        fleet: target.fleet.0,
        production: target.production,
        place: target.backend.place().to_owned(),
        answered,
        client_errors,
        model_errors,
        overloaded,
        model_us: t.model_ns / 1_000,
        overhead_us: t.overhead_ns / 1_000,
        by_stars: t.by_stars,
        dropped: t.dropped,
    }
}

/// What has happened since the record `seq`, with the whole state unless it has the version `known`.
pub fn frame(app: &App, seq: u64, known: Option<u64>) -> LiveFrame {
    let (recent, newest) = app.ledger.recent(seq, SAMPLE);
    let mut fleets: Vec<_> = app
        .table
        .all()
        .values()
        .flat_map(|routes| {
            let serving = routes.targets.iter().map(|t| fleet(t, 0));
            serving.chain(routes.shadows.iter().map(|l| fleet(&l.target, l.dropped()))).collect::<Vec<_>>()
        })
        .collect();
    fleets.sort_by_key(|f| f.fleet);
    LiveFrame {
        epoch: app.epoch,
        seq: newest,
        now: clock::now(),
        plane: (known != Some(app.control.version())).then(|| plane(app)),
        fleets,
        traffic: app.traffic.state(),
        missed: newest.saturating_sub(seq).saturating_sub(recent.len() as u64),
        records: recent
            .into_iter()
            .map(|r| LiveRecord { seq: r.seq, record: r.record, http: r.record.status.http() })
            .collect(),
    }
}

/// Series of an endpoint's variants.
///
/// # Errors
/// [`QueryError`] for a period, span or number of points that the service refuses too.
pub fn series(app: &App, query: &MetricQuery) -> Result<SeriesAnswer, QueryError> {
    let asked = SeriesQuery {
        metric: query.metric,
        statistic: query.statistic,
        period_s: query.period_s,
        start_s: query.start_s,
        end_s: query.end_s,
    };
    let now = clock::now();
    app.ledger.metrics(now, |metrics| {
        let of = |(endpoint, variant): (&EndpointName, &VariantName)| {
            let datapoints = metrics.series(endpoint, variant, &asked, now)?;
            Ok(VariantSeries { variant: variant.to_string(), datapoints })
        };
        let series = metrics.variants().filter(|(e, _)| e.as_str() == query.endpoint_name).map(of);
        Ok(SeriesAnswer {
            series: series.collect::<Result<_, _>>()?,
            published_until_s: metrics.published_until(now).as_ns() / SECOND_NS,
        })
    })
}

struct Feed {
    app: Arc<App>,
    seq: u64,
    known: Option<u64>,
    first: bool,
}

fn frames(feed: Feed) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(feed, |mut feed| async move {
        if !feed.first {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = feed.app.ending() => return None,
            }
        }
        feed.first = false;
        let frame = frame(&feed.app, feed.seq, feed.known);
        feed.seq = frame.seq;
        if let Some(plane) = &frame.plane {
            feed.known = Some(plane.version);
        }
        let id = format!("{}-{}", frame.epoch, frame.seq);
        let event = Event::default().event("frame").id(id).data(json!(frame).to_string());
        Some((Ok(event), feed))
    })
}

/// `GET /api/live`. `last` is what the browser saw last, as it says in `Last-Event-ID`.
pub fn feed(app: Arc<App>, last: Option<&str>) -> Response {
    let seen = last.and_then(|l| l.split_once('-')).filter(|(epoch, _)| *epoch == app.epoch.to_string());
    // Who comes for the first time gets no past.
    let seq = seen.and_then(|(_, seq)| seq.parse().ok()).unwrap_or_else(|| app.ledger.recorded());
    let feed = Feed { app, seq, known: None, first: true };
    Sse::new(frames(feed)).keep_alive(KeepAlive::default()).into_response()
}
