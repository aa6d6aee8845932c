//! Inference experiments: what they go through, what they refuse, and what they leave behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, time::Duration};

use rollout_lab::{
    controller::{
        ControlPlane, Durations, EndpointStatus, FleetChange, InferenceExperiment,
        InferenceExperimentStatus as Status, ModelVariantStatus,
    },
    domain::*,
};

const NAME: &str = "a-against-b";
const ENDPOINT: &str = "reviews";
const ROLE: &str = "arn:aws:iam::123456789012:role/service-role/SageMaker-Execution";
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

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

fn config(name: &str, variants: &[(&str, &str)]) -> Command {
    let variant = |&(variant, model): &(&str, &str)| ProductionVariantInput {
        variant_name: variant.into(),
        model_name: model.into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: 2,
        initial_variant_weight: 5.0,
        routing_config: None,
    };
    Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: variants.iter().map(variant).collect(),
        shadow_production_variants: Vec::new(),
        data_capture_config: None,
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

fn delete_endpoint() -> Command {
    Command::DeleteEndpoint { endpoint_name: ENDPOINT.into() }
}

/// Models, and in service an endpoint with `Production` of model-a; it is second 240.
fn account() -> ControlPlane {
    let mut plane = ControlPlane::new(Durations::default());
    for call in [
        model("model-a", Artifact::A, ImageScope::Inference),
        model("model-b", Artifact::B, ImageScope::Inference),
        model("model-t", Artifact::B, ImageScope::Training),
        config("live", &[("Production", "model-a")]),
        config("next", &[("Production", "model-b")]),
        config("two", &[("Production", "model-a"), ("Other", "model-b")]),
        Command::CreateEndpoint {
            endpoint_name: ENDPOINT.into(),
            endpoint_config_name: "live".into(),
            deployment_config: None,
        },
    ] {
        plane.execute(&call, s(0)).unwrap();
    }
    plane.advance(s(240));
    plane
}

fn shadow(model: &str) -> ModelVariantConfig {
    ModelVariantConfig::new("Shadow", model, "ml.c5.large", 1)
}

fn mode(percentage: i64) -> ShadowModeConfig {
    ShadowModeConfig {
        source_model_variant_name: "Production".into(),
        shadow_model_variants: vec![ShadowModelVariantConfig {
            shadow_model_variant_name: "Shadow".into(),
            sampling_percentage: percentage,
        }],
    }
}

fn asked() -> CreateInferenceExperiment {
    CreateInferenceExperiment {
        name: NAME.into(),
        r#type: InferenceExperimentType::ShadowMode,
        schedule: None,
        description: Some("is B as fast as A?".into()),
        role_arn: ROLE.into(),
        endpoint_name: ENDPOINT.into(),
        model_variants: vec![shadow("model-b")],
        data_storage_config: None,
        shadow_mode_config: mode(50),
    }
}

fn create() -> Command {
    Command::CreateInferenceExperiment(asked().into())
}

fn created_with(change: impl FnOnce(&mut CreateInferenceExperiment)) -> Command {
    let mut asked = asked();
    change(&mut asked);
    Command::CreateInferenceExperiment(asked.into())
}

fn by_name() -> ByExperimentName {
    ByExperimentName { name: NAME.into() }
}

fn start() -> Command {
    Command::StartInferenceExperiment(by_name())
}

fn delete() -> Command {
    Command::DeleteInferenceExperiment(by_name())
}

fn changed(change: impl FnOnce(&mut UpdateInferenceExperiment)) -> Command {
    let mut asked = UpdateInferenceExperiment { name: NAME.into(), ..Default::default() };
    change(&mut asked);
    Command::UpdateInferenceExperiment(asked.into())
}

fn resampled(percentage: i64) -> Command {
    changed(|u| u.shadow_mode_config = Some(mode(percentage)))
}

fn stopped(actions: &[(&str, ModelVariantAction)], sizes: &[ModelVariantConfig]) -> Command {
    Command::StopInferenceExperiment(StopInferenceExperiment {
        name: NAME.into(),
        model_variant_actions: actions.iter().map(|(n, a)| ((*n).to_owned(), *a)).collect(),
        desired_model_variants: (!sizes.is_empty()).then(|| sizes.to_vec()),
        ..Default::default()
    })
}

fn removed() -> Command {
    stopped(&[("Shadow", ModelVariantAction::Remove), ("Production", ModelVariantAction::Retain)], &[])
}

fn experiment(plane: &ControlPlane) -> &InferenceExperiment {
    plane.inference_experiment(NAME).unwrap()
}

fn status(plane: &ControlPlane) -> Status {
    experiment(plane).status
}

/// Name, model, instance type and count of every variant that serves, then of every one that shadows.
fn running(plane: &ControlPlane) -> (Vec<String>, Vec<String>) {
    let e = plane.endpoint(ENDPOINT).unwrap();
    let words = |v: &rollout_lab::controller::LiveVariant| {
        format!("{} {} {} x{}", v.name, v.model, v.instance_type, v.current_count)
    };
    (e.variants().iter().map(words).collect(), e.shadows().iter().map(words).collect())
}

/// An experiment in each status, and the second at which it is in it.
fn in_each_status() -> Vec<(Status, ControlPlane, u64)> {
    let mut all = Vec::new();
    let mut keep = |status: Status, plane: &ControlPlane, at: u64| {
        assert_eq!(self::status(plane), status);
        all.push((status, plane.clone(), at));
    };
    let mut plane = account();
    let later = created_with(|a| {
        a.schedule = Some(ScheduleInput { start_time: Some(s(DAY).unix_s()), end_time: None });
    });
    plane.execute(&later, s(300)).unwrap();
    keep(Status::Creating, &plane, 300);
    plane.advance(s(320));
    keep(Status::Created, &plane, 320);
    plane.advance(s(DAY));
    keep(Status::Starting, &plane, DAY);
    plane.advance(s(DAY + 240));
    keep(Status::Running, &plane, DAY + 240);
    let running = plane.clone();
    plane.execute(&resampled(100), s(DAY + 300)).unwrap();
    keep(Status::Updating, &plane, DAY + 300);
    plane.advance(s(DAY + 345));
    assert_eq!(self::status(&plane), Status::Running);
    plane.execute(&removed(), s(DAY + 400)).unwrap();
    keep(Status::Stopping, &plane, DAY + 400);
    plane.advance(s(DAY + 640));
    keep(Status::Completed, &plane, DAY + 640);
    let mut plane = running;
    let Command::StopInferenceExperiment(mut call) = removed() else { panic!() };
    call.desired_state = Some(DesiredExperimentState::Cancelled);
    plane.execute(&Command::StopInferenceExperiment(call), s(DAY + 400)).unwrap();
    plane.advance(s(DAY + 640));
    keep(Status::Cancelled, &plane, DAY + 640);
    all
}

#[test]
fn each_call_is_taken_in_its_statuses_and_a_conflict_in_all_others() {
    let calls: [(&str, Command, &[Status]); 5] = [
        ("start", start(), &[Status::Created]),
        ("update", changed(|u| u.description = Some("another".into())), &[Status::Created, Status::Running]),
        ("resample", resampled(7), &[Status::Created, Status::Running]),
        ("stop", removed(), &[Status::Running]),
        ("delete", delete(), &[Status::Created, Status::Completed, Status::Cancelled]),
    ];
    let all = in_each_status();
    assert_eq!(all.iter().map(|(s, ..)| *s).collect::<BTreeSet<_>>().len(), Status::ALL.len());
    for (status, plane, at) in &all {
        for (what, call, legal) in &calls {
            let mut plane = plane.clone();
            let before = format!("{plane:?}");
            match plane.execute(call, s(*at)) {
                Ok(_) => assert!(legal.contains(status), "{what} was taken in {status}"),
                Err(e) => {
                    assert!(!legal.contains(status), "{what} was refused in {status}: {e}");
                    assert_eq!((e.code(), e.http()), ("ConflictException", 400));
                    assert!(e.to_string().contains(&format!("is in status {status}")), "{e}");
                    assert_eq!(format!("{plane:?}"), before, "a refused {what} left a trace");
                }
            }
        }
        let mut plane = plane.clone();
        plane.execute(&Command::DescribeInferenceExperiment(by_name()), s(*at)).unwrap();
        let list = Command::ListInferenceExperiments(ListInferenceExperiments::default());
        plane.execute(&list, s(*at)).unwrap();
        let again = plane.execute(&create(), s(*at)).unwrap_err();
        assert_eq!(again.code(), "ResourceInUse");
    }
}

#[test]
fn a_name_that_is_not_there_is_not_found() {
    let mut plane = account();
    for call in [start(), delete(), removed(), resampled(3), Command::DescribeInferenceExperiment(by_name())]
    {
        let e = plane.execute(&call, s(300)).unwrap_err();
        assert_eq!((e.code(), e.http()), ("ResourceNotFound", 400));
        assert!(e.to_string().contains("inference-experiment/a-against-b"), "{e}");
    }
}

#[test]
fn without_a_schedule_it_starts_at_once_runs_seven_days_and_reverts() {
    let mut plane = account();
    // The endpoint was scaled since its configuration was made: that is the state it must come back to.
    let scale = Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: ENDPOINT.into(),
        desired_weights_and_capacities: vec![DesiredWeightAndCapacity {
            variant_name: "Production".into(),
            desired_weight: Some(3.0),
            desired_instance_count: Some(4),
        }],
    };
    plane.execute(&scale, s(250)).unwrap();
    plane.advance(s(400));
    let before = running(&plane);
    plane.execute(&create(), s(1_000)).unwrap();
    assert_eq!(status(&plane), Status::Creating);
    plane.advance(s(1_020));
    assert_eq!(status(&plane), Status::Starting);
    assert_eq!(plane.endpoint(ENDPOINT).unwrap().status, EndpointStatus::Updating);
    plane.advance(s(1_260));
    assert_eq!(status(&plane), Status::Running);
    let live = plane.endpoint(ENDPOINT).unwrap();
    assert_eq!(live.deployment.sampling(0).percentage(), 50.0);
    assert_eq!(running(&plane), (before.0.clone(), vec!["Shadow model-b ml.c5.large x1".to_owned()]));
    let end = 1_000 + 7 * DAY;
    assert_eq!(plane.next_transition(), s(end));
    // Deleting what the earlier state was made of loses sight of it, no more.
    plane.execute(&Command::DeleteModel { model_name: "model-a".into() }, s(2_000)).unwrap();
    plane.execute(&Command::DeleteEndpointConfig { endpoint_config_name: "live".into() }, s(2_000)).unwrap();
    plane.advance(s(end));
    assert_eq!(status(&plane), Status::Stopping);
    plane.advance(s(end + 240));
    assert_eq!(status(&plane), Status::Completed);
    assert_eq!(running(&plane), before);
    let live = plane.endpoint(ENDPOINT).unwrap();
    assert_eq!((live.config.as_str(), live.variants()[0].current_weight.get()), ("live", 3.0));
    let e = experiment(&plane);
    assert!(e.status_reason.as_ref().unwrap().contains("end of its schedule"));
    assert_eq!((e.began, e.completed), (Some(s(1_260)), Some(s(end + 240))));
    assert_eq!(e.variant_status(&e.plan.source), ModelVariantStatus::InService);
    assert_eq!(e.variant_status(&e.plan.shadow.variant_name), ModelVariantStatus::Deleted);
    // The service takes away what it made for the experiment, and nothing else.
    assert_eq!(plane.configs().map(|c| c.name.to_string()).collect::<Vec<_>>(), ["next", "two"]);
    assert_eq!(plane.models().count(), 2);
    plane.execute(&delete(), s(end + 300)).unwrap();
    assert_eq!(running(&plane), before);
    assert!(plane.inference_experiment(NAME).is_none());
}

