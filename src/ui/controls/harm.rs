//! Whom rollouts harmed: one area each, all on one scale.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    names::{ChosenEndpoint, EndpointChoice},
};
use crate::{
    lab::{Harm, LabAction},
    plot::area,
    ui::{
        store::Store,
        widgets::{NumberField, Options, SelectField},
        wording,
    },
};

/// Width and height of an area in its own units.
const SIZE: (f64, f64) = (320.0, 56.0);

/// The areas of the rollouts that were, and of the four ways that one could go.
#[component]
pub fn HarmPanel() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    let harms = store.slice(|s| s.harms.clone());
    let compared = store.slice(|s| s.compared.clone());
    let configs = store.slice(|s| s.configs.iter().map(|c| c.name.to_string()).collect::<Vec<_>>());
    let alarms = store.slice(|s| s.alarms.iter().map(|a| a.input.alarm_name.clone()).collect::<Vec<_>>());
    let config_choice = RwSignal::new(None::<String>);
    let alarm_choice = RwSignal::new(None::<String>);
    let minutes = RwSignal::new(30.0_f64);
    let list = |memo: Memo<Option<Vec<String>>>| memo.get().unwrap_or_default();
    let config =
        Signal::derive(move || config_choice.get().or_else(|| list(configs).pop()).unwrap_or_default());
    let alarm = Signal::derive(move || {
        alarm_choice.get().or_else(|| list(alarms).into_iter().next()).unwrap_or_default()
    });
    let options = move |memo: Memo<Option<Vec<String>>>| {
        Signal::derive(move || list(memo).into_iter().map(|n| (n.clone(), n)).collect::<Options>())
    };
    let action = Signal::derive(move || {
        Some(LabAction::CompareRollouts {
            endpoint_name: chosen.name.get()?,
            endpoint_config_name: config.get(),
            alarm_names: Some(alarm.get()).filter(|a| !a.is_empty()).into_iter().collect(),
            minutes: minutes.get().max(0.0) as u32,
        })
    });
    view! {
        <p class="quiet">
            "Errors per minute on the new fleet since each rollout began. Harmed: the caller got an error. Worse: an answer that is wrong where the old model's was right, which only a simulator knows."
        </p>
        <Areas title="Rollouts so far" harms />
        <Areas title="Four ways, the same requests" harms=compared />
        <EndpointChoice chosen />
        <SelectField
            label="Version to roll out"
            options=options(configs)
            value=config
            on_choice=Callback::new(move |c| config_choice.set(Some(c)))
        />
        <div class="pair">
            <SelectField
                label="Alarm"
                options=options(alarms)
                value=alarm
                on_choice=Callback::new(move |a| alarm_choice.set(Some(a)))
            />
            <NumberField
                label="Minutes"
                value=minutes
                on_input=Callback::new(move |m| minutes.set(m))
            />
        </div>
        <Act label="Compare four ways" action weight=Weight::Plain success="Compared, in copies of this lab." />
    }
}

#[component]
fn Areas(title: &'static str, harms: Memo<Option<Vec<Harm>>>) -> impl IntoView {
    let drawn = move || {
        let harms = harms.get().unwrap_or_default();
        let top = harms.iter().flat_map(|h| &h.minutes).map(|m| m.errors).max().unwrap_or(0);
        let length = harms.iter().map(|h| h.minutes.len()).max().unwrap_or(0);
        harms.iter().map(|h| area_view(h, f64::from(top), length)).collect_view()
    };
    view! {
        <Show when=move || harms.with(|h| h.as_ref().is_some_and(|h| !h.is_empty()))>
            <h4 class="call__title">{title}</h4>
            <div class="harms">{drawn}</div>
        </Show>
    }
}

fn area_view(harm: &Harm, top: f64, length: usize) -> impl IntoView + use<> {
    let mut errors: Vec<f64> = harm.minutes.iter().map(|m| f64::from(m.errors)).collect();
    errors.resize(length, 0.0);
    let total = harm.total();
    let words = format!(
        "{} to {}: {} harmed of {} on the new version, {} worse answers, {} lost on the old one{}",
        harm.strategy,
        harm.config,
        wording::count(u64::from(total.errors)),
        wording::count(u64::from(total.new)),
        wording::count(u64::from(total.worse)),
        wording::count(u64::from(total.old_errors)),
        if total.unseen > 0 {
            format!("; {} failed copies that nobody saw", wording::count(u64::from(total.unseen)))
        } else {
            String::new()
        },
    );
    let (width, height) = SIZE;
    view! {
        <figure class="harm">
            <svg viewBox=format!("0 0 {width} {height}") preserveAspectRatio="none" role="img" aria-label=words.clone()>
                <path class="harm__area" d=area(&errors, top, width, height) />
                <path class="curve__axis" d=format!("M0 {height}H{width}") />
            </svg>
            <figcaption>{words}</figcaption>
        </figure>
    }
}
