//! Registers variants for autoscaling, sets their policy, and shows what came of it.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    call::CallView,
    names::{ChosenEndpoint, EndpointChoice},
};
use crate::{
    domain::{
        Command, DeregisterScalableTarget, INVOCATIONS_PER_INSTANCE, PredefinedMetric, PutScalingPolicy,
        RegisterScalableTarget, SCALABLE_DIMENSION, SERVICE_NAMESPACE, TargetTracking, resource_id,
    },
    lab::LabAction,
    ui::{
        store::Store,
        widgets::{NumberField, SelectField},
    },
};

/// Width and height of the drawing in its own units.
const SIZE: (f64, f64) = (320.0, 90.0);
/// Hours that the drawing holds.
const HOURS: f64 = 24.0;
/// Activities that are listed.
const LISTED: usize = 8;

/// What the form holds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Draft {
    min: i64,
    max: i64,
    target: f64,
    in_s: i64,
    out_s: i64,
    only_out: bool,
}

/// What is registered, in words, and what autoscaling did to the variant.
#[derive(Clone, Debug, Default, PartialEq)]
struct Scaled {
    words: String,
    registered: bool,
    /// Hours and instances, a step at each change.
    steps: Vec<(f64, u32)>,
    /// The newest activities, newest first.
    activities: Vec<(String, String)>,
}

