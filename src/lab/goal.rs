//! Decides whether a step's goal is met, from the experiment's state, and says what is missing.

use super::{CANDIDATE, Experiment, Goal, day, experiment::LEFTOVER_ENDPOINT, managed_goals};
use crate::{
    analysis::metrics::{Metric, Statistic},
    controller::{Endpoint, EndpointStatus},
    domain::{Artifact, EndpointConfig, ImageScope, SamplingShare},
};

/// The four metrics of the lab.
const FOUR: [Metric; 4] =
    [Metric::CPUUtilization, Metric::Invocations, Metric::InvocationsPerInstance, Metric::ModelLatency];
/// How far a share may be from the one asked for.
const SHARE_TOLERANCE: f64 = 0.005;

/// How a goal stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub done: bool,
    /// What is missing; empty when done.
    pub missing: String,
    pub fraction: Option<f64>,
}

impl Verdict {
    pub fn done() -> Self {
        Self { done: true, missing: String::new(), fraction: None }
    }

    pub(super) fn when(done: bool, missing: impl Into<String>) -> Self {
        if done { Self::done() } else { Self { done, missing: missing.into(), fraction: None } }
    }

    /// So much of `of` is there.
    pub(super) fn counted(have: u64, of: u64, what: &str) -> Self {
        let fraction = Some((have as f64 / of.max(1) as f64).min(1.0));
        if have >= of {
            Self { fraction, ..Self::done() }
        } else {
            Self { done: false, missing: format!("{have} of {of} {what}"), fraction }
        }
    }
}

/// Endpoints of this lab, the leftover left out.
fn endpoints(e: &Experiment) -> impl Iterator<Item = &Endpoint> {
    e.plane.endpoints().filter(|e| e.name.as_str() != LEFTOVER_ENDPOINT)
}

fn shares_match(config: &EndpointConfig, shares: &[f64]) -> bool {
    let weights: Vec<f64> = config.production_variants.iter().map(|v| v.initial_weight.get()).collect();
    let sum: f64 = weights.iter().sum();
    weights.len() == shares.len()
        && weights.iter().zip(shares).all(|(w, s)| (w / sum - s).abs() <= SHARE_TOLERANCE)
}

fn in_service(e: &Experiment, endpoint: &Endpoint) -> Verdict {
    if endpoint.status.serves() {
        return Verdict::done();
    }
    let fraction = endpoint.transition.as_ref().map(|t| {
        let whole = t.ends.since(t.began).as_secs_f64().max(1e-9);
        (e.now().since(t.began).as_secs_f64() / whole).min(1.0)
    });
    let missing = match &endpoint.failure_reason {
        Some(reason) => format!("the endpoint failed: {reason}"),
        None => format!("the endpoint is {}", endpoint.status),
    };
    Verdict { done: false, missing, fraction }
}

