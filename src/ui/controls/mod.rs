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
mod parts;
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

pub use call::{CallLanguage, DrawCall, draw_call};
pub use decide::TestBoard;
use leptos::prelude::*;
pub use parts::{DrawControl, draw_later, draw_opening, draw_serving};

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
        Control::Metrics => "Where the metrics are",
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
        Control::Decision => "Decision",
        Control::Exercise(exercise) => exercise.title(),
    }
}

/// What a control consists of, without frame: drawn once the part of the page that holds it has come.
pub fn body(control: Control) -> AnyView {
    parts::part_of(control).view(move |draw| draw(control))
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
