//! Changes a managed shadow test that is planned or runs.

use leptos::prelude::*;

use super::{ChosenTest, TestChoice};
use crate::{
    controller::InferenceExperimentStatus as Status,
    domain::{
        Command, SECOND_NS, ScheduleInput, ShadowModeConfig, ShadowModelVariantConfig,
        UpdateInferenceExperiment, VirtualTime,
    },
    lab::{LabAction, TestView},
    ui::{
        controls::{act::Act, call::CallView},
        store::Store,
        widgets::{NumberField, SliderField, TextField},
    },
};

/// What of a test may be changed while it runs.
#[derive(Clone, Debug, Default, PartialEq)]
struct Draft {
    name: String,
    description: String,
    sampling: f64,
    /// Hours from the start to the end.
    lasts_h: f64,
    start: VirtualTime,
    variants: [String; 2],
}

impl Draft {
    fn of(t: &TestView) -> Self {
        Self {
            name: t.name.clone(),
            description: t.description.clone().unwrap_or_default(),
            sampling: f64::from(t.sampling_percentage),
            lasts_h: t.end.since(t.start).as_secs_f64() / 3_600.0,
            start: t.start,
            variants: [t.production.name.clone(), t.shadow.name.clone()],
        }
    }

    /// Only what differs from how the test stands.
    fn update(&self, now: &Self) -> UpdateInferenceExperiment {
        let end_s = self.start.as_ns() as f64 / SECOND_NS as f64 + self.lasts_h * 3_600.0;
        let end_time = Some(VirtualTime::from_s(end_s.max(0.0) as u64).unix_s());
        let [production, shadow] = self.variants.clone();
        UpdateInferenceExperiment {
            name: self.name.clone(),
            description: (self.description != now.description).then(|| self.description.clone()),
            schedule: (self.lasts_h != now.lasts_h).then_some(ScheduleInput { start_time: None, end_time }),
            shadow_mode_config: (self.sampling != now.sampling).then(|| ShadowModeConfig {
                source_model_variant_name: production,
                shadow_model_variants: vec![ShadowModelVariantConfig {
                    shadow_model_variant_name: shadow,
                    sampling_percentage: self.sampling as i64,
                }],
            }),
            ..UpdateInferenceExperiment::default()
        }
    }
}

/// Edits description, sampling percentage and end; the JSON takes all that the call does.
#[component]
pub fn TestEdit() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenTest::new(store, |t| matches!(t.status, Status::Created | Status::Running));
    let usual = chosen.part(Draft::of);
    let written = RwSignal::new(None::<Draft>);
    let edited = RwSignal::new(None::<UpdateInferenceExperiment>);
    let name = chosen.name;
    let draft = Memo::new(move |_| {
        written
            .get()
            .filter(|d| Some(&d.name) == name.get().as_ref())
            .or_else(|| usual.get())
            .unwrap_or_default()
    });
    let update = Memo::new(move |_| {
        let by_hand = edited.get().filter(|e| Some(&e.name) == name.get().as_ref());
        by_hand.unwrap_or_else(|| draft.get().update(&usual.get().unwrap_or_default()))
    });
    let change = move |change: &dyn Fn(&mut Draft)| {
        let mut next = draft.get_untracked();
        change(&mut next);
        edited.set(None);
        written.set(Some(next));
    };
    let command = Signal::derive(move || Command::UpdateInferenceExperiment(Box::new(update.get())));
    let action = Signal::derive(move || {
        let nothing = UpdateInferenceExperiment { name: update.get().name, ..Default::default() };
        (usual.with(Option::is_some) && update.get() != nothing).then(|| LabAction::Call(command.get()))
    });
    let edit = Callback::new(move |command| {
        if let Command::UpdateInferenceExperiment(by_hand) = command {
            edited.set(Some(*by_hand));
        }
    });
    view! {
        <TestChoice chosen none="Only a test that is Created or Running can be changed." />
        <Show when=move || usual.with(Option::is_some)>
            <SliderField
                label="Traffic sampling"
                unit="%"
                value=Signal::derive(move || draft.get().sampling)
                on_input=Callback::new(move |v: f64| change(&|d| d.sampling = v.round()))
                min=0.0
                max=100.0
            />
            <NumberField
                label="Ends after"
                unit="hours from its start, 1 to 720"
                value=Signal::derive(move || draft.get().lasts_h)
                on_input=Callback::new(move |v| change(&|d| d.lasts_h = v))
            />
            <TextField
                label="Test description"
                value=Signal::derive(move || draft.get().description)
                on_input=Callback::new(move |text: String| change(&|d| d.description.clone_from(&text)))
            />
            <CallView command on_edit=edit />
            <Act label="Update test" action success="Updated." />
        </Show>
    }
}
