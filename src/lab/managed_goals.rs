//! How the goals about managed shadow tests stand.

use super::{Experiment, Goal, goal::Verdict};
use crate::{
    analysis::metrics::Metric,
    controller::{EndpointStatus, InferenceExperiment, InferenceExperimentStatus as Status},
};

/// The dashboard metrics that the lab asks for: two of the invocation, two of the instance.
const LOOKED_AT: [Metric; 4] =
    [Metric::ModelLatency, Metric::Invocation4XXErrors, Metric::CPUUtilization, Metric::DiskUtilization];

/// Why no test is where it should be: what the newest one does.
fn newest(e: &Experiment) -> String {
    match e.plane.inference_experiments().max_by_key(|t| t.created) {
        None => "there is no shadow test".to_owned(),
        Some(t) if t.status == Status::Cancelled => {
            let why = t.status_reason.as_deref().unwrap_or("no reason was given");
            format!("test {} was cancelled: {why}", t.name)
        }
        Some(t) => format!("test {} is {}", t.name, t.status),
    }
}

/// Whether production and shadow are made of different artefacts.
fn compares(e: &Experiment, t: &InferenceExperiment) -> bool {
    let artifact = |name: &str| e.plane.models().find(|m| m.name.as_str() == name).map(|m| m.artifact);
    let live = e.plane.endpoint(t.endpoint.as_str()).and_then(|e| e.variants().first()).map(|v| v.artifact);
    let production = t.plan.production.as_ref().and_then(|p| artifact(p.model_name.as_str())).or(live);
    production != artifact(t.plan.shadow.model_name.as_str())
}

/// How `goal` stands in `e`.
pub(super) fn judge(goal: &Goal, e: &Experiment) -> Verdict {
    let tests = || e.plane.inference_experiments();
    let running = || tests().filter(|t| t.status == Status::Running);
    match goal {
        Goal::TestsListed => Verdict::when(e.tests_listed, "the list has not been asked for"),
        Goal::TestCreated => {
            let missing = match tests().find(|t| !t.status.has_ended()) {
                Some(t) if !compares(e, t) => {
                    format!("the shadow of test {} serves the same artefact as production", t.name)
                }
                _ => newest(e),
            };
            Verdict::when(tests().any(|t| !t.status.has_ended() && compares(e, t)), missing)
        }
        Goal::TestRunning => Verdict::when(running().next().is_some(), newest(e)),
        Goal::TestSampling(percentage) => {
            let found = running().any(|t| t.plan.sampling_percentage == *percentage);
            let missing = match running().next() {
                Some(t) => {
                    format!("test {} copies {}% of the requests", t.name, t.plan.sampling_percentage)
                }
                None => newest(e),
            };
            Verdict::when(found, missing)
        }
        Goal::DashboardViewed => {
            if tests().all(|t| t.began.is_none()) {
                return Verdict::when(false, newest(e));
            }
            let unseen: Vec<_> = LOOKED_AT
                .iter()
                .filter(|m| !e.viewed.iter().any(|(v, _)| v == *m))
                .map(|m| m.name())
                .collect();
            let missing = format!("not looked at since the test began: {}", unseen.join(", "));
            let fraction = Some(1.0 - unseen.len() as f64 / LOOKED_AT.len() as f64);
            Verdict { fraction, ..Verdict::when(unseen.is_empty(), missing) }
        }
        Goal::TestEnded => {
            let by_itself = |t: &InferenceExperiment| {
                t.status == Status::Completed && t.completed.is_some_and(|c| c >= t.schedule.end)
            };
            let ended = tests().any(by_itself);
            let now = e.now();
            let fraction = running().next().map(|t| {
                let whole = t.schedule.end.since(t.schedule.start).as_secs_f64().max(1e-9);
                (now.since(t.schedule.start).as_secs_f64() / whole).min(1.0)
            });
            let missing = match running().next() {
                Some(t) => format!("test {} runs until {}", t.name, t.schedule.end),
                None => newest(e),
            };
            Verdict { fraction, ..Verdict::when(ended, missing) }
        }
        Goal::ShadowCaptured(wanted) => {
            let view = e.capture.view();
            let of_shadow = |endpoint: &str, variant: &str| {
                tests().any(|t| {
                    t.endpoint.as_str() == endpoint && t.plan.shadow.variant_name.as_str() == variant
                })
            };
            let all = view.variants.iter().filter(|v| of_shadow(&v.endpoint, &v.variant));
            Verdict::counted(all.map(|v| v.records).sum(), *wanted, "of the shadow's replies are captured")
        }
        Goal::ShadowPromoted => {
            let promoted = tests().filter(|t| t.status == Status::Completed).any(|t| {
                let shadow = &t.plan.shadow.variant_name;
                t.stop.as_ref().is_some_and(|s| s.kept == [shadow.clone()])
                    && e.plane.endpoint(t.endpoint.as_str()).is_some_and(|live| {
                        live.status == EndpointStatus::InService
                            && live.shadows().is_empty()
                            && matches!(live.variants(), [v] if v.name == *shadow)
                    })
            });
            Verdict::when(promoted, format!("no shadow serves in production; {}", newest(e)))
        }
        Goal::TestsDeleted => {
            let left = tests().count();
            if e.pair_ledgers().is_empty() {
                return Verdict::when(false, "nothing has been tested yet");
            }
            let plural = if left == 1 { "test is" } else { "tests are" };
            Verdict::when(left == 0, format!("{left} {plural} still listed"))
        }
        _ => Verdict::when(false, "this goal is not about shadow tests"),
    }
}
