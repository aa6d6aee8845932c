use super::*;
use crate::domain::{ContainerInput, ImageScope, ProductionVariantInput};

const ENDPOINT: &str = "reviews";

fn s(seconds: u64) -> VirtualTime {
    VirtualTime::from_s(seconds)
}

fn model(name: &str, artifact: Artifact, scope: ImageScope) -> Command {
    Command::CreateModel {
        model_name: name.into(),
        primary_container: ContainerInput {
            image: ContainerImage::retrieve(scope, false).as_str().into(),
            model_data_url: artifact.model_data_url(),
        },
    }
}

fn config(name: &str, variants: &[(&str, &str, f64)]) -> Command {
    let variant = |&(variant, model, weight): &(&str, &str, f64)| ProductionVariantInput {
        variant_name: variant.into(),
        model_name: model.into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: 1,
        initial_variant_weight: weight,
        routing_config: None,
    };
    Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: variants.iter().map(variant).collect(),
        shadow_production_variants: Vec::new(),
        data_capture_config: None,
    }
}

fn create() -> Command {
    Command::CreateEndpoint {
        endpoint_name: ENDPOINT.into(),
        endpoint_config_name: "ab".into(),
        deployment_config: None,
    }
}

fn update(config: &str) -> Command {
    Command::UpdateEndpoint {
        endpoint_name: ENDPOINT.into(),
        endpoint_config_name: config.into(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: Vec::new(),
        deployment_config: None,
        retain_deployment_config: false,
    }
}

fn weights(pairs: &[(&str, f64)]) -> Command {
    let pair = |&(name, weight): &(&str, f64)| DesiredWeightAndCapacity {
        variant_name: name.into(),
        desired_weight: Some(weight),
        desired_instance_count: None,
    };
    Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: ENDPOINT.into(),
        desired_weights_and_capacities: pairs.iter().map(pair).collect(),
    }
}

fn delete() -> Command {
    Command::DeleteEndpoint { endpoint_name: ENDPOINT.into() }
}

/// An account with models a and b, and configurations `ab` (50/50) and `b-only`.
fn account() -> ControlPlane {
    let mut plane = ControlPlane::new(Durations::default());
    for call in [
        model("model-a", Artifact::A, ImageScope::Inference),
        model("model-b", Artifact::B, ImageScope::Inference),
        config("ab", &[("VariantA", "model-a", 50.0), ("VariantB", "model-b", 50.0)]),
        config("b-only", &[("VariantB", "model-b", 100.0)]),
    ] {
        plane.execute(&call, s(0)).unwrap();
    }
    plane
}

fn in_service() -> ControlPlane {
    let mut plane = account();
    plane.execute(&create(), s(0)).unwrap();
    plane.advance(s(240));
    plane
}

fn status(plane: &ControlPlane) -> EndpointStatus {
    plane.endpoint(ENDPOINT).unwrap().status
}

#[test]
fn creating_ends_in_service_and_launches_both_fleets() {
    let mut plane = account();
    assert!(plane.execute(&create(), s(0)).unwrap().is_empty());
    assert_eq!(status(&plane), EndpointStatus::Creating);
    assert!(plane.endpoint(ENDPOINT).unwrap().split().is_none());
    assert!(plane.advance(s(239)).is_empty());
    let changes = plane.advance(s(240));
    assert!(matches!(&changes[..], [FleetChange::Launch(a), FleetChange::Launch(b), FleetChange::Route(_)]
        if a.variant.as_str() == "VariantA" && b.artifact == Artifact::B));
    assert_eq!(status(&plane), EndpointStatus::InService);
    assert_eq!(plane.endpoint(ENDPOINT).unwrap().split().unwrap().share(0), 0.5);
}

#[test]
fn a_training_image_never_answers_the_health_check() {
    let mut plane = account();
    plane.execute(&model("model-t", Artifact::A, ImageScope::Training), s(0)).unwrap();
    plane.execute(&config("t", &[("VariantT", "model-t", 1.0)]), s(0)).unwrap();
    let call = Command::CreateEndpoint {
        endpoint_name: ENDPOINT.into(),
        endpoint_config_name: "t".into(),
        deployment_config: None,
    };
    plane.execute(&call, s(0)).unwrap();
    assert!(plane.advance(s(240)).is_empty());
    let endpoint = plane.endpoint(ENDPOINT).unwrap();
    assert_eq!(endpoint.status, EndpointStatus::Failed);
    assert!(
        endpoint.failure_reason.as_ref().unwrap().contains("VariantT did not pass the ping health check")
    );
    assert_eq!(endpoint.usd_per_hour(), 0.0);
    for call in [update("b-only"), weights(&[("VariantT", 1.0)])] {
        assert!(matches!(plane.execute(&call, s(300)), Err(CommandError::Failed { .. })));
    }
    plane.execute(&delete(), s(300)).unwrap();
    plane.advance(s(330));
    assert!(plane.endpoint(ENDPOINT).is_none());
}