#[test]
fn variants_go_through_the_documented_statuses() {
    for (status, plane, _) in in_each_status() {
        let e = experiment(&plane);
        let of = |name: &VariantName| e.variant_status(name);
        let wanted = match status {
            Status::Creating | Status::Created | Status::Starting => {
                (ModelVariantStatus::Creating, ModelVariantStatus::Creating)
            }
            Status::Running => (ModelVariantStatus::InService, ModelVariantStatus::InService),
            Status::Updating => (ModelVariantStatus::Updating, ModelVariantStatus::Updating),
            Status::Stopping => (ModelVariantStatus::Updating, ModelVariantStatus::Deleting),
            _ => (ModelVariantStatus::InService, ModelVariantStatus::Deleted),
        };
        assert_eq!((of(&e.plan.source), of(&e.plan.shadow.variant_name)), wanted, "{status}");
    }
}

#[test]
fn a_scheduled_one_starts_by_itself_or_early_with_the_end_at_thirty_days() {
    let scheduled = |start: u64, end: u64| {
        created_with(|a| {
            let (start, end) = (s(start).unix_s(), s(end).unix_s());
            a.schedule = Some(ScheduleInput { start_time: Some(start), end_time: Some(end) });
        })
    };
    let mut plane = account();
    plane.execute(&scheduled(20 * DAY, 45 * DAY), s(300)).unwrap();
    let mut early = plane.clone();
    plane.advance(s(20 * DAY - 1));
    assert_eq!(status(&plane), Status::Created);
    plane.advance(s(20 * DAY));
    assert_eq!(status(&plane), Status::Starting);
    plane.advance(s(45 * DAY - 1));
    assert_eq!(status(&plane), Status::Running);
    plane.advance(s(46 * DAY));
    assert_eq!(status(&plane), Status::Completed);

    early.advance(s(DAY));
    early.execute(&start(), s(DAY)).unwrap();
    assert_eq!(status(&early), Status::Starting);
    assert_eq!(experiment(&early).schedule, ExperimentSchedule { start: s(DAY), end: s(31 * DAY) });
    early.advance(s(31 * DAY));
    assert_eq!(status(&early), Status::Stopping);
}

