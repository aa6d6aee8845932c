//! Starts and shapes the traffic.

use leptos::prelude::*;

use super::own_reviews::OwnReviews;
use crate::{
    lab::{ArrivalProcess, DomainMix, LabAction, TrafficSettings},
    ui::{
        server::server,
        store::Store,
        widgets::{Disclosure, SelectField, Show, SliderField, Views, unique_id},
        wording,
    },
};

/// Share of the rate at night that a daily cycle begins with.
const NIGHT_SHARE: f64 = 0.2;

type Weight = fn(&mut DomainMix) -> &mut f64;

/// The domains of the reviews: label, and where the mix keeps the weight.
const DOMAINS: [(&str, Weight); 3] = [
    ("Clothing", |mix| &mut mix.clothing),
    ("Food", |mix| &mut mix.food),
    ("Software", |mix| &mut mix.software),
];

/// What the panel shows, and the newest of its changes that is in effect or was refused.
#[derive(Clone, PartialEq)]
struct Shown {
    settings: Option<TrafficSettings>,
    in_effect: Option<u64>,
}

/// The clients: whether they call, how often, and with what.
#[component]
pub fn Traffic() -> impl IntoView {
    let store = Store::expect();
    let current = store.slice(|s| s.traffic);
    let served = store.slice(|s| (s.sent, s.failed));
    // While a slider is dragged, what it shows is not yet what runs. Nor is what was sent, until a snapshot tells it:
    // a second change made meanwhile must build on the first, not undo it.
    let dragged = RwSignal::new(None::<TrafficSettings>);
    let sent = RwSignal::new(None::<(u64, TrafficSettings)>);
    let shown = Memo::new(move |before: Option<&Shown>| {
        let current = current.get();
        let waiting = sent.get().filter(|(id, settings)| {
            let over = before.is_some_and(|b| b.in_effect == Some(*id));
            !over && current.as_ref() != Some(settings) && !matches!(store.outcome(*id), Some(Err(_)))
        });
        let in_effect = if waiting.is_none() { sent.get().map(|(id, _)| id) } else { None };
        Shown { settings: dragged.get().or(waiting.map(|(_, settings)| settings)).or(current), in_effect }
    });
    let shown = Memo::new(move |_| shown.with(|s| s.settings));
    let drag = move |change: &dyn Fn(&mut TrafficSettings)| {
        if let Some(mut settings) = shown.get_untracked() {
            change(&mut settings);
            dragged.set(Some(settings));
        }
    };
    let settle = move || {
        if let Some(settings) = dragged.get_untracked() {
            let id = store.dispatch(LabAction::SetTraffic(settings));
            sent.set(Some((id, settings)));
            dragged.set(None);
        }
    };
    let set = move |change: &dyn Fn(&mut TrafficSettings)| {
        drag(change);
        settle();
    };
    let on_settle = Callback::new(move |_: f64| settle());
    let read = move |part: fn(&TrafficSettings) -> f64| {
        Signal::derive(move || shown.with(|s| s.as_ref().map_or(0.0, part)))
    };
    let on = move || shown.with(|s| s.as_ref().is_some_and(|s| s.on));
    let sticky = move || shown.with(|s| s.as_ref().is_some_and(|s| s.sticky));
    let process = Signal::derive(move || {
        shown.with(|s| s.as_ref().map_or("poisson", |s| process_name(s.process)).to_owned())
    });
    let night = move || {
        shown.with(|s| match s.as_ref().map(|s| s.process) {
            Some(ArrivalProcess::DailyCycle { night_share }) => Some(night_share),
            _ => None,
        })
    };
    let mut offered = vec![
        ("poisson", "independent callers (Poisson)"),
        ("constant", "evenly spaced"),
        ("daily-cycle", "day and night"),
    ];
    // A server's clients know no day and night.
    offered.truncate(if server().is_some() { 2 } else { 3 });
    let processes = Signal::stored(
        offered.into_iter().map(|(value, words)| (value.to_owned(), words.to_owned())).collect::<Vec<_>>(),
    );
    let most = if server().is_some() { 10_000.0 } else { 100_000.0 };
    let rate_problem = Signal::derive(move || {
        let rate = read(|s| s.per_second).get();
        let limit = wording::count(most as u64);
        (!(rate > 0.0 && rate <= most)).then(|| format!("{rate} is not above 0 and at most {limit}."))
    });
    let shares = move || {
        let mix = shown.with(|s| s.as_ref().map(|s| s.domain_mix))?;
        Some(match mix.check() {
            Ok(()) => {
                let DomainMix { clothing, food, software } = mix.shares();
                let [clothing, food, software] = [clothing, food, software].map(wording::percent);
                format!("Sent: clothing {clothing}, food {food}, software {software}")
            }
            Err(why) => why.to_string(),
        })
    };
    let sticky_id = unique_id("sticky");
    let real = server().is_some();
    view! {
        <button
            type="button"
            role="switch"
            class="switch"
            aria-checked=move || on().to_string()
            on:click=move |_| set(&|s| s.on = !s.on)
        >
            <span class="switch__track" aria-hidden="true"></span>
            "Traffic"
            <span class="switch__state" aria-hidden="true">{move || if on() { "on" } else { "off" }}</span>
        </button>
        <SliderField
            label="Rate"
            unit="requests per second"
            value=read(|s| s.per_second)
            on_input=Callback::new(move |rate: f64| if rate > 0.0 { drag(&|s| s.per_second = rate) })
            on_settle
            min=0.1
            max=10_000.0
            step=0.1
            logarithmic=true
            problem=rate_problem
        />
        <SelectField
            label="When requests come"
            options=processes
            value=process
            on_choice=Callback::new(move |name: String| set(&|s| s.process = process_of(&name)))
        />
        <Show when=move || night().is_some()>
            <SliderField
                label="Rate at night"
                unit="share of the day's"
                value=Signal::derive(move || night().unwrap_or(NIGHT_SHARE))
                on_input=Callback::new(move |share: f64| {
                    drag(&|s| s.process = ArrivalProcess::DailyCycle { night_share: share.clamp(0.0, 1.0) });
                })
                on_settle
                min=0.0
                max=1.0
                step=0.05
            />
        </Show>
        <fieldset class="variant-fields">
            <legend>"What reviews are about"</legend>
            {DOMAINS
                .into_iter()
                .map(|(label, weight)| {
                    view! {
                        <SliderField
                            label
                            unit="weight"
                            value=Signal::derive(move || {
                                shown.with(|s| s.as_ref().map_or(0.0, |s| *weight(&mut { s.domain_mix })))
                            })
                            on_input=Callback::new(move |w: f64| {
                                drag(&|s| *weight(&mut s.domain_mix) = w.max(0.0));
                            })
                            on_settle
                            min=0.0
                            max=100.0
                        />
                    }
                })
                .collect_view()}
            <p class="quiet" role="status">{shares}</p>
        </fieldset>
        <Disclosure title="Star mix and users">
            {(1..=5_usize)
                .map(|stars| {
                    let label = ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"][stars - 1];
                    view! {
                        <SliderField
                            label
                            unit="weight"
                            value=Signal::derive(move || {
                                shown.with(|s| s.as_ref().map_or(0.0, |s| s.star_mix[stars - 1]))
                            })
                            on_input=Callback::new(move |w: f64| drag(&|s| s.star_mix[stars - 1] = w.max(0.0)))
                            on_settle
                            min=0.0
                            max=100.0
                        />
                    }
                })
                .views()}
            <div class="check">
                <input
                    id=sticky_id.clone()
                    type="checkbox"
                    prop:checked=sticky
                    disabled=real
                    on:change=move |_| set(&|s| s.sticky = !s.sticky)
                />
                <label for=sticky_id>"A user stays with one variant"</label>
            </div>
            {real
                .then(|| {
                    view! {
                        <p class="quiet">
                            "The server's operator decides that (sticky = true), and the clients here do not say who \
                            they are: a caller does, by "
                            <code>"X-Amzn-SageMaker-Custom-Attributes: user=7"</code> "."
                        </p>
                    }
                })}
        </Disclosure>
        <OwnReviews />
        <p class="quiet">
            {move || {
                served
                    .get()
                    .map(|(sent, failed)| {
                        format!("{} sent, {} failed", wording::plural(sent, "request"), wording::count(failed))
                    })
            }}
        </p>
    }
}

const fn process_name(process: ArrivalProcess) -> &'static str {
    match process {
        ArrivalProcess::Poisson => "poisson",
        ArrivalProcess::Constant => "constant",
        ArrivalProcess::DailyCycle { .. } => "daily-cycle",
    }
}

fn process_of(name: &str) -> ArrivalProcess {
    match name {
        "constant" => ArrivalProcess::Constant,
        "daily-cycle" => ArrivalProcess::DailyCycle { night_share: NIGHT_SHARE },
        _ => ArrivalProcess::Poisson,
    }
}
