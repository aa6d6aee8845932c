//! `rollout-lab simulate`: the lab's engine without a page.

use serde_json::{Value, json};

use super::{Scenario, predict::load};
use crate::{
    analysis::metrics::{Metric, SeriesQuery, Statistic},
    controller::EndpointStatus,
    domain::{Artifact, Command, ContainerImage, ContainerInput, ImageScope, ReviewId, VirtualTime},
    inference::{ModelError, Tokens},
    lab::{Experiment, LabAction, LabId, Progress, Refusal, TrafficSettings, describe},
    simulation::{Fault, unmeasured_cost},
};

/// Why a scenario could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A call was refused.
    #[error("at `{path}`: {code}: {message}")]
    Refused {
        /// Where the call stands in the scenario.
        path: String,
        /// Error code.
        code: String,
        /// The service's words.
        message: String,
    },
    /// The endpoint never served.
    #[error("the endpoint did not come into service: {reason}")]
    NotInService {
        /// Its failure reason.
        reason: String,
    },
    /// A shipped model cannot be run.
    #[error(transparent)]
    Model(#[from] ModelError),
}

fn refused(path: impl Into<String>) -> impl FnOnce(Refusal) -> SimulateError {
    let path = path.into();
    move |r| SimulateError::Refused { path, code: r.code, message: r.message }
}

/// Asks each model about every review, so that traffic can be answered; with skewed input too, when a fault asks for it.
fn answer_all(e: &mut Experiment, artifacts: &[Artifact], skewed: bool) -> Result<(), ModelError> {
    for &artifact in artifacts {
        let model = load(artifact)?;
        for i in 0..e.table().reviews() as u32 {
            let tokens = Tokens::of(e.text(ReviewId(i)).unwrap_or_default());
            let answer = model.predict(&tokens)?;
            e.table_mut().answer(artifact, ReviewId(i), answer);
            if skewed {
                let answer = model.predict(&tokens.skewed())?;
                e.table_mut().answer_skewed(artifact, ReviewId(i), answer);
            }
        }
    }
    Ok(())
}

/// Runs a scenario to its end and says what became of it.
///
/// # Errors
/// [`SimulateError`] for the first call that is refused, with its place in the scenario.
pub fn simulate(scenario: &Scenario, seed: Option<u64>) -> Result<Value, SimulateError> {
    let seed = seed.unwrap_or(scenario.seed);
    let mut e = Experiment::new(LabId::Sandbox, seed);
    let image = ContainerImage::retrieve(ImageScope::Inference, false).as_str().to_owned();
    for (name, artifact) in &scenario.models {
        let cost = unmeasured_cost(*artifact);
        let stated = scenario.model_costs.get(artifact);
        let (base_us, per_token_us) = stated
            .map_or((cost.base_us, cost.per_token_us), |c| (c.base_microseconds, c.per_token_microseconds));
        let cost = LabAction::StateCost { artifact: *artifact, base_us, per_token_us };
        e.act(&cost).map_err(refused(format!("ModelCosts.{artifact}")))?;
        if e.control_plane().models().any(|m| m.name.as_str() == name) {
            // A name that the lab has a model of already: the scenario's own takes its place.
            let _ = e.act(&LabAction::Call(Command::DeleteModel { model_name: name.clone() }));
        }
        let create = Command::CreateModel {
            model_name: name.clone(),
            primary_container: ContainerInput {
                image: image.clone(),
                model_data_url: artifact.model_data_url(),
            },
        };
        e.act(&LabAction::Call(create)).map_err(refused(format!("Models.{name}")))?;
    }
    let config = &scenario.endpoint_config;
    let create = Command::CreateEndpointConfig {
        endpoint_config_name: config.endpoint_config_name.clone(),
        production_variants: config.production_variants.clone(),
        shadow_production_variants: config.shadow_production_variants.clone(),
        data_capture_config: None,
    };
    e.act(&LabAction::Call(create)).map_err(refused("EndpointConfig"))?;
    let create = Command::CreateEndpoint {
        endpoint_name: scenario.endpoint_name.clone(),
        endpoint_config_name: config.endpoint_config_name.clone(),
        deployment_config: None,
    };
    e.act(&LabAction::Call(create)).map_err(refused("EndpointName"))?;

    let artifacts: Vec<Artifact> =
        Artifact::ALL.into_iter().filter(|a| scenario.models.values().any(|m| m == a)).collect();
    let skewed = scenario.faults.iter().any(|f| f.fault == Fault::SkewedTokenizer);
    answer_all(&mut e, &artifacts, skewed)?;
    run_to(&mut e, VirtualTime::END)?;
    let endpoint = e.control_plane().endpoint(&scenario.endpoint_name);
    let failed = endpoint.filter(|e| e.status != EndpointStatus::InService);
    if let Some(failed) = failed {
        let reason = failed.failure_reason.clone().unwrap_or_else(|| failed.status.to_string());
        return Err(SimulateError::NotInService { reason });
    }

    let t = &scenario.traffic;
    let traffic = TrafficSettings {
        on: true,
        per_second: t.per_second,
        process: t.process,
        star_mix: t.star_mix,
        domain_mix: t.domain_mix.into(),
        sticky: t.sticky,
    };
    e.act(&LabAction::SetTraffic(traffic)).map_err(refused("Traffic"))?;
    let began = e.now();
    let at = |second: u64| began + std::time::Duration::from_secs(second);
    for (i, f) in scenario.faults.iter().enumerate() {
        let inject = LabAction::InjectFault {
            variant: f.variant_name.clone(),
            fault: f.fault,
            starts_in_s: Some(f.at_second),
            lasts_s: f.lasts_seconds,
        };
        e.act(&inject).map_err(refused(format!("Faults[{i}]")))?;
    }
    let mut calls: Vec<_> = scenario.calls.iter().enumerate().collect();
    calls.sort_by_key(|(_, c)| c.at_second);
    for (i, call) in calls {
        run_to(&mut e, at(call.at_second.min(scenario.duration_in_seconds)))?;
        e.act(&LabAction::Call(call.call.clone())).map_err(refused(format!("Calls[{i}].Call")))?;
    }
    run_to(&mut e, at(scenario.duration_in_seconds))?;
    Ok(report(&e, scenario, seed, began))
}

