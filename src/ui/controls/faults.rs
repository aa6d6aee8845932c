//! Lets something go wrong with a variant, and heals it.

use leptos::prelude::*;

use super::act::{Act, Weight};
use crate::{
    lab::{Fault, InjectedFault, LabAction},
    ui::{
        store::Store,
        widgets::{NumberField, SelectField},
        wording,
    },
};

/// A kind of fault: its name, what one will see, its sizes with what forms begin with, and the fault of such sizes.
struct Kind {
    name: &'static str,
    sign: &'static str,
    sizes: &'static [(&'static str, f64)],
    of: fn([f64; 2]) -> Fault,
}

/// A count that was typed: none is below 0, and text beyond all counts is the largest.
fn count(n: f64) -> u32 {
    n.max(0.0).round() as u32
}

static KINDS: [Kind; 9] = [
    Kind {
        name: "Slow model",
        sign: "Every service time is multiplied; queues follow.",
        sizes: &[("Factor", 3.0)],
        of: |[factor, _]| Fault::SlowModel { factor },
    },
    Kind {
        name: "Latency spikes",
        sign: "The median stays, the 99th percentile does not.",
        sizes: &[("Share of requests, %", 2.0), ("Longer by, ms", 200.0)],
        of: |[percent, extra_ms]| Fault::LatencySpikes { probability: percent / 100.0, extra_ms },
    },
    Kind {
        name: "4xx burst",
        sign: "The container turns requests away; it has less to do.",
        sizes: &[("Share of requests, %", 20.0)],
        of: |[percent, _]| Fault::ClientErrors { share: percent / 100.0 },
    },
    Kind {
        name: "5xx burst",
        sign: "The model runs and then fails: errors, and no less load.",
        sizes: &[("Share of requests, %", 20.0)],
        of: |[percent, _]| Fault::ModelErrors { share: percent / 100.0 },
    },
    Kind {
        name: "Wrong container",
        sign: "What is deployed or added meanwhile never gets healthy; what serves goes on.",
        sizes: &[],
        of: |_| Fault::WrongContainer,
    },
    Kind {
        name: "Memory leak",
        sign: "MemoryUtilization climbs until the instance is killed; it is back a minute later.",
        sizes: &[("MiB per request", 1.0)],
        of: |[mib_per_request, _]| Fault::MemoryLeak { mib_per_request },
    },
    Kind {
        name: "Skewed tokenizer",
        sign: "The model reads other words than it was trained on: accuracy falls, latency is fine.",
        sizes: &[],
        of: |_| Fault::SkewedTokenizer,
    },
    Kind {
        name: "Cold start",
        sign: "The first requests on each instance that starts meanwhile are slow.",
        sizes: &[("Requests per instance", 200.0), ("Longer by, ms", 300.0)],
        of: |[requests, extra_ms]| Fault::ColdStart { requests: count(requests), extra_ms },
    },
    Kind {
        name: "Lost instances",
        sign: "Requests to them fail for 30 seconds; then the rest serve all.",
        sizes: &[("Instances", 1.0)],
        of: |[instances, _]| Fault::LostInstances { instances: count(instances) },
    },
];

/// Name of a fault's kind.
pub fn name(fault: &Fault) -> &'static str {
    let same = |k: &&Kind| (k.of)([1.0; 2]).kind() == fault.kind();
    KINDS.iter().find(same).map_or("", |k| k.name)
}