#[test]
fn what_may_be_edited_depends_on_the_status() {
    let of = |wanted: Status| in_each_status().into_iter().find(|(s, ..)| *s == wanted).unwrap();
    let (_, mut plane, at) = of(Status::Created);
    let all = changed(|u| {
        u.description = Some("all of it".into());
        u.model_variants = Some(vec![ModelVariantConfig::new("Shadow-2", "model-a", "ml.m5.xlarge", 3)]);
        u.shadow_mode_config = Some(ShadowModeConfig {
            source_model_variant_name: "Production".into(),
            shadow_model_variants: vec![ShadowModelVariantConfig {
                shadow_model_variant_name: "Shadow-2".into(),
                sampling_percentage: 10,
            }],
        });
        let (start, end) = (s(2 * DAY).unix_s(), s(3 * DAY).unix_s());
        u.schedule = Some(ScheduleInput { start_time: Some(start), end_time: Some(end) });
        let destination = "s3://bucket/tests".to_owned();
        u.data_storage_config = Some(DataStorageConfig { destination, kms_key: None, content_type: None });
    });
    plane.execute(&all, s(at)).unwrap();
    let e = experiment(&plane);
    assert_eq!((e.plan.shadow.variant_name.as_str(), e.plan.sampling_percentage), ("Shadow-2", 10));
    assert_eq!(e.schedule, ExperimentSchedule { start: s(2 * DAY), end: s(3 * DAY) });
    plane.advance(s(2 * DAY + 240));
    assert_eq!(running(&plane).1, ["Shadow-2 model-a ml.m5.xlarge x3"]);
    let live = plane.endpoint(ENDPOINT).unwrap();
    assert_eq!(live.deployment.sampling(0).percentage(), 10.0);
    assert_eq!(live.deployment.capture.as_ref().unwrap().share(), 1.0);

    let (_, mut plane, at) = of(Status::Created);
    let model = changed(|u| u.model_variants = Some(vec![shadow("model-a")]));
    let said = plane.execute(&model, s(at)).unwrap_err();
    assert_eq!(said.code(), "ValidationException");
    assert!(said.to_string().contains("a variant keeps its model"), "{said}");

    let (_, mut plane, at) = of(Status::Running);
    let (begin, end) = (s(DAY).unix_s(), s(5 * DAY).unix_s());
    let only_end = changed(|u| {
        u.schedule = Some(ScheduleInput { start_time: Some(begin), end_time: Some(end) });
    });
    plane.execute(&only_end, s(at)).unwrap();
    assert_eq!((status(&plane), experiment(&plane).schedule.end), (Status::Running, s(5 * DAY)));
    plane.execute(&resampled(100), s(at)).unwrap();
    assert_eq!(status(&plane), Status::Updating);
    plane.advance(s(at + 45));
    assert_eq!(status(&plane), Status::Running);
    assert_eq!(plane.endpoint(ENDPOINT).unwrap().deployment.sampling(0).percentage(), 100.0);
    for refused in [
        changed(|u| {
            u.schedule = Some(ScheduleInput { start_time: Some(s(DAY + 1).unix_s()), end_time: None });
        }),
        changed(|u| {
            u.model_variants = Some(vec![ModelVariantConfig::new("Shadow", "model-b", "ml.c5.large", 2)]);
        }),
        changed(|u| {
            let destination = "s3://bucket/tests".to_owned();
            u.data_storage_config =
                Some(DataStorageConfig { destination, kms_key: None, content_type: None });
        }),
    ] {
        let said = plane.execute(&refused, s(at + 45)).unwrap_err();
        assert_eq!(said.code(), "ConflictException", "{said}");
    }
    let past = changed(|u| {
        u.schedule = Some(ScheduleInput { start_time: None, end_time: Some(s(DAY + 10).unix_s()) });
    });
    assert_eq!(plane.execute(&past, s(at + 45)).unwrap_err().code(), "ValidationException");
}

