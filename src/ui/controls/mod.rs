//! One panel per control of a step: what the learner sets, the call that it stands for, and the button that makes it.

mod act;
mod alarms;
mod artifacts;
mod autoscaling;
mod batch;
mod call;
mod comparison;
mod configuration;
mod day;
mod decide;
mod deploy;
mod deployment;
mod describe;
mod disagreements;
mod exposure;
mod faults;
mod guess;
mod harm;
mod image;
mod inference_code;
mod leftover;
mod metrics;
mod model_card;
mod models;
mod names;
mod own_reviews;
mod predict;
mod release;
mod remove;
mod replies;
mod session;
mod shadow_tests;
mod signatures;
mod tracking;
mod traffic;
mod update;
mod verdict;
mod weights;

pub use call::CallLanguage;
pub use decide::TestBoard;
use leptos::prelude::*;

use crate::lab::Control;

/// Title of a control's panel.
pub const fn title(control: Control) -> &'static str {
    match control {
        Control::Session => "Session",
        Control::Leftover => "Leftover endpoints",
        Control::Artifacts => "Model artefacts",
        Control::Signatures => "Prediction signatures",
        Control::InferenceCode => "Inference code",
        Control::Image => "Container image",
        Control::Models => "Models",
        Control::Configuration => "Endpoint configuration",
        Control::Guess(_) => "Your guess",
        Control::Deploy => "Create the endpoint",
        Control::Describe => "Description",
        Control::Tracking => "Experiment tracking",
        Control::Lineage => "Lineage",
        Control::Predict => "Your own sentences",
        Control::Batch => "Sampled reviews",
        Control::Traffic => "Traffic",
        Control::Metrics => "Metrics",
        Control::Weights => "Weights and capacities",
        Control::Remove => "Remove a variant",
        Control::Release => "Clean up",
        Control::Comparison => "Production and shadow, pair by pair",
        Control::Disagreements => "Where they disagree",
        Control::Exposure => "Would anyone meet the canary?",
        Control::Autoscaling => "Autoscaling",
        Control::Faults => "Faults",
        Control::Day => "The last day",
        Control::TestList => "Shadow tests",
        Control::TestCreate => "Create a shadow test",
        Control::TestMonitor => "Monitor a shadow test",
        Control::TestEdit => "Change a shadow test",
        Control::TestComplete => "Mark a shadow test complete",
        Control::Captured => "Captured data",
        Control::Deployment => "Roll out a version",
        Control::Alarms => "Alarms",
        Control::Harm => "Users harmed",
        Control::Update => "Another configuration",
        Control::Verdict => "Your verdict",
        Control::Exercise(exercise) => exercise.title(),
    }
}

/// What a control consists of, without frame.
pub fn body(control: Control) -> AnyView {
    match control {
        Control::Session => view! { <session::Session /> }.into_any(),
        Control::Leftover => view! { <leftover::Leftover /> }.into_any(),
        Control::Artifacts => view! { <artifacts::Artifacts /> }.into_any(),
        Control::Signatures => view! { <signatures::Signatures /> }.into_any(),
        Control::InferenceCode => view! { <inference_code::InferenceCode /> }.into_any(),
        Control::Image => view! { <image::Image /> }.into_any(),
        Control::Models => view! { <models::Models /> }.into_any(),
        Control::Configuration => view! { <configuration::Configuration /> }.into_any(),
        Control::Guess(prompt) => view! { <guess::Guess prompt /> }.into_any(),
        Control::Deploy => view! { <deploy::Deploy /> }.into_any(),
        Control::Describe => view! { <describe::Describe /> }.into_any(),
        Control::Tracking => view! { <tracking::Tracking /> }.into_any(),
        Control::Lineage => view! { <tracking::Lineage /> }.into_any(),
        Control::Predict => view! { <predict::Predict /> }.into_any(),
        Control::Batch => view! { <batch::SendBatch /> }.into_any(),
        Control::Traffic => view! { <traffic::Traffic /> }.into_any(),
        Control::Metrics => view! { <metrics::MetricsPointer /> }.into_any(),
        Control::Weights => view! { <weights::Weights /> }.into_any(),
        Control::Remove => view! { <remove::Remove /> }.into_any(),
        Control::Release => view! { <release::Release /> }.into_any(),
        Control::Comparison => view! { <comparison::Comparison /> }.into_any(),
        Control::Disagreements => view! { <disagreements::Disagreements /> }.into_any(),
        Control::Exposure => view! { <exposure::Exposure /> }.into_any(),
        Control::Autoscaling => view! { <autoscaling::Autoscaling /> }.into_any(),
        Control::Faults => view! { <faults::Faults /> }.into_any(),
        Control::Day => view! { <day::Day /> }.into_any(),
        Control::TestList => view! { <shadow_tests::TestList /> }.into_any(),
        Control::TestCreate => view! { <shadow_tests::TestCreate /> }.into_any(),
        Control::TestMonitor => view! { <shadow_tests::TestMonitor /> }.into_any(),
        Control::TestEdit => view! { <shadow_tests::TestEdit /> }.into_any(),
        Control::TestComplete => view! { <shadow_tests::TestComplete /> }.into_any(),
        Control::Captured => view! { <shadow_tests::Captured /> }.into_any(),
        Control::Deployment => view! { <deployment::Deployment /> }.into_any(),
        Control::Alarms => view! { <alarms::Alarms /> }.into_any(),
        Control::Harm => view! { <harm::HarmPanel /> }.into_any(),
        Control::Update => view! { <update::Update /> }.into_any(),
        Control::Verdict => view! { <verdict::Verdict /> }.into_any(),
        Control::Exercise(exercise) => decide::panel(exercise),
    }
}

/// A control in its frame.
#[component]
pub fn ControlPanel(
    /// Which.
    control: Control,
) -> impl IntoView {
    view! {
        <section class="control" aria-label=title(control)>
            <h4 class="control__title">{title(control)}</h4>
            {body(control)}
        </section>
    }
}
