//! Changes weights and capacities.

use leptos::{context::Provider, prelude::*};

use super::{
    act::Act,
    call::CallView,
    names::{ChosenEndpoint, EndpointChoice},
};
use crate::{
    domain::{Command, DesiredWeightAndCapacity, WeightError},
    lab::{EndpointView, LabAction, VariantView},
    ui::{
        store::Store,
        widgets::{Garbled, NumberField, ShareBar, SharePart, Show, SliderField, VariantTag, each},
        wording::percent,
    },
};

/// A variant as the endpoint wants it now.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    name: String,
    shadow: bool,
    weight: f64,
    count: i64,
}

/// What the learner has written over it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Change {
    weight: Option<f64>,
    count: Option<i64>,
}

/// By the variant's name.
type Changes = Vec<(String, Change)>;

fn find(changes: &Changes, name: &str) -> Change {
    changes.iter().find(|(of, _)| of == name).map(|(_, change)| *change).unwrap_or_default()
}

/// Sliders for the weights of an endpoint that serves.
#[component]
pub fn Weights() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    let wanted = store.slice(move |s| {
        let name = chosen.name.get();
        let endpoint = s.endpoints.iter().find(|e| Some(&e.name) == name.as_ref());
        let wanted = |shadow| {
            move |v: &VariantView| Wanted {
                name: v.name.clone(),
                shadow,
                weight: v.desired_weight,
                count: i64::from(v.desired_count),
            }
        };
        let of = |e: &EndpointView| {
            e.variants.iter().map(wanted(false)).chain(e.shadows.iter().map(wanted(true))).collect::<Vec<_>>()
        };
        endpoint.map(of).unwrap_or_default()
    });
    let wanted = Memo::new(move |_| wanted.get().unwrap_or_default());
    let changes = RwSignal::new(Changes::new());
    let change_of = move |name: &str| changes.with(|c| find(c, name));
    let weight_of = move |v: &Wanted| change_of(&v.name).weight.unwrap_or(v.weight);

    let names = Memo::new(move |_| wanted.with(|w| w.iter().map(|v| v.name.clone()).collect::<Vec<_>>()));
    let desired = move || {
        let each = wanted.get().into_iter().map(|v| DesiredWeightAndCapacity {
            desired_weight: Some(weight_of(&v)),
            desired_instance_count: change_of(&v.name).count.filter(|c| *c != v.count),
            variant_name: v.name,
        });
        each.collect::<Vec<_>>()
    };
    let command = Signal::derive(move || Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: chosen.name_or_usual(),
        desired_weights_and_capacities: desired(),
    });
    let problem = move || {
        let weights = wanted.with(|w| w.iter().filter(|v| !v.shadow).map(weight_of).collect::<Vec<_>>());
        let bad = weights.iter().find(|w| **w < 0.0).map(|w| WeightError::NotAWeight { value: *w });
        let all_zero = !weights.is_empty() && weights.iter().all(|w| *w == 0.0);
        bad.or(all_zero.then_some(WeightError::AllZero { variants: weights.len() })).map(|e| e.to_string())
    };
    let garbled = Garbled::default();
    let action = Signal::derive(move || {
        let sound = !garbled.any()
            && chosen.name.get().is_some()
            && !names.with(Vec::is_empty)
            && problem().is_none();
        sound.then(|| LabAction::Call(command.get()))
    });
    let edit = Callback::new(move |command| {
        if let Command::UpdateEndpointWeightsAndCapacities { desired_weights_and_capacities, .. } = command {
            let each = desired_weights_and_capacities.into_iter().map(|d| {
                (d.variant_name, Change { weight: d.desired_weight, count: d.desired_instance_count })
            });
            changes.set(each.collect::<Vec<_>>());
        }
    });
    let parts = Signal::derive(move || {
        let wanted = wanted.get();
        let total: f64 = wanted.iter().filter(|v| !v.shadow).map(|v| weight_of(v).max(0.0)).sum();
        let part = |v: &Wanted| SharePart {
            name: v.name.clone(),
            mark: store.mark(&v.name),
            share: if total > 0.0 { weight_of(v).max(0.0) / total } else { 0.0 },
        };
        wanted.iter().filter(|v| !v.shadow).map(part).collect::<Vec<_>>()
    });
    view! {
        <EndpointChoice chosen />
        <Show
            when=move || !names.with(Vec::is_empty)
            fallback=|| view! { <p class="quiet">"No endpoint serves yet."</p> }
        >
            <Provider value=garbled>
                {each(move || names.get(), move |name| view! { <VariantWeight name wanted changes /> }.into_any())}
            </Provider>
            <ShareBar label="Share of the traffic" parts />
            {move || {
                let shadow = wanted.with(|w| w.iter().find(|v| v.shadow).cloned())?;
                let production = wanted.with(|w| w.iter().filter(|v| !v.shadow).map(weight_of).sum::<f64>());
                let share = if production > 0.0 { (weight_of(&shadow) / production).clamp(0.0, 1.0) } else { 0.0 };
                Some(view! { <p class="quiet">"Copied to " {shadow.name} ": " <strong>{percent(share)}</strong> " of the requests"</p> })
            }}
            <p class="field__problem" role="status">{problem}</p>
            <CallView command on_edit=edit />
            <Act label="Update weights" action success="The endpoint is being updated, without downtime." />
        </Show>
    }
}

#[component]
fn VariantWeight(name: String, wanted: Memo<Vec<Wanted>>, changes: RwSignal<Changes>) -> impl IntoView {
    let store = Store::expect();
    let mark = store.mark(&name);
    let name = StoredValue::new(name);
    let change = move || name.with_value(|name| changes.with(|c| find(c, name)));
    let now = move || wanted.with(|w| w.iter().find(|v| v.name == name.get_value()).cloned());
    let weight = Signal::derive(move || change().weight.or_else(|| now().map(|v| v.weight)).unwrap_or(0.0));
    let count = Signal::derive(move || change().count.or_else(|| now().map(|v| v.count)).unwrap_or(0) as f64);
    let problem = Signal::derive(move || {
        let w = weight.get();
        (w < 0.0).then(|| WeightError::NotAWeight { value: w }.to_string())
    });
    let write = move |with: &dyn Fn(&mut Change)| {
        changes.update(|all| {
            let mut change = name.with_value(|name| find(all, name));
            with(&mut change);
            all.retain(|(of, _)| *of != name.get_value());
            all.push((name.get_value(), change));
        });
    };
    view! {
        <fieldset class="variant-fields">
            <legend class="unseen">{name.get_value()}</legend>
            <div class="variant-fields__head">
                <VariantTag name=name.get_value() mark />
            </div>
                <SliderField
                    label="Weight"
                    value=weight
                    on_input=Callback::new(move |w| write(&|c| c.weight = Some(w)))
                    min=0.0
                    max=100.0
                    problem
                />
                <NumberField
                    label="Instances"
                    value=count
                    on_input=Callback::new(move |n: f64| write(&|c| c.count = Some(n as i64)))
                />
        </fieldset>
    }
}