/// Lets time go on; [`VirtualTime::END`] means until nothing is under way.
fn run_to(e: &mut Experiment, until: VirtualTime) -> Result<(), SimulateError> {
    let until = if until == VirtualTime::END { e.control_plane().next_transition() } else { until };
    if until == VirtualTime::END {
        return Ok(());
    }
    match e.run_to(until, u64::MAX) {
        Progress::WaitsFor(artifact) => Err(SimulateError::NotInService {
            reason: format!("{artifact} is used by no model of the scenario"),
        }),
        Progress::Reached | Progress::OutOfBudget => Ok(()),
    }
}

fn report(e: &Experiment, scenario: &Scenario, seed: u64, began: VirtualTime) -> Value {
    let (sent, answered) = e.counts();
    let (start_s, end_s) = (began.as_ns() / 1_000_000_000, e.now().as_ns().div_ceil(1_000_000_000));
    let series = |metric: Metric, statistic: Statistic| {
        // One point over everything: as few periods as the service gives out.
        let period_s = (end_s.max(60)).div_ceil(60) * 60;
        let query = SeriesQuery {
            metric,
            statistic,
            period_s,
            start_s: start_s / period_s * period_s,
            end_s: end_s + period_s,
        };
        e.series(&scenario.endpoint_name, &query).unwrap_or_default()
    };
    let names: Vec<String> =
        series(Metric::Invocations, Statistic::Sum).into_iter().map(|(variant, _)| variant).collect();
    let variants: Vec<Value> = names
        .iter()
        .map(|name| {
            let figure = |metric, statistic| {
                let all = series(metric, statistic);
                all.into_iter().find(|(v, _)| v == name).and_then(|(_, points)| points.last().map(|p| p.value))
            };
            let tally = e
                .control_plane()
                .endpoint(&scenario.endpoint_name)
                .map(|endpoint| e.tally_by_name(&endpoint.name, name))
                .unwrap_or_default();
            let labelled = tally.labelled.max(1) as f64;
            json!({
                "VariantName": name,
                "Invocations": tally.invocations,
                "Invocation4XXErrors": tally.errors_4xx,
                "Invocation5XXErrors": tally.errors_5xx,
                "ModelLatencyMicroseconds": {
                    "Average": figure(Metric::ModelLatency, Statistic::Average),
                    "p50": figure(Metric::ModelLatency, Statistic::Percentile(50.0)),
                    "p90": figure(Metric::ModelLatency, Statistic::Percentile(90.0)),
                    "p99": figure(Metric::ModelLatency, Statistic::Percentile(99.0)),
                    "Maximum": figure(Metric::ModelLatency, Statistic::Maximum),
                },
                "OverheadLatencyMicroseconds": {"Average": figure(Metric::OverheadLatency, Statistic::Average)},
                "CPUUtilizationPercent": {"Average": figure(Metric::CPUUtilization, Statistic::Average)},
                "Accuracy": (tally.labelled > 0).then(|| tally.correct as f64 / labelled),
                "MeanAbsoluteStarError": (tally.labelled > 0).then(|| tally.star_error_sum as f64 / labelled),
                "Confusion": tally.confusion,
            })
        })
        .collect();
    json!({
        "Seed": seed,
        "VirtualSeconds": e.now().since(began).as_secs_f64(),
        "Sent": sent,
        "Answered": answered,
        "Failed": sent - answered,
        "CostUSD": e.control_plane().cost_usd(),
        "Variants": variants,
        "Endpoint": e.control_plane().endpoint(&scenario.endpoint_name).map(describe),
    })
}