/// What goes wrong, with whom, when and for how long; and what does already.
#[component]
pub fn Faults() -> impl IntoView {
    let store = Store::expect();
    let variants = store.slice(|s| {
        let live = s.endpoints.iter().flat_map(|e| e.variants.iter().chain(&e.shadows));
        let configured = s.configs.iter().flat_map(|c| c.variants()).map(|v| v.variant_name.to_string());
        let mut names: Vec<String> = live.map(|v| v.name.clone()).chain(configured).collect();
        names.sort();
        names.dedup();
        names
    });
    let variants = Memo::new(move |_| variants.get().unwrap_or_default());
    let chosen = RwSignal::new(None::<String>);
    let variant = Memo::new(move |_| {
        variants.with(|v| chosen.get().filter(|c| v.contains(c)).or_else(|| v.last().cloned()))
    });
    let kind = RwSignal::new(0_usize);
    let sizes = RwSignal::new([3.0, 0.0]);
    let (starts, lasts) = (RwSignal::new(0.0), RwSignal::new(30.0));
    let shown = move || &KINDS[kind.get() % KINDS.len()];
    let fault = move || (shown().of)(sizes.get());
    let problem = move || fault().check().err().map(|e| e.to_string());
    let action = Signal::derive(move || {
        let variant = variant.get().filter(|_| problem().is_none())?;
        let seconds = |minutes: f64| (minutes.max(0.0) * 60.0).round() as u64;
        Some(LabAction::InjectFault {
            variant,
            fault: fault(),
            starts_in_s: Some(seconds(starts.get())),
            lasts_s: seconds(lasts.get()),
        })
    });
    let named = |names: Vec<String>| names.into_iter().map(|n| (n.clone(), n)).collect::<Vec<_>>();
    let kinds = KINDS.iter().enumerate().map(|(i, k)| (i.to_string(), k.name.to_owned())).collect::<Vec<_>>();
    let minutes = |label, value: RwSignal<f64>| {
        view! {
            <NumberField label unit="minutes" value on_input=Callback::new(move |n| value.set(n)) />
        }
    };
    view! {
        <Injected />
        <Show
            when=move || variants.with(|v| !v.is_empty())
            fallback=|| view! { <p class="quiet">"There is no variant yet."</p> }
        >
            <SelectField
                label="Variant"
                options=Signal::derive(move || named(variants.get()))
                value=Signal::derive(move || variant.get().unwrap_or_default())
                on_choice=Callback::new(move |name| chosen.set(Some(name)))
            />
            <SelectField
                label="Fault"
                options=Signal::stored(kinds.clone())
                value=Signal::derive(move || kind.get().to_string())
                on_choice=Callback::new(move |at: String| {
                    kind.set(at.parse().unwrap_or(0));
                    let begin = |i: usize| shown().sizes.get(i).map_or(0.0, |(_, n)| *n);
                    sizes.set([begin(0), begin(1)]);
                })
            />
            <p class="quiet">{move || shown().sign}</p>
            {move || {
                let fields = shown().sizes.iter().enumerate();
                fields
                    .map(|(i, (label, _))| {
                        view! {
                            <NumberField
                                label=*label
                                value=Signal::derive(move || sizes.get()[i])
                                on_input=Callback::new(move |n| sizes.update(|s| s[i] = n))
                            />
                        }
                    })
                    .collect_view()
            }}
            {minutes("Starts in", starts)}
            {minutes("Lasts", lasts)}
            <p class="field__problem" role="status">{problem}</p>
            <Act label="Inject it" action weight=Weight::Danger success="It is injected." />
        </Show>
    }
}

/// Faults that hold or are planned, each with the button that ends it.
#[component]
fn Injected() -> impl IntoView {
    let store = Store::expect();
    let all = store.slice(|s| {
        let told = |f: &InjectedFault| (f.id, f.holds(s.now), f.clone());
        s.faults.iter().map(told).collect::<Vec<_>>()
    });
    view! {
        <ul class="list" aria-label="Faults">
            {move || {
                all.get()
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(id, holds, f)| {
                        let when = if holds {
                            format!("until {}", f.ends)
                        } else {
                            format!("from {} for {}", f.starts, wording::plural(f.ends.since(f.starts).as_secs(), "second"))
                        };
                        view! {
                            <li class="list__item resource">
                                <span class:bad=holds>
                                    {name(&f.fault)} " on " <code>{f.variant.to_string()}</code> " " {when}
                                </span>
                                <button
                                    type="button"
                                    class="btn btn--small"
                                    aria-label=format!("Clear {} on {}", name(&f.fault), f.variant)
                                    on:click=move |_| {
                                        store.dispatch(LabAction::ClearFaults { id: Some(id) });
                                    }
                                >
                                    "Clear"
                                </button>
                            </li>
                        }
                    })
                    .collect_view()
            }}
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_begins_with_a_sound_fault_of_its_own_name() {
        for kind in &KINDS {
            let begin = |i: usize| kind.sizes.get(i).map_or(0.0, |(_, n)| *n);
            let fault = (kind.of)([begin(0), begin(1)]);
            assert_eq!(fault.check(), Ok(()), "{}", kind.name);
            assert_eq!(name(&fault), kind.name);
        }
    }
}
