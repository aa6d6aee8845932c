//! Which of the page's parts each panel travels with.

use leptos::prelude::*;

use super::{
    alarms::Alarms,
    artifacts::Artifacts,
    autoscaling::Autoscaling,
    batch::SendBatch,
    comparison::Comparison,
    configuration::Configuration,
    day::Day,
    decide,
    deploy::Deploy,
    deployment::Deployment,
    describe::Describe,
    disagreements::Disagreements,
    exposure::Exposure,
    faults::Faults,
    guess::Guess,
    harm::HarmPanel,
    image::Image,
    inference_code::InferenceCode,
    leftover::Leftover,
    metrics::MetricsPointer,
    models::Models,
    predict::Predict,
    release::Release,
    remove::Remove,
    session::Session,
    shadow_tests::{Captured, TestComplete, TestCreate, TestEdit, TestList, TestMonitor},
    signatures::Signatures,
    tracking::{Lineage, Tracking},
    traffic::Traffic,
    update::Update,
    verdict::Verdict,
    weights::Weights,
};
use crate::{
    lab::Control,
    ui::parts::{Part, Parts},
};

/// Draws a control of the part that it came with.
pub type DrawControl = fn(Control) -> AnyView;

/// Says of each control which part it travels with, and draws it once that part is here. A control that is forgotten
/// does not compile.
macro_rules! parts {
    ($($part:ident $draw:ident { $($control:pat => $view:expr,)* })*) => {
        /// The part that a control travels with.
        #[allow(unused_variables)]
        pub fn part_of(control: Control) -> Part<DrawControl> {
            let parts = Parts::expect();
            match control {
                $($($control => parts.$part,)*)*
            }
        }
        $(
        /// Draws a control of this part; nothing for those of others.
        pub fn $draw(control: Control) -> AnyView {
            #[allow(unreachable_patterns)]
            match control {
                $($control => $view.into_any(),)*
                _ => ().into_any(),
            }
        }
        )*
    };
}

parts! {
    opening draw_opening {
        Control::Session => view! { <Session /> },
        Control::Leftover => view! { <Leftover /> },
        Control::Artifacts => view! { <Artifacts /> },
        Control::Signatures => view! { <Signatures /> },
        Control::InferenceCode => view! { <InferenceCode /> },
        Control::Image => view! { <Image /> },
        Control::Models => view! { <Models /> },
    }
    serving draw_serving {
        Control::Configuration => view! { <Configuration /> },
        Control::Guess(prompt) => view! { <Guess prompt /> },
        Control::Deploy => view! { <Deploy /> },
        Control::Describe => view! { <Describe /> },
        Control::Tracking => view! { <Tracking /> },
        Control::Lineage => view! { <Lineage /> },
        Control::Predict => view! { <Predict /> },
        Control::Batch => view! { <SendBatch /> },
        Control::Traffic => view! { <Traffic /> },
        Control::Metrics => view! { <MetricsPointer /> },
        Control::Weights => view! { <Weights /> },
        Control::Remove => view! { <Remove /> },
        Control::Release => view! { <Release /> },
        Control::Exposure => view! { <Exposure /> },
    }
    later draw_later {
        Control::Comparison => view! { <Comparison /> },
        Control::Disagreements => view! { <Disagreements /> },
        Control::TestList => view! { <TestList /> },
        Control::TestCreate => view! { <TestCreate /> },
        Control::TestMonitor => view! { <TestMonitor /> },
        Control::TestEdit => view! { <TestEdit /> },
        Control::TestComplete => view! { <TestComplete /> },
        Control::Captured => view! { <Captured /> },
        Control::Autoscaling => view! { <Autoscaling /> },
        Control::Faults => view! { <Faults /> },
        Control::Day => view! { <Day /> },
        Control::Deployment => view! { <Deployment /> },
        Control::Alarms => view! { <Alarms /> },
        Control::Harm => view! { <HarmPanel /> },
        Control::Update => view! { <Update /> },
        Control::Verdict => view! { <Verdict /> },
        Control::Decision => decide::decision(),
        Control::Exercise(exercise) => decide::panel(exercise),
    }
}