#[test]
fn members_out_of_their_limits_are_named() {
    let mut plane = account();
    let mut said = |change: &dyn Fn(&mut CreateInferenceExperiment)| {
        let e = plane.execute(&created_with(change), s(300)).unwrap_err();
        assert_eq!(e.code(), "ValidationException", "{e}");
        e.to_string()
    };
    assert!(said(&|a| a.name = "x".repeat(121)).contains("less than or equal to 120"));
    assert!(said(&|a| a.name = "no_name".into()).contains("{0,119}"));
    assert!(said(&|a| a.role_arn = "me".into()).contains("roleArn"));
    assert!(said(&|a| a.endpoint_name = "x".repeat(64)).contains("endpointName"));
    assert!(said(&|a| a.description = Some("x".repeat(1_025))).contains("[1025 characters]"));
    assert!(said(&|a| a.shadow_mode_config = mode(101)).contains("samplingPercentage"));
    assert!(said(&|a| a.model_variants.clear()).contains("between 1 and 2"));
    assert!(said(&|a| a.model_variants[0] = shadow("model-x")).contains("Could not find model"));
    assert!(
        said(&|a| a.model_variants[0].infrastructure_config.real_time_inference_config.instance_count = 0)
            .contains("instanceCount")
    );
    assert!(
        said(&|a| a.schedule = Some(ScheduleInput { start_time: Some(s(1).unix_s()), end_time: None }))
            .contains("startTime")
    );
    assert!(
        said(&|a| {
            let destination = "bucket".into();
            a.data_storage_config =
                Some(DataStorageConfig { destination, kms_key: None, content_type: None });
        })
        .contains("dataStorageConfig.destination")
    );
    assert!(
        said(&|a| a.shadow_mode_config.source_model_variant_name = "Prod".into())
            .contains("the endpoint's production variant is Production")
    );
    assert!(said(&|a| a.endpoint_name = "new".into()).contains("does not exist"));
    let other = ModelVariantConfig::new("Production", "model-b", "ml.m5.large", 1);
    assert!(said(&|a| a.model_variants.push(other.clone())).contains("serves model-a"));

    let huge = created_with(|a| {
        a.model_variants[0].infrastructure_config.real_time_inference_config.instance_count = 100;
        a.model_variants[0].infrastructure_config.real_time_inference_config.instance_type =
            "ml.m5.large".into();
    });
    assert_eq!(plane.execute(&huge, s(300)).unwrap_err().code(), "ResourceLimitExceeded");
    let mut plane = account();
    plane.execute(&update("two"), s(300)).unwrap();
    plane.advance(s(600));
    let e = plane.execute(&create(), s(600)).unwrap_err();
    assert!(e.to_string().contains("one production variant, but the endpoint has 2"), "{e}");
}