fn viewed(e: &Experiment, metrics: &[Metric]) -> Verdict {
    let unseen: Vec<_> =
        metrics.iter().filter(|m| !e.viewed.iter().any(|(v, _)| v == *m)).map(|m| m.name()).collect();
    let missing = format!("not looked at since the split changed: {}", unseen.join(", "));
    let fraction = Some(1.0 - unseen.len() as f64 / metrics.len().max(1) as f64);
    Verdict { fraction, ..Verdict::when(unseen.is_empty(), missing) }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// How `goal` stands in `e`.
pub(super) fn judge(goal: &Goal, e: &Experiment) -> Verdict {
    let loaded = |artifact: Artifact| e.plane.models().any(|m| m.artifact == artifact);
    match goal {
        Goal::SessionOpen => Verdict::when(e.session_open, "the session is not open yet"),
        Goal::LeftoverGone => {
            let left = e.plane.endpoint(LEFTOVER_ENDPOINT);
            let words = match left.map(|l| l.status) {
                Some(EndpointStatus::Deleting) => format!("{LEFTOVER_ENDPOINT} is being deleted"),
                _ => format!("{LEFTOVER_ENDPOINT} still runs, and costs money"),
            };
            Verdict::when(left.is_none(), words)
        }
        Goal::ArtifactsFetched => {
            let have = e.fetched[..2].iter().filter(|f| **f).count();
            Verdict::counted(have as u64, 2, "artefacts are fetched")
        }
        Goal::SignaturesRead => {
            let have = e.signatures_read[..2].iter().filter(|f| **f).count();
            Verdict::counted(have as u64, 2, "signatures are read")
        }
        Goal::InferenceCodeRead => Verdict::when(e.code_read, "the pre-processing code has not been opened"),
        Goal::InferenceImageChosen => match &e.image {
            None => Verdict::when(false, "no image has been looked up"),
            Some((scope, _)) => Verdict::when(
                *scope == ImageScope::Inference,
                "the image looked up last is for training; it will not answer a health check",
            ),
        },
        Goal::TwoModels => {
            let have = [Artifact::A, Artifact::B].into_iter().filter(|a| loaded(*a)).count();
            Verdict::counted(have as u64, 2, "models are created")
        }
        Goal::ModelsOf(artifacts) => {
            let have = artifacts.iter().filter(|a| loaded(**a)).count();
            Verdict::counted(have as u64, artifacts.len() as u64, "models are created")
        }
        Goal::ShadowConfig { sampling, production_instances, shadow_instances } => {
            let found = e.plane.configs().any(|c| {
                let (ours, theirs) = (&c.production_variants[..], &c.shadow_production_variants[..]);
                let ([ours], [theirs]) = (ours, theirs) else { return false };
                let share = SamplingShare::of_weights(theirs.initial_weight, [ours.initial_weight]).get();
                (share - sampling).abs() <= SHARE_TOLERANCE
                    && ours.initial_instance_count == *production_instances
                    && theirs.initial_instance_count == *shadow_instances
            });
            let missing = format!(
                "no configuration has {production_instances} production instances and {shadow_instances} shadow instance that gets {} of the requests",
                percent(*sampling)
            );
            Verdict::when(found, missing)
        }
        Goal::ShadowInService => match endpoints(e).find(|e| !e.shadows().is_empty()) {
            None => Verdict::when(false, "no endpoint has a shadow variant"),
            Some(endpoint) => in_service(e, endpoint),
        },
        Goal::PairsCompared(wanted) => {
            let compared = e.pair_ledgers().iter().map(|p| p.pairs.compared()).max().unwrap_or(0);
            Verdict::counted(compared, *wanted, "pairs compared")
        }
        Goal::DisagreementRead => Verdict::when(e.disagreement_read, "no disagreement has been opened yet"),
        Goal::ShadowSampling(wanted) => {
            let share = endpoints(e)
                .filter(|e| e.status == EndpointStatus::InService && !e.shadows().is_empty())
                .map(|e| e.deployment.sampling(0).get())
                .next();
            match share {
                Some(share) if (share - wanted).abs() <= SHARE_TOLERANCE => Verdict::done(),
                Some(share) => Verdict::when(false, format!("{} of the requests are copied", percent(share))),
                None => {
                    Verdict::when(false, "no shadow variant is in service, or the endpoint is being changed")
                }
            }
        }
        Goal::OnlyServes(artifact) => {
            let only = endpoints(e).any(|e| {
                e.status == EndpointStatus::InService
                    && e.shadows().is_empty()
                    && matches!(e.variants(), [v] if v.artifact == *artifact)
            });
            let updating = endpoints(e).any(|e| e.status == EndpointStatus::Updating);
            let missing = if updating {
                "the new fleet is being started".to_owned()
            } else {
                format!("no endpoint serves with {artifact} alone")
            };
            Verdict::when(only, missing)
        }
        Goal::ConfigWithShares(shares) => {
            let wanted = shares.iter().map(|s| percent(*s)).collect::<Vec<_>>().join(" / ");
            let found = e.plane.configs().any(|c| {
                let artifact = |i: usize| {
                    let name = c.production_variants.get(i).map(|v| &v.model_name);
                    e.plane.models().find(|m| Some(&m.name) == name).map(|m| m.artifact)
                };
                shares_match(c, shares)
                    && artifact(0) == Some(Artifact::A)
                    && artifact(1) == Some(Artifact::B)
            });
            Verdict::when(found, format!("no configuration gives model A and model B {wanted}"))
        }
        Goal::Guessed(prompt) => Verdict::when(e.guesses.iter().any(|(p, _)| p == prompt), "no guess yet"),
        Goal::EndpointCreated => Verdict::when(endpoints(e).next().is_some(), "no endpoint has been created"),
        Goal::EndpointInService => {
            let found = endpoints(e).find(|e| e.variants().len() >= 2);
            match found {
                None => Verdict::when(false, "no endpoint has two variants"),
                Some(endpoint) => in_service(e, endpoint),
            }
        }
        Goal::DeploymentTracked => {
            let logged = e.lineage.iter().any(|r| r.component == "deploy");
            Verdict::when(logged, "the deployment is not in the trial yet")
        }
        Goal::LineageRead => {
            let logged = e.lineage.iter().any(|r| r.component == "deploy");
            Verdict::when(logged && e.lineage_read, "the lineage table has not been opened since")
        }
        Goal::OwnSentenceAnswered => {
            let answered =
                e.batches.iter().any(|b| b.own_words && b.rows.iter().any(|r| r.predicted.is_some()));
            Verdict::when(answered, "no sentence of your own has been answered")
        }
        Goal::BatchAnswered { rows, live_variants } => {
            let best = e
                .batches
                .iter()
                .zip(&e.batch_live)
                .filter(|(b, live)| !b.own_words && **live == *live_variants as usize);
            let best = best.map(|(b, _)| b.rows.iter().filter(|r| r.status.is_answered()).count()).max();
            let live = if *live_variants == 1 { "one variant" } else { "both variants" };
            let what = format!("reviews answered in one batch with traffic on {live}");
            Verdict::counted(best.unwrap_or(0) as u64, u64::from(*rows), &what)
        }
        Goal::TrafficServed(wanted) => {
            let (_, answered) = e.counts();
            let on = e.simulation.traffic().on;
            if !on && answered < *wanted {
                return Verdict::when(
                    false,
                    format!("nobody calls the endpoint yet ({answered} of {wanted} requests served)"),
                );
            }
            Verdict::counted(answered, *wanted, "requests served")
        }
        Goal::FourMetricsViewed => viewed(e, &FOUR),
        Goal::MetricsViewed(metrics) => viewed(e, metrics),
        Goal::SumAndAverageCompared => {
            let seen = |s: Statistic| e.viewed.contains(&(Metric::ModelLatency, s));
            let missing = match (seen(Statistic::Sum), seen(Statistic::Average)) {
                (false, true) => "ModelLatency has not been looked at as a Sum",
                (true, false) => "ModelLatency has not been looked at as an Average",
                _ => "ModelLatency has not been looked at as a Sum and as an Average",
            };
            Verdict::when(seen(Statistic::Sum) && seen(Statistic::Average), missing)
        }
        Goal::AllTrafficToB => {
            let all = endpoints(e).any(|e| {
                let on_b = |v: &crate::controller::LiveVariant| {
                    (v.artifact == Artifact::B) == (v.current_weight.get() > 0.0)
                };
                e.status == EndpointStatus::InService
                    && e.variants().len() >= 2
                    && e.variants().iter().all(on_b)
            });
            let updating = endpoints(e).any(|e| e.status == EndpointStatus::Updating);
            let missing =
                if updating { "the weights are being changed" } else { "model A still gets traffic" };
            Verdict::when(all, missing)
        }
        Goal::OnlyBRemains => {
            let only = endpoints(e).any(|e| {
                e.status == EndpointStatus::InService
                    && matches!(e.variants(), [v] if v.artifact == Artifact::B)
            });
            let updating = endpoints(e).any(|e| e.status == EndpointStatus::Updating);
            let missing = if updating {
                "the new fleet is being started"
            } else {
                "the variant with model A is still deployed"
            };
            Verdict::when(only, missing)
        }
        Goal::Guarded(goal) => super::guarded::judge(goal, e),
        Goal::Decide(goal) => super::decide::judge(*goal, e),
        Goal::AllReleased => {
            let left = [
                (endpoints(e).count(), "endpoint"),
                (e.plane.configs().count(), "configuration"),
                (e.plane.models().count(), "model"),
            ];
            let words: Vec<_> = left
                .iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, what)| format!("{n} {what}{}", if *n == 1 { "" } else { "s" }))
                .collect();
            if e.fleet_variants.is_empty() {
                return Verdict::when(false, "nothing has been deployed yet");
            }
            Verdict::when(words.is_empty(), format!("still there: {}", words.join(", ")))
        }
        Goal::CanaryServed { share, requests } => {
            let canary = endpoints(e).find_map(|endpoint| {
                let split = endpoint.split()?;
                let at = endpoint.variants().iter().position(|v| v.artifact == Artifact::B)?;
                let close = (split.share(at) - share).abs() <= SHARE_TOLERANCE;
                close.then(|| e.tally(&endpoint.name, &endpoint.variants()[at].name).invocations)
            });
            match canary {
                None => Verdict::when(false, format!("no endpoint gives model B {}", percent(*share))),
                Some(have) => Verdict::counted(have, *requests, "requests reached the canary"),
            }
        }
        Goal::OneInService => {
            let served = endpoints(e).any(|e| e.status.serves());
            Verdict::when(served, "no endpoint is in service")
        }
        Goal::RequestsFailed(wanted) => {
            let (sent, answered) = e.counts();
            Verdict::counted(sent - answered, *wanted, "requests failed")
        }
        Goal::PolicyInPlace => {
            let mut targets = e.plane.scalable_targets();
            Verdict::when(targets.any(|t| t.policy.is_some()), "no registered variant has a policy")
        }
        Goal::ScaledOut => day::scaled(e.plane.scaling_activities(), false),
        Goal::ScaledIn => day::scaled(e.plane.scaling_activities(), true),
        Goal::GpuServed(wanted) => day::on_gpu(e.called_endpoint(), *wanted, |endpoint| {
            let fleets = endpoint.variants().iter().filter_map(|v| e.fleet_tally(v.fleet));
            fleets.map(|f| f.tally.invocations).sum()
        }),
        Goal::CandidateDeployed => {
            let names = |e: &Endpoint| e.variants().iter().any(|v| v.name.as_str() == CANDIDATE);
            let found = endpoints(e).any(|e| e.status.serves() && e.variants().len() >= 2 && names(e));
            Verdict::when(found, format!("no endpoint serves {CANDIDATE} beside another variant"))
        }
        Goal::Decided => Verdict::when(e.verdict().is_some(), "no verdict yet"),
        Goal::DayHeld { usd } => match e.day() {
            Some(day) => day.held(*usd),
            None => Verdict::when(false, "this lab keeps no ledger of hours"),
        },
        Goal::TestsListed
        | Goal::TestCreated
        | Goal::TestRunning
        | Goal::DashboardViewed
        | Goal::TestSampling(_)
        | Goal::TestEnded
        | Goal::ShadowCaptured(_)
        | Goal::ShadowPromoted
        | Goal::TestsDeleted => managed_goals::judge(goal, e),
    }
}
