//! A shadow test by the API: a copy of the traffic for a model whose answers nobody gets.

use crate::{
    analysis::metrics::Metric,
    domain::Artifact,
    lab::{Block::*, Control, Goal, LabId, Lesson, Prompt, Step},
};

/// What is compared while the shadow runs.
const COMPARED: &[Metric] = &[Metric::InvocationsPerInstance, Metric::ModelLatency, Metric::OverheadLatency];

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::ShadowApi,
    title: "Shadow test by API",
    summary: "Send copies of live requests to a new model, compare the answers one by one, and promote it without a caller noticing.",
    minutes: 25,
    controls: &[],
    steps: &[
        Step {
            id: "models",
            chapter: "Deploy",
            title: "Create both models",
            body: &[
                Text(
                    "Model A serves today. Model C is larger: three networks that vote. Is it better on *your* traffic, and is it fast enough? A shadow test answers both before a single caller depends on it.",
                ),
                Do("Create a model of `stars-a` and one of `stars-c`."),
                Expect("Two models in the list. Nothing runs yet and nothing costs."),
            ],
            goal: Goal::ModelsOf(&[Artifact::A, Artifact::C]),
            hints: &[
                "Choose the artefact first; the name follows.",
                "`create_model` takes an inference image; a training image never gets healthy.",
            ],
            controls: &[Control::Models],
        },
        Step {
            id: "configuration",
            chapter: "Deploy",
            title: "Configure a production and a shadow variant",
            body: &[
                Text(
                    "`ShadowProductionVariants` is a list beside `ProductionVariants`. Here each may hold one variant.",
                ),
                Do(
                    "Create a configuration: model A as the production variant on *2* instances with weight 1, model C as the shadow variant on *1* instance with weight 0.5.",
                ),
                Expect("The form says that 50% of the requests will be copied: 0.5 \u{f7} 1."),
                Trap(
                    "The sample that this lab follows lists the shadow's name among the production variants, too. Try it in the JSON tab: the call is refused, and the message says which list to mend.",
                ),
            ],
            goal: Goal::ShadowConfig { sampling: 0.5, production_instances: 2, shadow_instances: 1 },
            hints: &[
                "\u{201c}Add shadow variant\u{201d} stands below the production variant.",
                "Only the quotient of the two weights counts: 10 and 5 copy half as well.",
            ],
            controls: &[Control::Configuration],
        },
        Step {
            id: "deploy",
            chapter: "Deploy",
            title: "Deploy it and wait",
            body: &[
                Do("Create the endpoint and let virtual time run until it is in service."),
                Expect("A lane for production, and a dashed one for the shadow: nothing comes back from it."),
                Why("You pay for both fleets while the test runs. That, and nothing else, is its price."),
            ],
            goal: Goal::ShadowInService,
            hints: &["Pace 60\u{d7} makes four minutes four seconds."],
            controls: &[Control::Deploy, Control::Describe],
        },
        Step {
            id: "guess",
            chapter: "Compare",
            title: "Guess: where will the shadow's line run?",
            body: &[
                Text(
                    "`InvocationsPerInstance` is the number of requests divided by the instances that share them. Production has 2 instances and every request; the shadow has 1 instance and a copy of every second request.",
                ),
                Do("Say how high the shadow's line will run, in percent of production's."),
            ],
            goal: Goal::Guessed(Prompt::ShadowPerInstance),
            hints: &[
                "Of 100 requests: how many for each of production's instances, how many for the shadow's?",
            ],
            controls: &[Control::Guess(Prompt::ShadowPerInstance)],
        },
        Step {
            id: "traffic",
            chapter: "Compare",
            title: "Send traffic",
            body: &[
                Do("Start the traffic and wait until 3,000 requests have been served."),
                Expect(
                    "About 1,500 copies. The counters tell them apart: sent, answered, failed, dropped. Callers see production's answers only.",
                ),
                Why(
                    "Copies that are lost without a word are the oldest trouble with shadow tests: a shadow that gets no traffic looks perfect.",
                ),
            ],
            goal: Goal::TrafficServed(3_000),
            hints: &["100 requests per second at pace 60\u{d7} take a second."],
            controls: &[Control::Traffic, Control::Comparison],
        },
        Step {
            id: "metrics",
            chapter: "Compare",
            title: "Compare the metrics",
            body: &[
                Do(
                    "Look at `InvocationsPerInstance`, `ModelLatency` and `OverheadLatency`, both variants overlaid.",
                ),
                Expect(
                    "The first two lines coincide: N \u{f7} 2 each. The model latencies lie apart: C computes more. Overhead is alike, because it is the endpoint's, not the model's.",
                ),
                Trap(
                    "Equal lines per instance look as if the shadow got all the traffic. It gets half. With 1 and 1 instances the same test shows lines that differ by a factor of two.",
                ),
            ],
            goal: Goal::MetricsViewed(COMPARED),
            hints: &["The metric is chosen above the plot. Average is the honest statistic for a latency."],
            controls: &[Control::Metrics],
        },
        Step {
            id: "pairs",
            chapter: "Compare",
            title: "Compare answer by answer",
            body: &[
                Text(
                    "Each copy was answered by both models. That makes *pairs*: the same review, two answers. Where the true stars are known, one sees who was right.",
                ),
                Do("Wait for 2,000 compared pairs, and read agreement, kappa and who was right."),
                Expect(
                    "The two agree on most reviews. What counts is the rest: the reviews on which only one of them is right.",
                ),
                Why(
                    "Pairs need far fewer requests than two separate groups: what makes a review hard is the same for both models and cancels out.",
                ),
            ],
            goal: Goal::PairsCompared(2_000),
            hints: &["Half of the requests are copied: 2,000 pairs take about 4,000 requests."],
            controls: &[Control::Comparison],
        },
        Step {
            id: "disagreements",
            chapter: "Compare",
            title: "Read where they disagree",
            body: &[
                Do("Open one of the reviews on which the models disagree."),
                Expect("The text, both answers with their probabilities, and the request as `curl`."),
                Why(
                    "A number says how often two models differ; only the texts say *how*. Sarcasm? A domain that one of them never saw?",
                ),
            ],
            goal: Goal::DisagreementRead,
            hints: &["Sorted by gap, the first ones are four stars apart."],
            controls: &[Control::Disagreements],
        },
        Step {
            id: "all-copies",
            chapter: "Decide",
            title: "Copy every request",
            body: &[
                Text(
                    "Half of the traffic is half of the load. Before C serves everything, let it bear everything.",
                ),
                Do(
                    "Set the shadow's weight to production's, so that 100% is copied, and its instances to 2.",
                ),
                Expect("Twice the copies. Callers' latency does not move: not in the last digit."),
                Why("What a shadow cannot carry, it could not have served either. Better to see it now."),
            ],
            goal: Goal::ShadowSampling(1.0),
            hints: &[
                "Weight 1 beside weight 1.",
                "The update takes some virtual minutes when instances change.",
            ],
            controls: &[Control::Weights],
        },
        Step {
            id: "promote",
            chapter: "Decide",
            title: "Promote the shadow",
            body: &[
                Do(
                    "Create a configuration with model C as the only production variant and update the endpoint to it.",
                ),
                Expect("A new fleet is started, traffic moves, the old one ends. No request is lost."),
                Trap(
                    "The variant has another name than production had. Canary and linear shifting want the same name in both configurations; this update moves all at once.",
                ),
            ],
            goal: Goal::OnlyServes(Artifact::C),
            hints: &["Choose the shadow as the variant that stays."],
            controls: &[Control::Remove, Control::Describe],
        },
        Step {
            id: "release",
            chapter: "Decide",
            title: "Release everything",
            body: &[
                Do("Delete the endpoint, both configurations and both models."),
                Expect("The cost per hour falls to zero."),
            ],
            goal: Goal::AllReleased,
            hints: &["The endpoint takes half a virtual minute to go."],
            controls: &[Control::Release],
        },
    ],
};
