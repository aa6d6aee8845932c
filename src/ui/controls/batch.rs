//! Sends sampled reviews.

use leptos::prelude::*;

use super::{
    act::Act,
    names::{ChosenEndpoint, EndpointChoice},
    predict::{InvokeCall, TargetVariant},
    replies::Replies,
};
use crate::{
    lab::LabAction,
    ui::{store::Store, widgets::NumberField, wording},
};

/// Reviews that the lab which this one follows sends.
const USUAL: f64 = 50.0;
/// Most reviews that one click sends.
const MOST: f64 = 1_000.0;

/// A batch of reviews whose stars are known, one request each.
#[component]
pub fn SendBatch() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    let count = RwSignal::new(USUAL);
    let target = RwSignal::new(String::new());
    let problem = Signal::derive(move || {
        let n = count.get();
        let sound = n.fract() == 0.0 && (1.0..=MOST).contains(&n);
        (!sound).then(|| format!("{n} is outside 1 to {MOST}, or no whole number."))
    });
    let action = Signal::derive(move || {
        let endpoint_name = chosen.name.get()?;
        let target_variant = Some(target.get()).filter(|t| !t.is_empty());
        let count = count.get() as u32;
        problem.with(Option::is_none).then_some(LabAction::InvokeSample {
            endpoint_name,
            count,
            target_variant,
        })
    });
    let label =
        Signal::derive(move || format!("Send {}", wording::plural(count.get().max(0.0) as u64, "review")));
    view! {
        <EndpointChoice chosen />
        <div class="pair">
            <NumberField label="Reviews" value=count on_input=Callback::new(move |n| count.set(n)) problem />
            <TargetVariant chosen target />
        </div>
        <InvokeCall chosen texts=Signal::stored(vec!["a review".to_owned()]) target />
        <Act label action success="Answered." />
        <Replies own_words=false />
    }
}