/// Bounds and policy of a variant, with the calls that set them.
#[component]
pub fn Autoscaling() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    let variants = store.slice(move |s| {
        let endpoint = s.endpoints.iter().find(|e| chosen.name.with(|n| n.as_ref() == Some(&e.name)));
        let all = endpoint.into_iter().flat_map(|e| e.variants.iter().chain(&e.shadows));
        all.map(|v| v.name.clone()).collect::<Vec<_>>()
    });
    let variants = Memo::new(move |_| variants.get().unwrap_or_default());
    let picked = RwSignal::new(None::<String>);
    let variant = Memo::new(move |_| {
        variants
            .with(|v| picked.get().filter(|p| v.contains(p)).or_else(|| v.first().cloned()))
            .unwrap_or_default()
    });
    let draft =
        RwSignal::new(Draft { min: 1, max: 6, target: 1_700.0, in_s: 300, out_s: 300, only_out: false });
    let resource = move || resource_id(&chosen.name_or_usual(), &variant.get());
    let register = Signal::derive(move || {
        Command::RegisterScalableTarget(RegisterScalableTarget {
            service_namespace: SERVICE_NAMESPACE.into(),
            resource_id: resource(),
            scalable_dimension: SCALABLE_DIMENSION.into(),
            min_capacity: Some(draft.get().min),
            max_capacity: Some(draft.get().max),
        })
    });
    let put = Signal::derive(move || {
        let d = draft.get();
        Command::PutScalingPolicy(PutScalingPolicy {
            policy_name: "hold-invocations".into(),
            service_namespace: SERVICE_NAMESPACE.into(),
            resource_id: resource(),
            scalable_dimension: SCALABLE_DIMENSION.into(),
            policy_type: "TargetTrackingScaling".into(),
            target_tracking_scaling_policy_configuration: TargetTracking {
                target_value: d.target,
                predefined_metric_specification: PredefinedMetric {
                    predefined_metric_type: INVOCATIONS_PER_INSTANCE.into(),
                },
                scale_in_cooldown: Some(d.in_s),
                scale_out_cooldown: Some(d.out_s),
                disable_scale_in: d.only_out,
            },
        })
    });
    let deregister = Signal::derive(move || {
        Command::DeregisterScalableTarget(DeregisterScalableTarget {
            service_namespace: SERVICE_NAMESPACE.into(),
            resource_id: resource(),
            scalable_dimension: SCALABLE_DIMENSION.into(),
        })
    });
    // An edited call is read back into the form.
    let edit = Callback::new(move |command| {
        draft.update(|d| match command {
            Command::RegisterScalableTarget(r) => {
                d.min = r.min_capacity.unwrap_or(d.min);
                d.max = r.max_capacity.unwrap_or(d.max);
            }
            Command::PutScalingPolicy(p) => {
                let t = p.target_tracking_scaling_policy_configuration;
                d.target = t.target_value;
                d.in_s = t.scale_in_cooldown.unwrap_or(d.in_s);
                d.out_s = t.scale_out_cooldown.unwrap_or(d.out_s);
                d.only_out = t.disable_scale_in;
            }
            _ => {}
        });
    });
    let scaled = store.slice(move |s| {
        let (endpoint, variant) = (chosen.name_or_usual(), variant.get());
        let mine = |e: &str, v: &str| e == endpoint && v == variant;
        let target = s.scalable_targets.iter().find(|t| mine(t.endpoint.as_str(), t.variant.as_str()));
        let words = target.map(|t| {
            let policy = t.policy.as_ref().map_or("no policy yet".to_owned(), |p| {
                format!("about {} invocations per minute and instance", p.target_value)
            });
            format!("Registered: {} to {} instances, {policy}.", t.min_capacity, t.max_capacity)
        });
        let activities =
            s.scaling_activities.iter().filter(|a| mine(a.endpoint.as_str(), a.variant.as_str()));
        let hour = |t: crate::domain::VirtualTime| t.as_s() / 3_600.0;
        let live = s.endpoints.iter().filter(|e| e.name == endpoint);
        let live = live.flat_map(|e| e.variants.iter().chain(&e.shadows)).find(|v| v.name == variant);
        let now = live.map_or(0, |v| v.desired_count);
        let first = activities.clone().next().map_or(now, |a| a.from);
        let changes = activities.clone().flat_map(|a| [(hour(a.at), a.from), (hour(a.at), a.to)]);
        // The axis moves on by the minute: a drawing that says the same is not drawn again.
        let end = s.now.minute() as f64 / 60.0;
        let steps = std::iter::once((0.0, first)).chain(changes).chain([(end, now)]).collect();
        let told = activities
            .rev()
            .take(LISTED)
            .map(|a| (format!("{} · {} → {}", a.at, a.from, a.to), a.cause.clone()));
        Scaled {
            registered: words.is_some(),
            words: words.unwrap_or_else(|| "Not registered: the count stays what it is.".to_owned()),
            steps,
            activities: told.collect(),
        }
    });
    let scaled = Memo::new(move |_| scaled.get().unwrap_or_default());
    let there = move || variants.with(|v| !v.is_empty());
    let call = move |command: Signal<Command>, possible: bool| {
        Signal::derive(move || {
            (there() && (possible || scaled.with(|s| s.registered))).then(|| LabAction::Call(command.get()))
        })
    };
    let number = move |label, unit, read: fn(&Draft) -> f64, write: fn(&mut Draft, f64)| {
        view! {
            <NumberField
                label
                unit
                value=Signal::derive(move || draft.with(read))
                on_input=Callback::new(move |n| draft.update(|d| write(d, n)))
            />
        }
    };
    view! {
        <EndpointChoice chosen />
        <Show when=there fallback=|| view! { <p class="quiet">"No endpoint serves yet."</p> }>
            <Show when=move || variants.with(|v| v.len() > 1)>
                <SelectField
                    label="Variant"
                    options=Signal::derive(move || {
                        variants.get().into_iter().map(|n| (n.clone(), n)).collect()
                    })
                    value=variant
                    on_choice=Callback::new(move |name| picked.set(Some(name)))
                />
            </Show>
            <p role="status">{move || scaled.with(|s| s.words.clone())}</p>
            {number("Fewest", "instances", |d| d.min as f64, |d, n| d.min = n as i64)}
            {number("Most", "instances", |d| d.max as f64, |d, n| d.max = n as i64)}
            <CallView command=register on_edit=edit />
            <Act label="Register" action=call(register, true) success="The variant may be scaled." />
            {number("Target", "invocations per minute and instance", |d| d.target, |d, n| d.target = n)}
            {number("Cooldown after scaling out", "s", |d| d.out_s as f64, |d, n| d.out_s = n as i64)}
            {number("Cooldown after scaling in", "s", |d| d.in_s as f64, |d, n| d.in_s = n as i64)}
            <CallView command=put on_edit=edit />
            <Act label="Put the policy" action=call(put, false) success="It decides at every full minute." />
            <Act
                label="Deregister"
                action=call(deregister, false)
                weight=Weight::Plain
                success="The count stays what it is."
            />
            <Steps scaled />
            <ol class="list" aria-label="Scaling activities">
                {move || {
                    let activities = scaled.with(|s| s.activities.clone());
                    activities
                        .into_iter()
                        .map(|(what, why)| {
                            view! {
                                <li class="list__item">
                                    <strong class="numerals">{what}</strong>
                                    " "
                                    <span class="quiet">{why}</span>
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ol>
        </Show>
    }
}

/// Instances over the last day.
#[component]
fn Steps(scaled: Memo<Scaled>) -> impl IntoView {
    let most = move || scaled.with(|s| s.steps.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1));
    let from = move || scaled.with(|s| s.steps.last().map_or(0.0, |(end, _)| (end - HOURS).max(0.0)));
    let span = move || scaled.with(|s| s.steps.last().map_or(1.0, |(end, _)| (end - from()).max(0.1)));
    let points = move || {
        let (width, height) = SIZE;
        let place = |(hour, n): &(f64, u32)| {
            let x = width * ((hour - from()) / span()).max(0.0);
            format!("{x:.1},{:.1}", height * (1.0 - f64::from(*n) / f64::from(most())))
        };
        scaled.with(|s| s.steps.iter().map(place).collect::<Vec<_>>().join(" "))
    };
    let now = move || scaled.with(|s| s.steps.last().map_or(0, |(_, n)| *n));
    view! {
        <svg
            class="curve"
            viewBox=format!("-4 -6 {} {}", SIZE.0 + 8.0, SIZE.1 + 24.0)
            role="img"
            aria-label=move || format!("Instances over time: {} now, at most {}", now(), most())
        >
            <path class="curve__axis" d=format!("M0 0V{h}H{w}", w = SIZE.0, h = SIZE.1) />
            <polyline class="curve__line" points=points />
            <text class="curve__text" x="6" y="10">{move || format!("{} instances", most())}</text>
            <text class="curve__text curve__text--end" x=SIZE.0.to_string() y=(SIZE.1 + 14.0).to_string()>
                {move || format!("last {:.0} hours", span())}
            </text>
        </svg>
    }
}