#[test]
fn an_account_has_fifty_experiments_and_an_endpoint_one_at_a_time() {
    let mut plane = account();
    let mut now = 300;
    for i in 0..MAX_EXPERIMENTS {
        let named = created_with(|a| {
            a.name = format!("test-{i}");
            a.endpoint_name = format!("own-{i}");
            a.model_variants.insert(0, ModelVariantConfig::new("Production", "model-a", "ml.m5.large", 1));
            a.schedule = Some(ScheduleInput { start_time: Some(s(9 * DAY).unix_s()), end_time: None });
        });
        plane.execute(&named, s(now)).unwrap();
        now += 1;
        let twice = created_with(|a| a.endpoint_name = format!("own-{i}"));
        assert_eq!(plane.execute(&twice, s(now)).unwrap_err().code(), "ResourceInUse");
    }
    assert_eq!(plane.execute(&create(), s(now)).unwrap_err().code(), "ResourceLimitExceeded");
}

#[test]
fn promote_remove_and_retain_leave_what_they_say() {
    use ModelVariantAction::{Promote, Remove, Retain};
    let (_, running_plane, at) = in_each_status().into_iter().find(|(s, ..)| *s == Status::Running).unwrap();
    let end = |call: &Command| {
        let mut plane = running_plane.clone();
        plane.execute(call, s(at + 10)).unwrap_or_else(|e| panic!("{e}"));
        plane.advance(s(at + 10 + 240));
        assert_eq!(status(&plane), Status::Completed);
        assert_eq!(plane.endpoint(ENDPOINT).unwrap().status, EndpointStatus::InService);
        let config = plane.endpoint(ENDPOINT).unwrap().config.to_string();
        let (serve, shadow) = running(&plane);
        (serve.join(", "), shadow.join(", "), config)
    };
    let own =
        |serve: &str, shadow: &str, config: &str| (serve.to_owned(), shadow.to_owned(), config.to_owned());
    let live = "Production model-a ml.m5.large x2";
    let promote = [("Shadow", Promote), ("Production", Remove)];
    // Retain the shadow's settings: nothing more is said, or its own size.
    let promoted = own("Shadow model-b ml.c5.large x1", "", "a-against-b-promoted");
    assert_eq!(end(&stopped(&promote, &[])), promoted);
    assert_eq!(end(&stopped(&promote[..1], &[shadow("model-b")])), promoted);
    // Retain production's settings, and a size of one's own.
    let as_production = ModelVariantConfig::new("Shadow", "model-b", "ml.m5.large", 2);
    assert_eq!(end(&stopped(&promote, &[as_production])).0, "Shadow model-b ml.m5.large x2");
    let custom = ModelVariantConfig::new("Shadow", "model-b", "ml.m5.4xlarge", 7);
    assert_eq!(end(&stopped(&promote, &[custom])).0, "Shadow model-b ml.m5.4xlarge x7");
    // Without the shadow: the earlier state, or production at another size.
    let keep = [("Production", Retain), ("Shadow", Remove)];
    assert_eq!(end(&stopped(&keep, &[])), own(live, "", "live"));
    assert_eq!(end(&stopped(&keep[..1], &[])), own(live, "", "live"));
    let more = ModelVariantConfig::new("Production", "model-a", "ml.m5.large", 5);
    assert_eq!(
        end(&stopped(&keep, &[more])),
        own("Production model-a ml.m5.large x5", "", "a-against-b-production")
    );
    // Both stay: at once, or at other sizes.
    let both = [("Production", Retain), ("Shadow", Retain)];
    assert_eq!(end(&stopped(&both, &[])), own(live, "Shadow model-b ml.c5.large x1", "a-against-b-shadow"));
    let twice = ModelVariantConfig::new("Shadow", "model-b", "ml.c5.large", 2);
    assert_eq!(
        end(&stopped(&both, &[twice])),
        own(live, "Shadow model-b ml.c5.large x2", "a-against-b-retained")
    );

    let refused = |call: &Command| {
        let mut plane = running_plane.clone();
        let before = format!("{plane:?}");
        let e = plane.execute(call, s(at + 10)).unwrap_err();
        assert_eq!(e.code(), "ValidationException", "{e}");
        assert_eq!(format!("{plane:?}"), before);
        e.to_string()
    };
    assert!(refused(&stopped(&[], &[])).contains("between 1 and 2"));
    assert!(refused(&stopped(&[("Other", Remove)], &[])).contains("variant of the experiment"));
    assert!(refused(&stopped(&[("Production", Promote)], &[])).contains("serves already"));
    assert!(refused(&stopped(&[("Production", Remove)], &[])).contains("only when the shadow"));
    assert!(
        refused(&stopped(&[("Production", Retain), ("Shadow", Promote)], &[])).contains("must be removed")
    );
    assert!(refused(&stopped(&keep, &[shadow("model-b")])).contains("goes on"));
    let other = ModelVariantConfig::new("Shadow", "model-a", "ml.m5.large", 1);
    assert!(refused(&stopped(&promote, &[other])).contains("keeps its model"));
    let Command::StopInferenceExperiment(mut wordy) = removed() else { panic!() };
    wordy.reason = Some("x".repeat(1_025));
    assert!(refused(&Command::StopInferenceExperiment(wordy)).contains("'reason'"));
}

