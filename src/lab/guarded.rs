//! Goals of the Guardrails lab, decided from the experiment's state.

use super::{Experiment, goal::Verdict};
use crate::{controller::EndpointStatus, domain::Artifact};

/// What a step about guardrails asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GuardGoal {
    /// An endpoint is in service with this configuration, and nothing is under way.
    Serving(&'static str),
    /// The new version came all at once and has harmed so many requests.
    HarmedAllAtOnce(u32),
    /// The old version serves again after the new one was served.
    BackByHand,
    /// No alarm is left that can never ring, and a dry run shows that one of those that are there would have rung.
    AlarmsSound,
    /// A rollout of this kind was called back by an alarm: `canary` or `linear`.
    CalledBack(&'static str),
    /// The four strategies were compared, and the alarm called canary and linear back.
    Compared,
}

/// How `goal` stands in `e`.
pub(super) fn judge(goal: &GuardGoal, e: &Experiment) -> Verdict {
    let serving = |config: &str| {
        e.plane.endpoints().any(|x| x.status == EndpointStatus::InService && x.config.as_str() == config)
    };
    // Both versions have names of the learner's own choice; what they are made of tells them apart.
    let served_new = e.outcomes().iter().any(|o| o.failure.is_none() && new_version(e, o.to.as_str()));
    match goal {
        GuardGoal::Serving(config) => {
            Verdict::when(serving(config), format!("no endpoint serves {config} yet"))
        }
        GuardGoal::HarmedAllAtOnce(wanted) => {
            let came = |h: &&super::Harm| h.strategy == "all at once" && new_version(e, &h.config);
            let harmed = e.harms().filter(came).map(|h| h.total().errors).max().unwrap_or(0);
            Verdict::counted(u64::from(harmed), u64::from(*wanted), "requests harmed by the new version")
        }
        GuardGoal::BackByHand => {
            let back = e.plane.endpoints().any(|x| {
                x.status == EndpointStatus::InService
                    && x.variants().iter().all(|v| v.artifact == Artifact::A)
            });
            Verdict::when(served_new && back, "the new version still serves")
        }
        GuardGoal::AlarmsSound => {
            let dead: Vec<_> = e.plane.alarms().filter(|a| a.rule.never_rings().is_some()).collect();
            let rings = |name: &str| e.dry_runs().iter().any(|r| r.alarm_name == name && r.rang().is_some());
            let rung = e.plane.alarms().any(|a| rings(a.rule.name.as_str()));
            // Which one it is must be found, so that it is not named here.
            let missing = match (dead.is_empty(), rung) {
                (false, _) => "one of the alarms can still never ring",
                (true, false) => "no dry run shows an alarm that would have rung",
                (true, true) => "",
            };
            Verdict::when(missing.is_empty(), missing)
        }
        GuardGoal::CalledBack(kind) => {
            let back = e
                .outcomes()
                .iter()
                .any(|o| o.shift.name() == *kind && o.failure.as_ref().is_some_and(|f| f.alarm.is_some()));
            Verdict::when(back, format!("no {kind} rollout has been called back by an alarm yet"))
        }
        GuardGoal::Compared => {
            let harmed = |of: &str| e.compared().iter().find(|h| h.strategy == of).map(|h| h.total().errors);
            let fewer = match (harmed("all at once"), harmed("canary"), harmed("linear"), harmed("shadow")) {
                (Some(all), Some(canary), Some(linear), Some(shadow)) => {
                    shadow == 0 && 2 * canary.max(linear) < all
                }
                _ => false,
            };
            let missing = if e.compared().is_empty() {
                "the strategies have not been compared yet"
            } else {
                "compare them with an alarm that rings, over 30 minutes or more"
            };
            Verdict::when(fewer, missing)
        }
    }
}

/// Whether a configuration runs another model than today's.
fn new_version(e: &Experiment, config: &str) -> bool {
    let found = e.plane.configs().find(|c| c.name.as_str() == config);
    let artifact = |v: &crate::domain::ProductionVariant| {
        e.plane.models().find(|m| m.name == v.model_name).map(|m| m.artifact)
    };
    found.is_some_and(|c| c.production_variants.iter().any(|v| artifact(v) != Some(Artifact::A)))
}