#[test]
fn an_update_to_a_bad_image_keeps_the_old_fleet_serving() {
    let mut plane = in_service();
    plane.execute(&model("model-t", Artifact::A, ImageScope::Training), s(250)).unwrap();
    plane.execute(&config("t", &[("VariantT", "model-t", 1.0)]), s(250)).unwrap();
    plane.execute(&update("t"), s(250)).unwrap();
    assert!(plane.advance(s(600)).is_empty());
    let endpoint = plane.endpoint(ENDPOINT).unwrap();
    assert_eq!((endpoint.status, endpoint.config.as_str()), (EndpointStatus::InService, "ab"));
    assert!(endpoint.failure_reason.is_some());
}

#[test]
fn weights_show_desired_until_they_are_current() {
    let mut plane = in_service();
    plane.execute(&weights(&[("VariantA", 0.0), ("VariantB", 100.0)]), s(300)).unwrap();
    let a = &plane.endpoint(ENDPOINT).unwrap().variants()[0];
    assert_eq!((a.current_weight.get(), a.desired_weight.get()), (50.0, 0.0));
    assert_eq!(status(&plane), EndpointStatus::Updating);
    assert_eq!(plane.endpoint(ENDPOINT).unwrap().split().unwrap().share(0), 0.5);
    assert!(matches!(plane.advance(s(345))[..], [FleetChange::Route(_)]));
    assert_eq!(plane.endpoint(ENDPOINT).unwrap().split().unwrap().share(1), 1.0);
}

#[test]
fn an_update_launches_the_new_fleet_before_it_retires_the_old_one() {
    let mut plane = in_service();
    let old: Vec<_> = plane.endpoint(ENDPOINT).unwrap().variants().iter().map(|v| v.fleet).collect();
    plane.execute(&update("b-only"), s(300)).unwrap();
    assert!(plane.endpoint(ENDPOINT).unwrap().split().is_some());
    let changes = plane.advance(s(540));
    assert!(matches!(&changes[..], [
        FleetChange::Launch(_),
        FleetChange::Route(_),
        FleetChange::Retire(x),
        FleetChange::Retire(y)
    ] if [*x, *y] == old[..]));
    let endpoint = plane.endpoint(ENDPOINT).unwrap();
    assert!(!old.contains(&endpoint.variants()[0].fleet));
    assert_eq!(endpoint.config.as_str(), "b-only");
}

#[test]
fn a_busy_endpoint_refuses_every_change_in_the_documented_words() {
    let words =
        "Cannot update in-progress endpoint \"arn:aws:sagemaker:us-east-1:123456789012:endpoint/reviews\".";
    let mut creating = account();
    creating.execute(&create(), s(0)).unwrap();
    let mut updating = in_service();
    updating.execute(&update("b-only"), s(300)).unwrap();
    for mut plane in [creating, updating] {
        for call in [update("ab"), weights(&[("VariantA", 1.0)]), delete()] {
            let refusal = plane.execute(&call, s(301)).unwrap_err();
            assert_eq!((refusal.to_string().as_str(), refusal.code()), (words, "ValidationException"));
        }
    }
}

#[test]
fn refusals_name_what_is_wrong() {
    let mut plane = in_service();
    let mut said = |call: &Command| plane.execute(call, s(300)).unwrap_err().to_string();
    assert_eq!(
        said(&weights(&[("VariantX", 1.0)])),
        "The variant name(s) \"VariantX\" is/are not present within endpoint configuration \"ab\"."
    );
    assert_eq!(
        said(&weights(&[("VariantA", 1.0), ("VariantA", 2.0)])),
        "The variant name \"VariantA\" was non-unique within the request."
    );
    assert!(
        said(&weights(&[("VariantA", -1.0)]))
            .contains("'-1' at 'desiredWeightsAndCapacities.1.member.desiredWeight'")
    );
    assert!(
        said(&weights(&[("VariantA", 0.0), ("VariantB", 0.0)])).contains("weights of all 2 variants are 0")
    );
    assert!(said(&update("none")).starts_with("Could not find endpoint configuration \"arn:"));
    assert!(said(&update("ab")).contains("runs that configuration already"));
    assert!(said(&create()).starts_with("Cannot create already existing endpoint \"arn:"));
    assert!(
        said(&model("model-a", Artifact::A, ImageScope::Inference))
            .starts_with("Cannot create already existing model")
    );
    assert!(said(&config("x", &[("V", "nope", 1.0)])).contains("Could not find model"));
    let gone = Command::DeleteEndpoint { endpoint_name: "gone".into() };
    assert_eq!(
        said(&gone),
        "Could not find endpoint \"arn:aws:sagemaker:us-east-1:123456789012:endpoint/gone\"."
    );
}

#[test]
fn names_of_endpoints_differ_in_more_than_case() {
    let mut plane = in_service();
    let call = Command::CreateEndpoint {
        endpoint_name: "REVIEWS".into(),
        endpoint_config_name: "ab".into(),
        deployment_config: None,
    };
    assert!(matches!(plane.execute(&call, s(300)), Err(CommandError::AlreadyExists { .. })));
}