#[test]
fn a_promoted_shadow_serves_at_once_and_no_request_finds_neither() {
    let (_, mut plane, at) = in_each_status().into_iter().find(|(s, ..)| *s == Status::Running).unwrap();
    plane.execute(&stopped(&[("Shadow", ModelVariantAction::Promote)], &[]), s(at + 10)).unwrap();
    let old: Vec<FleetId> = plane.endpoint(ENDPOINT).unwrap().deployment.all().map(|v| v.fleet).collect();
    let changes = plane.advance(s(at + 250));
    assert!(
        matches!(&changes[..], [FleetChange::Launch(new), FleetChange::Route(_), FleetChange::Retire(a), FleetChange::Retire(b)]
            if new.variant.as_str() == "Shadow" && [*a, *b] == old[..]),
        "{changes:?}"
    );
}

#[test]
fn it_creates_the_endpoint_that_is_not_there() {
    let mut plane = account();
    let own = created_with(|a| {
        a.endpoint_name = "own".into();
        a.model_variants.insert(0, ModelVariantConfig::new("Production", "model-a", "ml.m5.xlarge", 1));
    });
    plane.execute(&own, s(300)).unwrap();
    assert!(plane.endpoint("own").is_none());
    plane.advance(s(320));
    assert_eq!(plane.endpoint("own").unwrap().status, EndpointStatus::Creating);
    plane.advance(s(560));
    assert_eq!(status(&plane), Status::Running);
    plane.advance(s(8 * DAY));
    assert_eq!(status(&plane), Status::Completed);
    let e = plane.endpoint("own").unwrap();
    assert_eq!((e.variants().len(), e.shadows().len(), e.config.as_str()), (1, 0, "a-against-b-production"));
    assert_eq!(e.variants()[0].instance_type.spec().name, "ml.m5.xlarge");
}

#[test]
fn an_endpoint_under_an_experiment_refuses_other_changes_and_says_why() {
    for (status, mut plane, at) in in_each_status() {
        for call in [update("next"), delete_endpoint()] {
            let outcome = plane.clone().execute(&call, s(at));
            if status.holds_endpoint() {
                let e = outcome.unwrap_err();
                assert_eq!(e.code(), "ValidationException");
                assert!(e.to_string().contains("inference experiment \"a-against-b\" is in status"), "{e}");
            } else {
                outcome.unwrap();
            }
        }
        // A model and a configuration can be deleted at any time.
        plane.execute(&Command::DeleteModel { model_name: "model-b".into() }, s(at)).unwrap();
    }
}

