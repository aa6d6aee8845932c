//! Deployment guardrails: the same bad version all at once, as a canary, linearly and as a shadow.

use crate::{
    domain::{
        Artifact, Command, ComparisonOperator, ContainerImage, ContainerInput, Dimension, ImageScope,
        MetricAlarmInput, ProductionVariantInput, TreatMissingData,
    },
    lab::{Block::*, Control, Goal, GuardGoal, LabId, Lesson, Step},
    simulation::Fault,
};

/// The endpoint of this lab.
pub const ENDPOINT: &str = "reviews";
/// Today's version, and the one that is bad.
pub const VERSIONS: [&str; 2] = ["reviews-v1", "reviews-v2"];
/// Instances of each version: a canary of one of them is a tenth.
const INSTANCES: i64 = 10;
/// What is wrong with the new version: nearly a third of its answers fail.
pub const BAD: Fault = Fault::ModelErrors { share: 0.3 };

/// What is there before the learner comes.
pub(in crate::lab) fn furniture() -> Vec<Command> {
    let image = ContainerImage::retrieve(ImageScope::Inference, false).as_str().to_owned();
    let model = |name: &str, artifact: Artifact| Command::CreateModel {
        model_name: name.into(),
        primary_container: ContainerInput { image: image.clone(), model_data_url: artifact.model_data_url() },
    };
    let config = |name: &str, model: &str| Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: vec![ProductionVariantInput {
            variant_name: "Reviews".into(),
            model_name: model.into(),
            instance_type: "ml.m5.large".into(),
            initial_instance_count: INSTANCES,
            initial_variant_weight: 1.0,
            routing_config: None,
        }],
        shadow_production_variants: Vec::new(),
        data_capture_config: None,
    };
    let alarm = |name: &str, metric: &str, threshold: f64| {
        Command::PutMetricAlarm(MetricAlarmInput {
            alarm_name: name.into(),
            namespace: "AWS/SageMaker".into(),
            metric_name: metric.into(),
            dimensions: vec![
                Dimension::new("EndpointName", ENDPOINT),
                Dimension::new("VariantName", "AllTraffic"),
            ],
            statistic: Some("Average".into()),
            extended_statistic: None,
            period: 60,
            evaluation_periods: 1,
            datapoints_to_alarm: None,
            threshold,
            comparison_operator: ComparisonOperator::GreaterThanThreshold,
            treat_missing_data: Some(TreatMissingData::NotBreaching),
        })
    };
    vec![
        model("reviews-a", Artifact::A),
        model("reviews-b", Artifact::B),
        config(VERSIONS[0], "reviews-a"),
        config(VERSIONS[1], "reviews-b"),
        alarm("reviews-errors", "Invocation5XXErrors", 1.0),
        alarm("reviews-latency", "ModelLatency", 100_000.0),
    ]
}

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::Guardrails,
    title: "Deployment guardrails",
    summary: "Roll out the same bad version in four ways, count whom each way harms, and find the alarm that can never ring.",
    minutes: 25,
    controls: &[],
    steps: &[
        Step {
            id: "serve",
            chapter: "All at once",
            title: "Serve version 1",
            body: &[
                Text(
                    "Two versions are configured: `reviews-v1`, today's model, and `reviews-v2`, the next one. Each runs on ten instances, under the same variant name.",
                ),
                Do("Create the endpoint `reviews` from `reviews-v1` and wait until it is in service."),
                Expect("Ten instances, one wide path."),
            ],
            goal: Goal::Guarded(GuardGoal::Serving(VERSIONS[0])),
            hints: &["Choose reviews-v1, name the endpoint reviews, create, and let four minutes pass."],
            controls: &[Control::Deploy, Control::Describe],
        },
        Step {
            id: "traffic",
            chapter: "All at once",
            title: "Let users come",
            body: &[
                Do("Start the traffic, 50 requests per second, and wait for 1,000 answers."),
                Expect("Every request is answered: version 1 is sound."),
            ],
            goal: Goal::TrafficServed(1_000),
            hints: &["At 50 per second a thousand requests take 20 virtual seconds."],
            controls: &[Control::Traffic],
        },
        Step {
            id: "all-at-once",
            chapter: "All at once",
            title: "Roll out version 2 without a guard",
            body: &[
                Text(
                    "Version 2 passed every test in the notebook. In production three of ten of its answers fail. Nobody knows that yet.",
                ),
                Do(
                    "Update `reviews` to `reviews-v2` with *all at once* and no alarm. Wait until 1,000 requests are harmed.",
                ),
                Expect(
                    "The health check passes: the container answers its ping. Then 15 errors per second, and they do not stop by themselves.",
                ),
                Why("A health check asks whether a container runs, not whether its answers are right."),
            ],
            goal: Goal::Guarded(GuardGoal::HarmedAllAtOnce(1_000)),
            hints: &[
                "In the panel Roll out a version: the policy is All at once; leave every alarm unticked.",
                "The new fleet takes four minutes to start; then 1,000 errors take a little more than a minute.",
            ],
            controls: &[Control::Deployment, Control::Harm],
        },
        Step {
            id: "back",
            chapter: "All at once",
            title: "Go back by hand",
            body: &[
                Do("Update `reviews` to `reviews-v1` again and wait until it serves."),
                Expect("Four more minutes of errors: a way back that starts a fleet is a slow one."),
                Why(
                    "With a guard the old fleet is kept until the new one has proved itself. Going back is then a change of routes, done at once; its price is that both fleets are billed meanwhile.",
                ),
            ],
            goal: Goal::Guarded(GuardGoal::BackByHand),
            hints: &["The same panel, the other configuration."],
            controls: &[Control::Deployment, Control::Harm],
        },
        Step {
            id: "alarms",
            chapter: "The alarm",
            title: "Find the alarm that can never ring",
            body: &[
                Text(
                    "Two alarms are there, copied from a sample: `reviews-errors` and `reviews-latency`. Both were silent while a third of your users got errors. One of them could not have rung whatever happened.",
                ),
                Do(
                    "Dry-run both over the past. Then mend the one that can never ring, and dry-run it until it would have rung.",
                ),
                Expect(
                    "A dry run reads the metrics of the last six hours and says at which minute the alarm would have rung.",
                ),
                Trap(
                    "`Invocation5XXErrors` is 1 for a failed request and 0 for any other, so its Average is the *share* that failed: 0 to 1. A threshold of 1 with `GreaterThanThreshold` waits for more than all requests to fail. A published sample has just that.",
                ),
                Why(
                    "An alarm that was never seen to ring is a hope. Try it on a day on which it should have rung.",
                ),
            ],
            goal: Goal::Guarded(GuardGoal::AlarmsSound),
            hints: &[
                "What values can the Average of a metric take that is 0 or 1?",
                "Choose reviews-errors, set the threshold to 0.02 and put the alarm again under its name; then dry-run it.",
            ],
            controls: &[Control::Alarms],
        },
        Step {
            id: "canary",
            chapter: "With a guard",
            title: "Roll out version 2 as a canary",
            body: &[
                Do(
                    "Update to `reviews-v2` as a *canary* of 10%, wait interval 300 s, guarded by `reviews-errors`.",
                ),
                Expect(
                    "One of ten instances gets a tenth of the requests. A full minute must pass, and another until its metrics are published: then the alarm rings, everything is back on version 1, and the endpoint says why.",
                ),
                Trap(
                    "Guardrails need the same variant name in both configurations. With another name the service falls back to all at once, without a bake: read the note of the rollout.",
                ),
            ],
            goal: Goal::Guarded(GuardGoal::CalledBack("canary")),
            hints: &[
                "Tick reviews-errors under Alarms that call it back.",
                "The average over both fleets is a tenth of 30%: 3%. An alarm at 5% would not see it. Watch the new fleet alone with EndpointConfigName, or lower the threshold.",
            ],
            controls: &[Control::Deployment, Control::Alarms, Control::Harm],
        },
        Step {
            id: "linear",
            chapter: "With a guard",
            title: "Roll it out linearly",
            body: &[
                Do("The same update, *linear* in steps of 20%, guarded by the same alarm."),
                Expect(
                    "A first step twice as large harms twice as many in the same time. What counts is the first step: it lasts until the alarm rings.",
                ),
            ],
            goal: Goal::Guarded(GuardGoal::CalledBack("linear")),
            hints: &["Wait until the endpoint is in service again after the canary: half a minute."],
            controls: &[Control::Deployment, Control::Harm],
        },
        Step {
            id: "compare",
            chapter: "Side by side",
            title: "Compare four ways",
            body: &[
                Text(
                    "The simulator can do what nobody can in production: the same half hour, the same requests, four times over.",
                ),
                Do("Compare the rollouts of `reviews-v2` over 30 minutes, guarded by `reviews-errors`."),
                Expect(
                    "The area is users harmed. All at once grows for ever; canary and linear are slivers; the shadow harms nobody, because nobody gets its answers.",
                ),
                Why(
                    "Harm is share × rate × error rate × time until somebody notices. A strategy sets the share, an alarm the time.",
                ),
                Trap(
                    "A shadow does not show what users do with an answer. It finds errors and slowness; whether users like version 2 better only an A/B test tells.",
                ),
            ],
            goal: Goal::Guarded(GuardGoal::Compared),
            hints: &["The button is below the areas: Compare four ways."],
            controls: &[Control::Harm],
        },
        Step {
            id: "release",
            chapter: "Side by side",
            title: "Release everything",
            body: &[
                Do("Delete the endpoint, the configurations and the models."),
                Expect("The cost per hour falls to zero."),
            ],
            goal: Goal::AllReleased,
            hints: &["The endpoint takes half a virtual minute to go."],
            controls: &[Control::Release],
        },
    ],
};
