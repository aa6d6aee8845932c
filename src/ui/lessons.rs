//! Stands in for `lab::lessons` until it is merged: one step per control, so that every panel can be looked at.

use crate::lab::{Block, Control, Goal, LabId, Lesson, Prompt, Step};

const fn step(
    id: &'static str,
    chapter: &'static str,
    title: &'static str,
    controls: &'static [Control],
) -> Step {
    Step {
        id,
        chapter,
        title,
        body: &[
            Block::Text(
                "Each *variant* is a model on instances of its own. The `weights` say how the traffic is shared out among them, request by request.",
            ),
            Block::Do("Set the fields and press the button."),
            Block::Expect("The endpoint answers `InService` after a few virtual minutes."),
            Block::Why("A canary that nobody meets proves nothing."),
            Block::Trap("The original lab sends *50 requests* and compares by eye."),
        ],
        goal: Goal::SessionOpen,
        hints: &["Look at the button below the call.", "Press it. The `call` is made."],
        controls,
    }
}

const STEPS: &[Step] = &[
    step("session", "Set up", "Open the session", &[Control::Session]),
    step("leftover", "Set up", "Delete what an earlier lab left behind", &[Control::Leftover]),
    step("artifacts", "Models", "Fetch the artefacts", &[Control::Artifacts]),
    step("signatures", "Models", "Read the prediction signatures", &[Control::Signatures]),
    step("code", "Models", "Read the inference code", &[Control::InferenceCode]),
    step("image", "Models", "Look up the container image", &[Control::Image]),
    step("models", "Models", "Create model A and model B", &[Control::Models]),
    step("config", "Deploy", "Write a configuration with two variants", &[Control::Configuration]),
    step("guess", "Deploy", "Guess the split", &[Control::Guess(Prompt::SplitOfFifty)]),
    step("deploy", "Deploy", "Create the endpoint", &[Control::Deploy, Control::Describe]),
    step("tracking", "Deploy", "Track the deployment", &[Control::Tracking, Control::Lineage]),
    step("predict", "Traffic", "Send your own sentences", &[Control::Predict]),
    step("batch", "Traffic", "Send 50 reviews", &[Control::Batch]),
    step("traffic", "Traffic", "Turn the traffic on", &[Control::Traffic, Control::Metrics]),
    step("exposure", "Traffic", "Plan the exposure", &[Control::Exposure]),
    step("weights", "Roll out", "Shift all traffic to B", &[Control::Weights]),
    step("remove", "Roll out", "Remove variant A", &[Control::Remove]),
    step("release", "Roll out", "Release everything", &[Control::Release]),
];

const ALL: &[Control] = &[
    Control::Artifacts,
    Control::Signatures,
    Control::InferenceCode,
    Control::Image,
    Control::Models,
    Control::Configuration,
    Control::Deploy,
    Control::Describe,
    Control::Traffic,
    Control::Predict,
    Control::Batch,
    Control::Weights,
    Control::Remove,
    Control::Exposure,
    Control::Release,
];

const AB_TESTING: Lesson = Lesson {
    id: LabId::AbTesting,
    title: "A/B testing",
    summary: "Deploy two models behind one endpoint, compare them on live traffic, and move to the better one.",
    minutes: 45,
    steps: STEPS,
    controls: &[],
};
const CANARY: Lesson = Lesson {
    id: LabId::Canary,
    title: "Canary rollout",
    summary: "Give a new model five percent of the traffic, and find out whether anyone met it.",
    minutes: 20,
    steps: STEPS,
    controls: &[],
};
const SANDBOX: Lesson = Lesson {
    id: LabId::Sandbox,
    title: "Sandbox",
    summary: "Up to ten variants, any traffic, no steps.",
    minutes: 0,
    steps: &[],
    controls: ALL,
};

/// The lesson of a lab.
pub const fn lesson(lab: LabId) -> &'static Lesson {
    match lab {
        LabId::AbTesting => &AB_TESTING,
        LabId::Canary => &CANARY,
        LabId::Sandbox => &SANDBOX,
    }
}
