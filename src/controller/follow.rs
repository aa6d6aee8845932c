//! Following a control plane that lives elsewhere: what must happen to instances and traffic when its state is another.

use std::collections::BTreeMap;

use super::{ControlPlane, Deployment, Endpoint, FleetChange, control_plane::order};
use crate::domain::{EndpointConfigName, FleetId};

/// The fleets of an endpoint that are there: configuration, instances, and whether callers get their answers.
fn fleets(endpoint: &Endpoint) -> BTreeMap<FleetId, FleetChange> {
    let mut all = BTreeMap::new();
    if !endpoint.status.serves() {
        return all;
    }
    let mut add = |config: &EndpointConfigName, deployment: &Deployment| {
        for (i, v) in deployment.all().enumerate().filter(|(_, v)| v.current_count > 0) {
            let order = order(&endpoint.name, config, v, i < deployment.variants.len());
            all.insert(v.fleet, FleetChange::Launch(order));
        }
    };
    add(&endpoint.config, &endpoint.deployment);
    if let (Some(pending), Some(config)) = (endpoint.pending(), endpoint.pending_config()) {
        add(config, pending);
    }
    all
}

impl ControlPlane {
    /// What must happen to follow this state after that of `before`: fleets that came, changed or went, and the
    /// endpoints that route anew. An empty `before` gives all that is there.
    pub fn changes_since(&self, before: &Self) -> Vec<FleetChange> {
        let all = |plane: &Self| plane.endpoints().flat_map(fleets).collect::<BTreeMap<_, _>>();
        let (old, new) = (all(before), all(self));
        let mut changes = Vec::new();
        for (fleet, launch) in &new {
            match (old.get(fleet), launch) {
                (None, launch) => changes.push(launch.clone()),
                (Some(FleetChange::Launch(was)), FleetChange::Launch(is))
                    if was.instances != is.instances =>
                {
                    changes.push(FleetChange::Resize { fleet: *fleet, instances: is.instances });
                }
                _ => {}
            }
        }
        changes.extend(old.keys().filter(|f| !new.contains_key(f)).map(|f| FleetChange::Retire(*f)));
        let routes = |plane: &Self| {
            let of = |e: &Endpoint| (e.name.clone(), (e.routes(), e.shadow_routes(), e.status));
            plane.endpoints().map(of).collect::<BTreeMap<_, _>>()
        };
        let (old, new) = (routes(before), routes(self));
        let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
        let anew = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
        changes.extend(anew.map(|name| FleetChange::Route(name.clone())));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        controller::Durations,
        domain::{
            Artifact, Command, ContainerImage, ContainerInput, DesiredWeightAndCapacity, ImageScope,
            ProductionVariantInput, VirtualTime,
        },
    };

    fn variant(name: &str) -> ProductionVariantInput {
        ProductionVariantInput {
            variant_name: name.into(),
            model_name: "m".into(),
            instance_type: "ml.m5.large".into(),
            initial_instance_count: 2,
            initial_variant_weight: 1.0,
            routing_config: None,
        }
    }

    /// Does a life's calls, and checks at each moment that following the states gives what the plane itself ordered.
    #[test]
    fn following_the_states_gives_what_the_calls_ordered() {
        let config = |name: &str, variants: &[&str]| Command::CreateEndpointConfig {
            endpoint_config_name: name.into(),
            production_variants: variants.iter().map(|v| variant(v)).collect(),
            shadow_production_variants: Vec::new(),
            data_capture_config: None,
        };
        let update = |config: &str| Command::UpdateEndpoint {
            endpoint_name: "e".into(),
            endpoint_config_name: config.into(),
            retain_all_variant_properties: false,
            exclude_retained_variant_properties: Vec::new(),
            deployment_config: None,
            retain_deployment_config: false,
        };
        let calls = [
            Command::CreateModel {
                model_name: "m".into(),
                primary_container: ContainerInput {
                    image: ContainerImage::retrieve(ImageScope::Inference, false).as_str().into(),
                    model_data_url: Artifact::A.model_data_url(),
                },
            },
            config("one", &["A", "B"]),
            config("two", &["B"]),
            Command::CreateEndpoint {
                endpoint_name: "e".into(),
                endpoint_config_name: "one".into(),
                deployment_config: None,
            },
            Command::UpdateEndpointWeightsAndCapacities {
                endpoint_name: "e".into(),
                desired_weights_and_capacities: vec![DesiredWeightAndCapacity {
                    variant_name: "B".into(),
                    desired_weight: Some(3.0),
                    desired_instance_count: Some(4),
                }],
            },
            update("two"),
            Command::DeleteEndpoint { endpoint_name: "e".into() },
        ];
        let mut plane = ControlPlane::new(Durations::default());
        let mut seen = plane.clone();
        let mut now = VirtualTime::ZERO;
        // Fleet by fleet: how many instances, after all that was ordered and after all that was followed.
        let mut ordered = BTreeMap::new();
        let mut followed = BTreeMap::new();
        let apply = |counts: &mut BTreeMap<FleetId, u32>, changes: Vec<FleetChange>| {
            for change in changes {
                match change {
                    FleetChange::Launch(o) => drop(counts.insert(o.fleet, o.instances)),
                    FleetChange::Resize { fleet, instances } => drop(counts.insert(fleet, instances)),
                    FleetChange::Retire(fleet) => drop(counts.remove(&fleet)),
                    FleetChange::Route(_) => {}
                }
            }
        };
        for call in &calls {
            apply(&mut ordered, plane.execute(call, now).unwrap());
            for _ in 0..60 {
                now = now + std::time::Duration::from_secs(10);
                apply(&mut ordered, plane.advance(now));
                apply(&mut followed, plane.changes_since(&seen));
                seen = plane.clone();
                assert_eq!(followed, ordered, "after {call:?} at {now}");
            }
        }
        assert!(ordered.is_empty());
        assert!(plane.changes_since(&seen).is_empty());
    }
}