#[test]
fn a_busy_endpoint_is_waited_for() {
    let mut plane = account();
    plane.execute(&update("next"), s(300)).unwrap();
    let b = created_with(|a| a.model_variants = vec![shadow("model-a")]);
    plane.execute(&b, s(310)).unwrap();
    plane.advance(s(400));
    assert_eq!(status(&plane), Status::Starting);
    plane.advance(s(540));
    assert_eq!(plane.endpoint(ENDPOINT).unwrap().status, EndpointStatus::Updating);
    plane.advance(s(780));
    assert_eq!(status(&plane), Status::Running);
    plane.advance(s(9 * DAY));
    assert_eq!(plane.endpoint(ENDPOINT).unwrap().config.as_str(), "next");
}

#[test]
fn what_cannot_go_on_is_cancelled_with_the_reason() {
    // A shadow that is never healthy: production serves on.
    let mut plane = account();
    let before = running(&plane);
    plane.execute(&created_with(|a| a.model_variants = vec![shadow("model-t")]), s(300)).unwrap();
    plane.advance(s(DAY));
    assert_eq!((status(&plane), running(&plane)), (Status::Cancelled, before));
    assert!(
        experiment(&plane).status_reason.as_ref().unwrap().contains("did not pass the ping health check")
    );
    assert_eq!(plane.configs().count(), 3);
    // An endpoint of its own that fails.
    let mut plane = account();
    let own = created_with(|a| {
        a.endpoint_name = "own".into();
        a.model_variants =
            vec![ModelVariantConfig::new("Production", "model-a", "ml.m5.large", 1), shadow("model-t")];
    });
    plane.execute(&own, s(300)).unwrap();
    plane.advance(s(DAY));
    assert_eq!(status(&plane), Status::Cancelled);
    assert_eq!(plane.endpoint("own").unwrap().status, EndpointStatus::Failed);
    // Its endpoint, or its model, is gone before it starts.
    let planned = || {
        let mut plane = account();
        let later = created_with(|a| {
            a.schedule = Some(ScheduleInput { start_time: Some(s(DAY).unix_s()), end_time: None });
        });
        plane.execute(&later, s(300)).unwrap();
        plane
    };
    let mut plane = planned();
    plane.execute(&delete_endpoint(), s(400)).unwrap();
    plane.advance(s(2 * DAY));
    assert_eq!(status(&plane), Status::Cancelled);
    assert!(experiment(&plane).status_reason.as_ref().unwrap().contains("Could not find endpoint"));
    let mut plane = planned();
    plane.execute(&Command::DeleteModel { model_name: "model-b".into() }, s(400)).unwrap();
    plane.advance(s(2 * DAY));
    assert_eq!(status(&plane), Status::Cancelled);
    assert!(experiment(&plane).status_reason.as_ref().unwrap().contains("Could not find model"));
    assert!(plane.execute(&delete_endpoint(), s(2 * DAY)).is_ok());
}

#[test]
fn advancing_in_pieces_changes_nothing() {
    let run = |slice: u64| {
        let mut plane = account();
        let mut changes = Vec::new();
        let mut now = 240;
        let go = |plane: &mut ControlPlane, until: u64, changes: &mut Vec<FleetChange>, now: &mut u64| {
            while *now < until {
                *now = (*now + slice).min(until);
                changes.extend(plane.advance(s(*now)));
            }
        };
        plane.execute(&create(), s(now)).unwrap();
        go(&mut plane, DAY, &mut changes, &mut now);
        plane.execute(&resampled(80), s(now)).unwrap();
        go(&mut plane, 9 * DAY, &mut changes, &mut now);
        let e = plane.endpoint(ENDPOINT).unwrap().clone();
        (changes, experiment(&plane).clone(), e, (plane.cost_usd() * 1e6).round())
    };
    let whole = run(100 * DAY);
    for slice in [1_000, 86_399] {
        assert_eq!(run(slice), whole);
    }
}

/// A plain generator: the tests need variety, not quality.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// What a simulation would be told to do, checked as it is told.
#[derive(Default)]
struct Fleets {
    there: BTreeSet<FleetId>,
}

