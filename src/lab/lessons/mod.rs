//! The labs, as data.

mod ab_testing;
mod autoscaling;
mod bandit_race;
mod blind_round;
mod canary;
mod false_friends;
pub(in crate::lab) mod guardrails;
mod peeking;
mod plan_a_test;
mod shadow_api;
mod shadow_managed;
mod split_detective;

use super::{Control, Exercise, LabId, Lesson};

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
        Control::Exercise(Exercise::Plan),
        Control::Exercise(Exercise::StartTest),
        Control::Exercise(Exercise::Peek),
        Control::Exercise(Exercise::Universes),
        Control::Exercise(Exercise::Memo),
        Control::Comparison,
        Control::Disagreements,
        Control::Autoscaling,
        Control::Faults,
        Control::Update,
        Control::Remove,
        Control::Signatures,
        Control::InferenceCode,
        Control::Exposure,
        Control::TestList,
        Control::TestCreate,
        Control::TestMonitor,
        Control::TestEdit,
        Control::TestComplete,
        Control::Captured,
        Control::Release,
        Control::Deployment,
        Control::Alarms,
        Control::Harm,
    ],
};

/// The lesson of a lab.
pub fn lesson(lab: LabId) -> &'static Lesson {
    match lab {
        LabId::AbTesting => &ab_testing::LESSON,
        LabId::Canary => &canary::LESSON,
        LabId::ShadowApi => &shadow_api::LESSON,
        LabId::Autoscaling => &autoscaling::LESSON,
        LabId::ShadowManaged => &shadow_managed::LESSON,
        LabId::Guardrails => &guardrails::LESSON,
        LabId::Peeking => &peeking::LESSON,
        LabId::PlanATest => &plan_a_test::LESSON,
        LabId::SplitDetective => &split_detective::LESSON,
        LabId::BanditRace => &bandit_race::LESSON,
        LabId::FalseFriends => &false_friends::LESSON,
        LabId::BlindRound => &blind_round::LESSON,
        LabId::Sandbox => &SANDBOX,
    }
}
