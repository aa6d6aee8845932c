//! Ends a managed shadow test: promotes its shadow, removes it, or keeps both variants.

use leptos::prelude::*;

use super::{ChosenTest, Confirm, TestChoice};
use crate::{
    controller::InferenceExperimentStatus as Status,
    domain::{Command, ModelVariantAction, ModelVariantConfig, StopInferenceExperiment},
    lab::{LabAction, TestView},
    ui::{
        controls::{
            act::{Act, Weight},
            call::CallView,
        },
        instances,
        store::Store,
        widgets::{NumberField, SelectField, TextField},
    },
};

/// What becomes of the variants: value and words.
const ENDS: [(&str, &str); 3] = [
    ("promote", "Yes, deploy shadow variant"),
    ("remove", "No, remove shadow variant"),
    ("retain", "Keep both variants as they are"),
];
/// What a promoted shadow runs on: value and words.
const SIZES: [(&str, &str); 3] = [
    ("production", "Retain production variant settings"),
    ("shadow", "Retain shadow variant settings"),
    ("custom", "Custom instance type and count"),
];

fn options(all: [(&str, &str); 3]) -> Signal<Vec<(String, String)>> {
    Signal::stored(all.map(|(v, words)| (v.to_owned(), words.to_owned())).to_vec())
}

/// The variants of the test, with what they run on.
type Pair = [ModelVariantConfig; 2];

fn pair(t: &TestView, live: Option<ModelVariantConfig>) -> Option<Pair> {
    Some([t.production.config.clone().or(live)?, t.shadow.config.clone()?])
}

/// Marks a running test complete.
#[component]
pub fn TestComplete() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenTest::new(store, |t| t.status == Status::Running);
    let name = chosen.name;
    let variants = store.slice(move |s| {
        let t = s.tests.iter().find(|t| Some(&t.name) == name.get().as_ref())?;
        let live = s.endpoints.iter().find(|e| e.name == t.endpoint).and_then(|e| e.variants.first());
        let live = live.map(|v| {
            ModelVariantConfig::new(&v.name, &v.model, v.instance_type.spec().name, v.desired_count.into())
        });
        pair(t, live)
    });
    let variants = Memo::new(move |_| variants.get().flatten());
    let end = RwSignal::new(ENDS[0].0.to_owned());
    let size = RwSignal::new(SIZES[0].0.to_owned());
    let custom = RwSignal::new((instances::USUAL.to_owned(), 2.0_f64));
    let reason = RwSignal::new(String::new());
    let typed = RwSignal::new(String::new());
    let promotes = move || end.get() == "promote";
    let command = Signal::derive(move || {
        let name = name.get().unwrap_or_default();
        let reason = Some(reason.get()).filter(|r| !r.is_empty());
        let mut stop = StopInferenceExperiment { name, reason, ..Default::default() };
        if let Some([production, shadow]) = variants.get() {
            let (of_production, of_shadow) = match end.get().as_str() {
                "promote" => (ModelVariantAction::Remove, ModelVariantAction::Promote),
                "remove" => (ModelVariantAction::Retain, ModelVariantAction::Remove),
                _ => (ModelVariantAction::Retain, ModelVariantAction::Retain),
            };
            let actions = &mut stop.model_variant_actions;
            actions.insert(production.variant_name.clone(), of_production);
            actions.insert(shadow.variant_name.clone(), of_shadow);
            if promotes() {
                let infrastructure_config = match size.get().as_str() {
                    "production" => production.infrastructure_config,
                    "shadow" => shadow.infrastructure_config.clone(),
                    _ => {
                        let (kind, count) = custom.get();
                        ModelVariantConfig::new("", "", &kind, count as i64).infrastructure_config
                    }
                };
                stop.desired_model_variants =
                    Some(vec![ModelVariantConfig { infrastructure_config, ..shadow }]);
            }
        }
        Command::StopInferenceExperiment(stop)
    });
    let word = move || if promotes() { "deploy" } else { "remove" };
    // Keeping both takes nothing away.
    let confirmed = move || end.get() == "retain" || typed.get().trim() == word();
    let action = Signal::derive(move || {
        (variants.with(Option::is_some) && confirmed()).then(|| LabAction::Call(command.get()))
    });
    view! {
        <TestChoice chosen none="Only a test that is Running can be marked complete." />
        <Show when=move || variants.with(Option::is_some)>
            <SelectField
                label="Deploy the shadow variant?"
                options=options(ENDS)
                value=end
                on_choice=Callback::new(move |v| {
                    typed.set(String::new());
                    end.set(v);
                })
            />
            <Show when=promotes>
                <SelectField
                    label="Size for all of the traffic"
                    options=options(SIZES)
                    value=size
                    on_choice=Callback::new(move |v| size.set(v))
                />
                <Show when=move || size.get() == "custom">
                    <SelectField
                        label="Instance type"
                        options=instances::options()
                        value=Signal::derive(move || custom.get().0)
                        on_choice=Callback::new(move |kind| custom.update(|c| c.0 = kind))
                    />
                    <NumberField
                        label="Instances"
                        value=Signal::derive(move || custom.get().1)
                        on_input=Callback::new(move |n| custom.update(|c| c.1 = n))
                    />
                </Show>
            </Show>
            <TextField label="Comment" value=reason on_input=Callback::new(move |text| reason.set(text)) />
            <CallView command />
            {move || match end.get().as_str() {
                "promote" => view! { <Confirm word="deploy" typed /> }.into_any(),
                "remove" => view! { <Confirm word="remove" typed /> }.into_any(),
                _ => ().into_any(),
            }}
            <Act
                label=Signal::derive(move || if promotes() { "Deploy shadow variant" } else { "Complete test" }.to_owned())
                action
                weight=Weight::Danger
                success="The endpoint is being updated; it answers meanwhile."
            />
        </Show>
    }
}
