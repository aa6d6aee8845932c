//! What was changed on an endpoint, as the journal tells it: it survives a reload, and its times are exact.

use crate::{
    domain::{Command, SECOND_NS, VirtualTime},
    lab::LabAction,
    plot::Annotation,
    ui::wording,
    wire::JournalEntry,
};

/// Changes of one kind within this time become one: a slider is dragged, not set.
const TOGETHER_S: u64 = 60;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fleet,
    Weights,
    Traffic,
    Fault,
}

/// The changes that matter to someone who reads an endpoint's metrics, by time, and when those that took a while
/// were in effect.
pub fn changes(entries: &[JournalEntry], settled: &[VirtualTime], endpoint: &str) -> Vec<Annotation> {
    let mut kept: Vec<(Kind, Annotation)> = Vec::new();
    for entry in entries {
        let Some((kind, label)) = words(&entry.action, endpoint) else { continue };
        let later_s = match entry.action {
            LabAction::InjectFault { starts_in_s, .. } => starts_in_s.unwrap_or(0),
            _ => 0,
        };
        let at_s = second_of(entry.at) + later_s;
        match kept.last_mut() {
            Some((last, before))
                if *last == kind && kind != Kind::Fault && at_s.saturating_sub(before.at_s) < TOGETHER_S =>
            {
                before.label = label;
            }
            _ => kept.push((kind, Annotation { at_s, label })),
        }
    }
    let mut all: Vec<Annotation> = kept.into_iter().map(|(_, annotation)| annotation).collect();
    for at_s in settled.iter().map(|at| second_of(*at)) {
        let place = all.partition_point(|a| a.at_s <= at_s);
        all.insert(place, Annotation { at_s, label: "in effect".to_owned() });
    }
    all
}

fn second_of(at: VirtualTime) -> u64 {
    at.as_ns() / SECOND_NS
}

fn words(action: &LabAction, endpoint: &str) -> Option<(Kind, String)> {
    match action {
        LabAction::Call(call) => words_of_call(call, endpoint),
        LabAction::SetTraffic(traffic) if traffic.on => {
            Some((Kind::Traffic, format!("traffic {}/s", wording::short(traffic.per_second, 2))))
        }
        LabAction::InjectFault { variant, fault, .. } => {
            Some((Kind::Fault, format!("fault {} {variant}", fault.kind())))
        }
        LabAction::SetTraffic(_) => Some((Kind::Traffic, "traffic off".to_owned())),
        _ => None,
    }
}

fn words_of_call(call: &Command, endpoint: &str) -> Option<(Kind, String)> {
    match call {
        Command::CreateEndpoint { endpoint_name, .. } if endpoint_name == endpoint => {
            Some((Kind::Fleet, "create".to_owned()))
        }
        Command::UpdateEndpoint { endpoint_name, .. } if endpoint_name == endpoint => {
            Some((Kind::Fleet, "update".to_owned()))
        }
        Command::DeleteEndpoint { endpoint_name } if endpoint_name == endpoint => {
            Some((Kind::Fleet, "delete".to_owned()))
        }
        Command::UpdateEndpointWeightsAndCapacities {
            endpoint_name,
            desired_weights_and_capacities: wanted,
        } if endpoint_name == endpoint => {
            let weights: Vec<String> =
                wanted.iter().filter_map(|w| w.desired_weight).map(|w| wording::short(w, 2)).collect();
            let counts: Vec<String> =
                wanted.iter().filter_map(|w| w.desired_instance_count).map(|c| c.to_string()).collect();
            if weights.is_empty() {
                Some((Kind::Fleet, format!("instances {}", counts.join(" : "))))
            } else {
                Some((Kind::Weights, format!("weights {}", weights.join(" : "))))
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DesiredWeightAndCapacity;

    fn weights(at_s: u64, endpoint: &str, a: f64, b: f64) -> JournalEntry {
        let wanted = |name: &str, weight| DesiredWeightAndCapacity {
            variant_name: name.to_owned(),
            desired_weight: Some(weight),
            desired_instance_count: None,
        };
        JournalEntry {
            at: VirtualTime::from_s(at_s),
            action: LabAction::Call(Command::UpdateEndpointWeightsAndCapacities {
                endpoint_name: endpoint.to_owned(),
                desired_weights_and_capacities: vec![wanted("A", a), wanted("B", b)],
            }),
        }
    }

    #[test]
    fn only_this_endpoints_changes_are_told() {
        let told = changes(&[weights(100, "e", 0.0, 100.0), weights(200, "other", 1.0, 1.0)], &[], "e");
        assert_eq!(told, [Annotation { at_s: 100, label: "weights 0 : 100".to_owned() }]);
    }

    #[test]
    fn a_change_is_in_effect_when_its_transition_ends() {
        let told = changes(
            &[weights(100, "e", 0.0, 1.0), weights(300, "e", 1.0, 0.0)],
            &[VirtualTime::from_s(220)],
            "e",
        );
        let labels: Vec<_> = told.iter().map(|a| (a.at_s, a.label.as_str())).collect();
        assert_eq!(labels, [(100, "weights 0 : 1"), (220, "in effect"), (300, "weights 1 : 0")]);
    }

    #[test]
    fn what_is_changed_in_one_go_is_one_change() {
        let told = changes(&[weights(100, "e", 90.0, 10.0), weights(130, "e", 50.0, 50.0)], &[], "e");
        assert_eq!(told, [Annotation { at_s: 100, label: "weights 50 : 50".to_owned() }]);
    }
}
