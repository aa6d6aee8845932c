//! Lab 4.3: A/B testing of two models behind one endpoint.

use crate::lab::{Block::*, Control, Goal, LabId, Lesson, Prompt, Step};

pub(super) static LESSON: Lesson = Lesson {
    id: LabId::AbTesting,
    title: "A/B testing",
    summary: "Put two sentiment models behind one endpoint, split live traffic between them, move it to the better one and clean up.",
    minutes: 35,
    controls: &[],
    steps: &[
        Step {
            id: "session",
            chapter: "Set up",
            title: "Open the session",
            body: &[
                Text(
                    "One endpoint can serve several models at once. Each is a *production variant*: a model, an instance type, a number of instances and a weight. The weights decide how live requests are shared out.",
                ),
                Text(
                    "You will compare today's model A with a candidate B. Both read a review and answer with 1 to 5 stars. They run here, in your browser; the endpoint and its instances are simulated in virtual time.",
                ),
                Do("Open the session."),
                Expect(
                    "Clients for SageMaker and CloudWatch, a role, a region and a bucket. Nothing leaves this page.",
                ),
            ],
            goal: Goal::SessionOpen,
            hints: &["The button is in the panel below: Open session."],
            controls: &[Control::Session],
        },
        Step {
            id: "leftover",
            chapter: "Set up",
            title: "Delete what an earlier lab left running",
            body: &[
                Text(
                    "An endpoint of an earlier lab is still in service. Nobody calls it, and it is billed by the hour.",
                ),
                Do("Delete the endpoint `autopilot-leftover`."),
                Expect(
                    "Its status turns to Deleting; half a virtual minute later it is gone, and the cost per hour falls to zero.",
                ),
                Why(
                    "An endpoint costs the same with traffic and without. Forgotten ones are a classic on the bill.",
                ),
                Trap(
                    "Notebooks often wrap this call in `try: … except: pass`. If the name is wrong you never learn that the endpoint is still there. Read the error instead: \u{201c}Could not find endpoint\u{201d} is good news.",
                ),
            ],
            goal: Goal::LeftoverGone,
            hints: &["Virtual time must run: press play, or step by a minute, at the top of the page."],
            controls: &[Control::Leftover],
        },
        Step {
            id: "artifacts",
            chapter: "The models",
            title: "Fetch the two model artefacts",
            body: &[
                Text("Training left each model as `output/model.tar.gz` in the bucket."),
                Do("Fetch artefact `stars-a` and artefact `stars-b`."),
                Expect(
                    "A is 165 kB, B 538 kB. Each is checked against its sha256, then made ready to answer.",
                ),
            ],
            goal: Goal::ArtifactsFetched,
            hints: &["Each artefact has a button of its own."],
            controls: &[Control::Artifacts],
        },
        Step {
            id: "signatures",
            chapter: "The models",
            title: "Read both prediction signatures",
            body: &[
                Text(
                    "The signature says what goes in and what comes out: names, shapes and types. Variants of one endpoint must agree on it, since a caller does not know which of them answers.",
                ),
                Do("Open the signature of A, then that of B."),
                Expect(
                    "The same input and the same outputs, but other operators, sizes and training data. Compare their test figures with the row \u{201c}always 5 stars\u{201d}.",
                ),
                Why(
                    "More than half of all reviews have 5 stars. A model that always answers 5 looks accurate and knows nothing: look at macro-F1 and balanced accuracy too.",
                ),
            ],
            goal: Goal::SignaturesRead,
            hints: &["Open both cards; the step is done when you have seen both."],
            controls: &[Control::Signatures],
        },
        Step {
            id: "code",
            chapter: "The models",
            title: "Read the code in front of the model",
            body: &[
                Text(
                    "A model takes numbers, a caller sends text. `inference.py` stands between: here it cuts a text into at most 128 tokens and hashes each one.",
                ),
                Do("Open the pre-processing code and type a sentence of your own into it."),
                Expect(
                    "Your sentence as tokens and hashes. Emoji and accents fall away: what the tokeniser drops, no model can see.",
                ),
                Trap(
                    "The code must already be inside `model.tar.gz`, under `code/`. If it is not, the container starts, and every request fails.",
                ),
            ],
            goal: Goal::InferenceCodeRead,
            hints: &["The button reads Open the code."],
            controls: &[Control::InferenceCode],
        },
        Step {
            id: "image",
            chapter: "The models",
            title: "Find the container image",
            body: &[
                Text(
                    "A model runs in a container. Its image depends on the framework, its version, the kind of instance, and what it is for: training or inference.",
                ),
                Do("Look up the *inference* image for `ml.m5.large`."),
                Expect("An address in the registry that ends in the version and the device."),
                Trap(
                    "A model made from a training job inherits the training image. It starts but answers no `GET /ping`, and the endpoint fails after minutes of waiting. You may try it: it breaks nothing here.",
                ),
            ],
            goal: Goal::InferenceImageChosen,
            hints: &["The scope must be inference."],
            controls: &[Control::Image],
        },
        Step {
            id: "models",
            chapter: "The models",
            title: "Create model A and model B",
            body: &[
                Text(
                    "In SageMaker a *model* is a name for an artefact and the image that runs it. It costs nothing until an endpoint uses it.",
                ),
                Do("Create one model from `stars-a` and one from `stars-b`."),
                Trap(
                    "The lab that this one follows makes both models from the same artefact. Then A and B are equal, and whatever difference you see is chance: an A/A test. Useful on purpose, misleading by accident.",
                ),
            ],
            goal: Goal::TwoModels,
            hints: &["Keep the proposed names, or choose your own: letters, digits and hyphens, at most 63."],
            controls: &[Control::Models],
        },
        Step {
            id: "configuration",
            chapter: "Deploy",
            title: "Configure two variants at 50 / 50",
            body: &[
                Text(
                    "A variant's share of the traffic is its weight divided by the sum of the weights. 50 and 50 share equally; so do 1 and 1.",
                ),
                Do(
                    "Create an endpoint configuration with VariantA on model A and VariantB on model B, each with one instance and weight 50.",
                ),
                Expect("The share bar shows two halves, and the cost per hour of both instances."),
                Why(
                    "Variants may also differ in hardware or region. Change one thing at a time, or you will not know which one made the difference.",
                ),
            ],
            goal: Goal::ConfigWithShares(&[0.5, 0.5]),
            hints: &[
                "The first variant takes model A, the second model B.",
                "Equal weights give equal shares, whatever their size.",
            ],
            controls: &[Control::Configuration],
        },
        Step {
            id: "guess",
            chapter: "Deploy",
            title: "Guess: how many of 50 go to B?",
            body: &[
                Text(
                    "You will send 50 requests through a 50 / 50 split. Each is drawn on its own, like a coin that is tossed.",
                ),
                Do("Say how many of the 50 will go to VariantB, before you see it."),
            ],
            goal: Goal::Guessed(Prompt::SplitOfFifty),
            hints: &["Any whole number from 0 to 50. There is no wrong guess, only a surprise."],
            controls: &[Control::Guess(Prompt::SplitOfFifty)],
        },
        Step {
            id: "deploy",
            chapter: "Deploy",
            title: "Create the endpoint",
            body: &[
                Do("Create an endpoint from your configuration."),
                Expect(
                    "The call returns at once, with status Creating. Instances start, containers fetch their model and must pass a health check.",
                ),
            ],
            goal: Goal::EndpointCreated,
            hints: &["Choose the configuration that you made, then create."],
            controls: &[Control::Deploy],
        },
        Step {
            id: "wait",
            chapter: "Deploy",
            title: "Wait until it is in service",
            body: &[
                Text(
                    "A waiter asks `DescribeEndpoint` every 30 seconds, for up to an hour. Here you may turn up the pace of virtual time.",
                ),
                Do("Let virtual time run until the status is InService."),
                Expect(
                    "About four virtual minutes (a lab rule; the service states no figure). At pace 60 that is four seconds.",
                ),
            ],
            goal: Goal::EndpointInService,
            hints: &[
                "Set the pace to 60\u{d7} at the top.",
                "Failed? Read the reason: an image for training never passes the health check. Delete the endpoint and create it from a sound model.",
            ],
            controls: &[Control::Describe],
        },
        Step {
            id: "track",
            chapter: "Deploy",
            title: "Log the deployment to the experiment",
            body: &[
                Text(
                    "The trial already holds how the models were trained. Adding the deployment ties an answer in production to the training that made it.",
                ),
                Do("Log the endpoint as the trial component `deploy`."),
            ],
            goal: Goal::DeploymentTracked,
            hints: &["One button does it."],
            controls: &[Control::Tracking],
        },
        Step {
            id: "lineage",
            chapter: "Deploy",
            title: "Read the lineage table",
            body: &[
                Do("Open the lineage table."),
                Expect(
                    "Training and deployment in order of creation, with `validation:accuracy` where there is one.",
                ),
                Why("When something goes wrong at night, this table says which training run is answering."),
            ],
            goal: Goal::LineageRead,
            hints: &["Open it again if you logged the deployment after you last looked."],
            controls: &[Control::Lineage],
        },
        Step {
            id: "own-sentence",
            chapter: "Predict",
            title: "Ask it about your own sentence",
            body: &[
                Do("Type a sentence and send it; then send it again a few times."),
                Expect(
                    "Stars with their probabilities, and the variant that answered. The same sentence may get another answer when the other variant serves it.",
                ),
                Why(
                    "The split is drawn per request, not per user: by default one user can meet both models.",
                ),
            ],
            goal: Goal::OwnSentenceAnswered,
            hints: &[
                "Plain English works best: the models learned from clothing and food reviews.",
                "Emoji alone have no token, and no token means no prediction.",
            ],
            controls: &[Control::Predict],
        },
        Step {
            id: "batch",
            chapter: "Predict",
            title: "Send 50 reviews",
            body: &[
                Do("Send 50 sampled reviews through the endpoint."),
                Expect(
                    "A table with the predicted stars beside the true ones, and how many went to each variant: in 95% of such runs B gets 18 to 32. Compare that with your guess.",
                ),
                Why(
                    "50 rows decide nothing. The wide band of the split is the same noise that sits in every other figure of this table.",
                ),
            ],
            goal: Goal::BatchAnswered { rows: 50, live_variants: 2 },
            hints: &["Leave the target variant empty, so that the weights decide."],
            controls: &[Control::Batch],
        },
        Step {
            id: "traffic",
            chapter: "Measure",
            title: "Let the clients in",
            body: &[
                Text(
                    "Real endpoints do not wait for a notebook. Turn on the clients: they send reviews at random moments, with the star mix of real shops.",
                ),
                Do("Start the traffic and let at least 2,000 requests be served."),
                Expect(
                    "Dots run through the router to both variants and back. Click one to open that request.",
                ),
            ],
            goal: Goal::TrafficServed(2_000),
            hints: &["20 requests a second at pace 60 take less than two seconds for 2,000."],
            controls: &[Control::Traffic],
        },
        Step {
            id: "metrics",
            chapter: "Measure",
            title: "Look at the four metrics",
            body: &[
                Text(
                    "CloudWatch keeps each metric per variant and minute: `CPUUtilization`, `Invocations`, `InvocationsPerInstance` and `ModelLatency`.",
                ),
                Do("Look at all four, side by side for both variants."),
                Expect(
                    "Metrics lag by a minute or two. An empty plot means \u{201c}not yet\u{201d}, and it says when the first datapoint will come.",
                ),
                Trap(
                    "Some texts name a metric \u{201c}InvocationsPerVariant\u{201d}. There is none: it is `Invocations`, asked for by variant.",
                ),
            ],
            goal: Goal::FourMetricsViewed,
            hints: &["The plots are in the metrics region. Select any of the four that is not shown."],
            controls: &[Control::Metrics],
        },
        Step {
            id: "sum-trap",
            chapter: "Measure",
            title: "Do not fall for the sum",
            body: &[
                Text("The lab that this one follows plots `ModelLatency` with the statistic Sum."),
                Do("Look at `ModelLatency` as a Sum, then as an Average."),
                Expect(
                    "The sum grows with the number of requests: the busier variant looks slower. The average does not care how many there were.",
                ),
                Why("For latency use the average, or better p90 and p99: users feel the slow ones."),
            ],
            goal: Goal::SumAndAverageCompared,
            hints: &["Change the statistic of the ModelLatency plot."],
            controls: &[Control::Metrics],
        },
        Step {
            id: "shift",
            chapter: "Shift",
            title: "Move all traffic to B",
            body: &[
                Do("Set the weight of VariantA to 0 and that of VariantB to 100."),
                Expect(
                    "Status Updating, then InService. Desired weights show at once, current weights when the change is done. No request fails meanwhile.",
                ),
                Why(
                    "Weights change without a new deployment, so going back is as quick: A is still running.",
                ),
            ],
            goal: Goal::AllTrafficToB,
            hints: &[
                "While the endpoint is Updating, further changes are refused: wait until it is InService.",
            ],
            controls: &[Control::Weights],
        },
        Step {
            id: "batch-on-b",
            chapter: "Shift",
            title: "Send 50 reviews to B alone",
            body: &[Do("Send 50 reviews again."), Expect("VariantB answers every one.")],
            goal: Goal::BatchAnswered { rows: 50, live_variants: 1 },
            hints: &["The split counter must read 0 and 50."],
            controls: &[Control::Batch],
        },
        Step {
            id: "metrics-on-b",
            chapter: "Shift",
            title: "Watch the metrics follow",
            body: &[
                Do("Look at the four metrics again."),
                Expect(
                    "Invocations of A fall to zero. The load of B doubles, and it still bills no more than before: A is idle and costs the same.",
                ),
            ],
            goal: Goal::FourMetricsViewed,
            hints: &["Select each of the four once more: the step counts from the moment the split changed."],
            controls: &[Control::Metrics],
        },
        Step {
            id: "remove",
            chapter: "Shift",
            title: "Remove variant A",
            body: &[
                Text(
                    "An idle variant still costs. To remove it, make a configuration without it and update the endpoint to that.",
                ),
                Do("Create a configuration with VariantB alone, and update the endpoint."),
                Expect(
                    "A new fleet starts beside the old one. The old one serves until the new one is in service, then it ends: no request is lost, and for a few minutes both are billed.",
                ),
                Trap(
                    "Called while another update runs, this ends in \u{201c}Cannot update in-progress endpoint\u{201d}. Wait for InService first.",
                ),
            ],
            goal: Goal::OnlyBRemains,
            hints: &["A configuration never changes, so this needs a new one with a name of its own."],
            controls: &[Control::Remove],
        },
        Step {
            id: "batch-after",
            chapter: "Shift",
            title: "Check that it still answers",
            body: &[
                Do("Send 50 reviews once more."),
                Expect("50 answers from VariantB, now on its new fleet."),
            ],
            goal: Goal::BatchAnswered { rows: 50, live_variants: 1 },
            hints: &["If nothing is served, look at the endpoint's status first."],
            controls: &[Control::Batch],
        },
        Step {
            id: "release",
            chapter: "Clean up",
            title: "Release everything",
            body: &[
                Do("Delete the endpoint, then both configurations and both models."),
                Expect(
                    "The cost per hour falls to zero when the endpoint is gone. Configurations and models cost nothing, but they clutter the account.",
                ),
                Why(
                    "Three kinds of things, three calls: deleting an endpoint leaves its configuration and its models behind.",
                ),
            ],
            goal: Goal::AllReleased,
            hints: &["The endpoint takes half a virtual minute to go."],
            controls: &[Control::Release],
        },
    ],
};
