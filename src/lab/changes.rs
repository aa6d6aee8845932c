//! What was changed on the endpoints, for who reads their metrics.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::LabAction;
use crate::domain::{Command, SECOND_NS, VirtualTime};

/// Changes of one kind within this time become one: a slider is dragged, not set.
const TOGETHER_S: u64 = 60;
/// Changes kept, the newest ones.
const KEPT: usize = 500;

/// Something that was changed on an endpoint, or on the traffic that all get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When, virtual seconds.
    pub at_s: u64,
    /// What, in a few words.
    pub label: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fleet,
    Weights,
    Traffic,
    Fault,
    Effect,
}

#[derive(Clone, Debug)]
struct Noted {
    kind: Kind,
    /// None: it concerns every endpoint.
    endpoint: Option<String>,
    change: Change,
}

/// The changes of a lab, by time. Bounded: the oldest go first.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeLog(VecDeque<Noted>);

impl ChangeLog {
    /// Notes an action that was done at `now`, if it matters to someone who reads metrics.
    pub fn act(&mut self, action: &LabAction, now: VirtualTime) {
        let Some((kind, endpoint, label)) = told(action) else { return };
        let later_s = match action {
            LabAction::InjectFault { starts_in_s, .. } => starts_in_s.unwrap_or(0),
            _ => 0,
        };
        self.note(kind, endpoint.map(str::to_owned), Change { at_s: second_of(now) + later_s, label });
    }

    /// Notes that what was asked of an endpoint is in effect from `now` on.
    pub fn in_effect(&mut self, endpoint: &str, now: VirtualTime) {
        let change = Change { at_s: second_of(now), label: "in effect".to_owned() };
        self.note(Kind::Effect, Some(endpoint.to_owned()), change);
    }

    fn note(&mut self, kind: Kind, endpoint: Option<String>, change: Change) {
        let together = |last: &&mut Noted| {
            last.kind == kind
                && last.endpoint == endpoint
                && kind != Kind::Fault
                && change.at_s.saturating_sub(last.change.at_s) < TOGETHER_S
        };
        match self.0.back_mut().filter(together) {
            Some(last) => last.change.label = change.label,
            None => {
                if self.0.len() == KEPT {
                    self.0.pop_front();
                }
                self.0.push_back(Noted { kind, endpoint, change });
            }
        }
    }

    /// The changes of an endpoint, and those of the traffic that it shares with all, by time.
    pub fn of(&self, endpoint: &str) -> Vec<Change> {
        let own = self.0.iter().filter(|n| n.endpoint.as_deref().is_none_or(|e| e == endpoint));
        let mut all: Vec<Change> = own.map(|n| n.change.clone()).collect();
        // A fault may be noted before it begins.
        all.sort_by_key(|change| change.at_s);
        all
    }
}

fn second_of(at: VirtualTime) -> u64 {
    at.as_ns() / SECOND_NS
}

fn told(action: &LabAction) -> Option<(Kind, Option<&str>, String)> {
    match action {
        LabAction::Call(call) => {
            told_of_call(call).map(|(kind, endpoint, label)| (kind, Some(endpoint), label))
        }
        LabAction::SetTraffic(traffic) if traffic.on => {
            Some((Kind::Traffic, None, format!("traffic {}/s", short(traffic.per_second))))
        }
        LabAction::SetTraffic(_) => Some((Kind::Traffic, None, "traffic off".to_owned())),
        LabAction::InjectFault { variant, fault, .. } => {
            Some((Kind::Fault, None, format!("fault {} {variant}", fault.kind())))
        }
        _ => None,
    }
}

fn told_of_call(call: &Command) -> Option<(Kind, &str, String)> {
    let (kind, endpoint, label) = match call {
        Command::CreateEndpoint { endpoint_name, .. } => (Kind::Fleet, endpoint_name, "create".to_owned()),
        Command::UpdateEndpoint { endpoint_name, .. } => (Kind::Fleet, endpoint_name, "update".to_owned()),
        Command::DeleteEndpoint { endpoint_name } => (Kind::Fleet, endpoint_name, "delete".to_owned()),
        Command::UpdateEndpointWeightsAndCapacities {
            endpoint_name,
            desired_weights_and_capacities: wanted,
        } => {
            let weights: Vec<String> = wanted.iter().filter_map(|w| w.desired_weight).map(short).collect();
            let counts: Vec<String> =
                wanted.iter().filter_map(|w| w.desired_instance_count).map(|c| c.to_string()).collect();
            if weights.is_empty() {
                (Kind::Fleet, endpoint_name, format!("instances {}", counts.join(" : ")))
            } else {
                (Kind::Weights, endpoint_name, format!("weights {}", weights.join(" : ")))
            }
        }
        _ => return None,
    };
    Some((kind, endpoint.as_str(), label))
}

/// A number with at most two digits after the point and no zeros at its end.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DesiredWeightAndCapacity;

    fn weights(endpoint: &str, a: f64, b: f64) -> LabAction {
        let wanted = |name: &str, weight| DesiredWeightAndCapacity {
            variant_name: name.to_owned(),
            desired_weight: Some(weight),
            desired_instance_count: None,
        };
        LabAction::Call(Command::UpdateEndpointWeightsAndCapacities {
            endpoint_name: endpoint.to_owned(),
            desired_weights_and_capacities: vec![wanted("A", a), wanted("B", b)],
        })
    }

    fn told_of(log: &ChangeLog, endpoint: &str) -> Vec<(u64, String)> {
        log.of(endpoint).into_iter().map(|c| (c.at_s, c.label)).collect()
    }

    #[test]
    fn only_this_endpoints_changes_are_told() {
        let mut log = ChangeLog::default();
        log.act(&weights("e", 0.0, 100.0), VirtualTime::from_s(100));
        log.act(&weights("other", 1.0, 1.0), VirtualTime::from_s(200));
        assert_eq!(told_of(&log, "e"), [(100, "weights 0 : 100".to_owned())]);
    }

    #[test]
    fn a_change_is_in_effect_when_its_transition_ends() {
        let mut log = ChangeLog::default();
        log.act(&weights("e", 0.0, 1.0), VirtualTime::from_s(100));
        log.in_effect("e", VirtualTime::from_s(220));
        log.act(&weights("e", 1.0, 0.0), VirtualTime::from_s(300));
        let told = [(100, "weights 0 : 1"), (220, "in effect"), (300, "weights 1 : 0")];
        assert_eq!(told_of(&log, "e"), told.map(|(at, label)| (at, label.to_owned())));
    }

    #[test]
    fn what_is_changed_in_one_go_is_one_change() {
        let mut log = ChangeLog::default();
        log.act(&weights("e", 90.0, 10.0), VirtualTime::from_s(100));
        log.act(&weights("e", 50.0, 50.0), VirtualTime::from_s(130));
        assert_eq!(told_of(&log, "e"), [(100, "weights 50 : 50".to_owned())]);
    }

    #[test]
    fn the_oldest_change_goes_first() {
        let mut log = ChangeLog::default();
        for i in 0..KEPT as u64 + 1 {
            log.act(&weights("e", i as f64, 1.0), VirtualTime::from_s(100 * i));
        }
        let all = log.of("e");
        assert_eq!((all.len(), all[0].at_s), (KEPT, 100));
    }
}
