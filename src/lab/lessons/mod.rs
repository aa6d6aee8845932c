//! The labs, as data.

mod ab_testing;
mod autoscaling;
mod blind_round;
mod canary;

use super::{Control, LabId, Lesson};

static SANDBOX: Lesson = Lesson {
    id: LabId::Sandbox,
    title: "Sandbox",
    summary: "Everything unlocked: your variants, your traffic, your reviews.",
    minutes: 0,
    steps: &[],
    controls: &[
        Control::Models,
        Control::Configuration,
        Control::Deploy,
        Control::Traffic,
        Control::Predict,
        Control::Batch,
        Control::Weights,
        Control::Autoscaling,
        Control::Faults,
        Control::Update,
        Control::Remove,
        Control::Signatures,
        Control::InferenceCode,
        Control::Exposure,
        Control::Release,
    ],
};

/// The lesson of a lab.
pub fn lesson(lab: LabId) -> &'static Lesson {
    match lab {
        LabId::AbTesting => &ab_testing::LESSON,
        LabId::Canary => &canary::LESSON,
        LabId::Autoscaling => &autoscaling::LESSON,
        LabId::BlindRound => &blind_round::LESSON,
        LabId::Sandbox => &SANDBOX,
    }
}