#[test]
fn the_quota_counts_the_whole_account() {
    let mut plane = in_service();
    let call = Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: ENDPOINT.into(),
        desired_weights_and_capacities: vec![DesiredWeightAndCapacity {
            variant_name: "VariantA".into(),
            desired_weight: None,
            desired_instance_count: Some(100),
        }],
    };
    let refusal = plane.execute(&call, s(300)).unwrap_err();
    assert_eq!(refusal.code(), "ResourceLimitExceeded");
    assert!(
        refusal
            .to_string()
            .contains("is 100 Instances, with current utilization of 2 Instances and a request delta of 99")
    );
}

#[test]
fn retained_properties_survive_an_update() {
    let mut plane = in_service();
    plane.execute(&weights(&[("VariantB", 7.0)]), s(300)).unwrap();
    plane.advance(s(345));
    plane
        .execute(&config("ab2", &[("VariantA", "model-a", 1.0), ("VariantB", "model-b", 1.0)]), s(345))
        .unwrap();
    let keep = |excluded: Vec<ExcludedProperty>| Command::UpdateEndpoint {
        endpoint_name: ENDPOINT.into(),
        endpoint_config_name: "ab2".into(),
        retain_all_variant_properties: true,
        exclude_retained_variant_properties: excluded,
        deployment_config: None,
        retain_deployment_config: false,
    };
    let weight_after = |mut plane: ControlPlane, call: Command| {
        plane.execute(&call, s(350)).unwrap();
        plane.advance(s(1_000));
        plane.endpoint(ENDPOINT).unwrap().variants()[1].current_weight.get()
    };
    assert_eq!(weight_after(plane.clone(), keep(Vec::new())), 7.0);
    let weight = ExcludedProperty { variant_property_type: VariantProperty::DesiredWeight };
    assert_eq!(weight_after(plane, keep(vec![weight])), 1.0);
}

#[test]
fn both_fleets_are_billed_while_one_replaces_the_other_and_nothing_afterwards() {
    // ml.m5.large at 0.115 dollars an hour, the catalogue's figure.
    let mut plane = in_service();
    let two = 2.0 * 0.115 * 240.0 / 3_600.0;
    assert!((plane.cost_usd() - two).abs() < 1e-12);
    plane.execute(&update("b-only"), s(240)).unwrap();
    plane.advance(s(480));
    assert!((plane.cost_usd() - (two + 3.0 * 0.115 * 240.0 / 3_600.0)).abs() < 1e-12);
    plane.execute(&delete(), s(480)).unwrap();
    plane.advance(s(510));
    let end = plane.cost_usd();
    plane.advance(s(100_000));
    assert_eq!(plane.cost_usd(), end);
    assert!(plane.endpoint(ENDPOINT).is_none());
}

#[test]
fn a_refused_call_changes_nothing() {
    let mut plane = in_service();
    let before = format!("{plane:?}");
    let _ = plane.execute(&update("none"), s(300));
    let _ = plane.execute(&weights(&[("VariantA", 5.0), ("VariantX", 1.0)]), s(300));
    let _ = plane.execute(&weights(&[("VariantA", f64::NAN)]), s(300));
    assert_eq!(format!("{plane:?}"), before);
}

#[test]
fn a_bandits_weights_hold_at_once_and_only_while_nothing_is_under_way() {
    let mut p = ControlPlane::new(Durations::default());
    p.execute(&model("a", Artifact::A, ImageScope::Inference), s(0)).unwrap();
    p.execute(&config("ab", &[("A", "a", 1.0), ("B", "a", 1.0)]), s(0)).unwrap();
    p.execute(&create(), s(0)).unwrap();
    let of = |weights: &[f64]| weights.iter().map(|w| VariantWeight::new(*w).unwrap()).collect::<Vec<_>>();
    let refused = p.shift_weights(ENDPOINT, &of(&[0.3, 0.7]), s(1)).unwrap_err();
    assert!(matches!(refused, CommandError::InProgress { .. }), "{refused}");
    p.advance(s(3_600));
    p.shift_weights(ENDPOINT, &of(&[0.3, 0.7]), s(3_600)).unwrap();
    let endpoint = p.endpoint(ENDPOINT).unwrap();
    assert_eq!(endpoint.status, EndpointStatus::InService);
    for (variant, weight) in endpoint.variants().iter().zip([0.3, 0.7]) {
        assert_eq!((variant.current_weight.get(), variant.desired_weight.get()), (weight, weight));
    }
    // A call is a transition, and amid it nothing is moved.
    p.execute(&weights(&[("A", 1.0)]), s(3_601)).unwrap();
    assert!(p.shift_weights(ENDPOINT, &of(&[0.5, 0.5]), s(3_602)).is_err());
    p.advance(s(7_200));
    let refused = p.shift_weights(ENDPOINT, &of(&[0.0, 0.0]), s(7_200)).unwrap_err();
    assert!(matches!(refused, CommandError::Weights(_)), "{refused}");
    let few = p.shift_weights(ENDPOINT, &of(&[1.0]), s(7_200)).unwrap_err().to_string();
    assert!(few.contains("one for each variant"), "{few}");
    assert!(p.shift_weights("none", &of(&[1.0]), s(7_200)).is_err());
    assert_eq!(p.endpoint(ENDPOINT).unwrap().variants()[0].current_weight.get(), 1.0);
}