impl Fleets {
    fn take(&mut self, changes: Vec<FleetChange>, plane: &ControlPlane) {
        for change in &changes {
            match change {
                FleetChange::Launch(order) => assert!(self.there.insert(order.fleet), "launched twice"),
                FleetChange::Resize { fleet, .. } => assert!(self.there.contains(fleet)),
                FleetChange::Retire(fleet) => assert!(self.there.remove(fleet), "retired twice"),
                FleetChange::Route(_) => {}
            }
        }
        for e in plane.endpoints().filter(|e| e.status.serves()) {
            for v in e.deployment.all() {
                assert!(self.there.contains(&v.fleet), "{} routes to a fleet that is not there", e.name);
            }
        }
    }
}

#[test]
fn no_sequence_of_calls_leaves_anything_stuck() {
    use ModelVariantAction::{Promote, Remove, Retain};
    let seeds = std::env::var("EXPERIMENT_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    for seed in 0..seeds {
        let mut dice = Dice(seed * 7_919 + 1);
        let mut plane = account();
        let mut fleets = Fleets::default();
        fleets.there.extend(plane.endpoints().flat_map(|e| e.deployment.all()).map(|v| v.fleet));
        let mut now = VirtualTime::from_s(240);
        let mut seen = BTreeSet::new();
        for _ in 0..10_000 {
            if dice.below(3) == 0 {
                let spans = [1, 30, 250, 4_000, 90_000];
                now = now + Duration::from_secs(spans[dice.below(5) as usize]);
                let changes = plane.advance(now);
                fleets.take(changes, &plane);
            }
            let models = ["model-a", "model-b", "model-t"];
            let mut pick = |n: u64| dice.below(n) as usize;
            let call = match pick(14) {
                0 | 1 => created_with(|a| {
                    a.model_variants = vec![ModelVariantConfig::new(
                        "Shadow",
                        models[pick(3)],
                        "ml.c5.large",
                        [1, 2, 60][pick(3)],
                    )];
                    if pick(2) == 0 {
                        let at = (now + Duration::from_secs([100, 90_000][pick(2)])).unix_s();
                        a.schedule = Some(ScheduleInput { start_time: Some(at), end_time: None });
                    }
                }),
                2 => start(),
                3 => resampled(pick(110) as i64),
                4 => changed(|u| {
                    let end = (now + Duration::from_secs(3_600 * (1 + pick(100) as u64))).unix_s();
                    u.schedule = Some(ScheduleInput { start_time: None, end_time: Some(end) });
                }),
                5 | 6 => {
                    let action = |i: usize| [Promote, Remove, Retain][i];
                    let (a, b) = (action(pick(3)), action(pick(3)));
                    let sizes =
                        [ModelVariantConfig::new("Shadow", "model-b", "ml.m5.large", 1 + pick(3) as i64)];
                    let sizes = if pick(2) == 0 { &sizes[..] } else { &[] };
                    stopped(&[("Production", a), ("Shadow", b)], sizes)
                }
                7 => delete(),
                8 => update(["live", "next", "two"][pick(3)]),
                9 if pick(10) == 0 => delete_endpoint(),
                10 => Command::CreateEndpoint {
                    endpoint_name: ENDPOINT.into(),
                    endpoint_config_name: "live".into(),
                    deployment_config: None,
                },
                11 => Command::DeleteModel { model_name: models[pick(3)].into() },
                12 => model(models[pick(2)], [Artifact::A, Artifact::B][pick(2)], ImageScope::Inference),
                _ => config("live", &[("Production", "model-a")]),
            };
            if let Ok(changes) = plane.execute(&call, now) {
                fleets.take(changes, &plane);
            }
            if let Some(e) = plane.inference_experiment(NAME) {
                seen.insert(e.status);
            }
        }
        // Left alone, everything comes to rest.
        for _ in 0..50 {
            now = now + Duration::from_secs(2 * DAY);
            let changes = plane.advance(now);
            fleets.take(changes, &plane);
        }
        assert_eq!(plane.next_transition(), VirtualTime::END);
        assert!(plane.inference_experiments().all(|e| e.status.has_ended()), "an experiment is stuck");
        for e in plane.endpoints() {
            assert!(matches!(e.status, EndpointStatus::InService | EndpointStatus::Failed), "{}", e.status);
            assert!(e.deployment.all().all(|v| v.status.is_none() && v.current_count == v.desired_count));
        }
        if let Ok(changes) = plane.execute(&delete_endpoint(), now) {
            fleets.take(changes, &plane);
        }
        let changes = plane.advance(now + Duration::from_secs(60));
        fleets.take(changes, &plane);
        let cost = plane.cost_usd();
        plane.advance(now + Duration::from_secs(DAY));
        assert_eq!(plane.cost_usd(), cost, "a deleted endpoint is billed");
        assert!(fleets.there.is_empty(), "a fleet outlived its endpoint");
        assert!(seen.len() >= 7, "seed {seed} saw only {seen:?}");
    }
}
