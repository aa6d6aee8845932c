//! The metrics panel: the lab's four plots over time, a line per variant, as CloudWatch would show them.

mod download;
mod feed;
mod plot;
mod settings;
mod table;

use leptos::{html, prelude::*};

pub use self::download::save_parts;
use self::{
    plot::MetricPlot,
    settings::{Chosen, FIRST_METRICS, PERIODS_S, Range, Window, period_title},
};
use super::{
    canvas::{Inks, use_inks},
    mark::Mark,
    store::Store,
};
use crate::{
    analysis::metrics::Metric,
    lab::{EndpointView, LabAction},
    ui::widgets::Views,
};

/// What the plots share.
#[derive(Clone, Copy)]
struct Panel {
    store: Store,
    endpoint: Memo<Option<String>>,
    /// The virtual minute: metrics change with it and not within it.
    minute: Memo<Option<u64>>,
    window: RwSignal<Window>,
    hidden: RwSignal<Vec<String>>,
    /// The moment under the crosshair, virtual seconds: all plots show the same one.
    cursor: RwSignal<Option<u64>>,
    /// The plot that the crosshair belongs to.
    active: RwSignal<Option<usize>>,
    inks: Memo<Option<Inks>>,
    /// Changes whenever the traffic is shared out anew.
    split: Memo<String>,
    /// Whether any request was ever sent.
    sent: Memo<bool>,
    /// How much CPU there is, in words.
    vcpus: Memo<Option<String>>,
    looked_at: StoredValue<(String, Vec<Chosen>)>,
    /// Every variant that any plot has a series of.
    variants: RwSignal<Vec<String>>,
}

impl Panel {
    /// The look of a variant. Metrics outlive endpoint and configuration, and with them all that the store has seen.
    fn mark(self, variant: &str) -> Mark {
        let row = self.variants.with(|v| v.iter().position(|name| name == variant));
        self.store.mark_in_row(variant, row.unwrap_or_default())
    }

    /// Takes in the variants of an answer.
    fn report(self, names: &[String]) {
        let new = |known: &Vec<String>| names.iter().any(|n| !known.contains(n));
        if self.variants.with_untracked(new) {
            self.variants.update(|known| {
                for name in names {
                    if !known.contains(name) {
                        known.push(name.clone());
                    }
                }
            });
        }
    }

    /// Tells the lab that a metric was looked at: once per split.
    fn look_at(self, chosen: Chosen) {
        if self.endpoint.with_untracked(Option::is_none) {
            return;
        }
        let split = self.split.get_untracked();
        let new = self.looked_at.try_update_value(|(of, seen)| {
            if *of != split {
                seen.clear();
                *of = split;
            }
            let new = !seen.contains(&chosen);
            if new {
                seen.push(chosen);
            }
            new
        });
        if new == Some(true) {
            self.store.dispatch(LabAction::ViewMetric { metric: chosen.metric, statistic: chosen.statistic });
        }
    }
}

/// Plots of an endpoint's metrics over virtual time: four at first, each of any metric and statistic.
#[component]
pub fn MetricsPanel(
    /// The endpoint; without a name the one that was created last. Its metrics stay after it is deleted.
    #[prop(optional, into)]
    endpoint: MaybeProp<String>,
) -> impl IntoView {
    let store = Store::expect();
    let root = NodeRef::<html::Div>::new();
    let panel = shared(store, endpoint, root);
    provide_context(panel);

    // Another endpoint has other variants.
    Effect::new(move |before: Option<Option<String>>| {
        let endpoint = panel.endpoint.get();
        if before.is_some_and(|b| b != endpoint) {
            panel.variants.set(Vec::new());
        }
        endpoint
    });
    view! {
        <div class="metrics" node_ref=root>
            <div class="metrics__bar">
                <Legend />
                <div class="metrics__window">
                    <span class="metrics__lag">"not published yet"</span>
                    <WindowFields />
                </div>
            </div>
            <div class="metrics__plots">
                {FIRST_METRICS
                    .into_iter()
                    .enumerate()
                    .map(|(index, metric): (usize, Metric)| {
                        view! { <MetricPlot index chosen=RwSignal::new(Chosen::usual(metric)) /> }
                    })
                    .views()}
            </div>
        </div>
    }
}

/// Which variant is which line; each can be hidden.
#[component]
fn Legend() -> impl IntoView {
    let panel = expect_context::<Panel>();
    view! {
        <div class="metrics__legend" role="group" aria-label="Variants shown in the plots">
            {move || {
                panel
                    .variants
                    .get()
                    .into_iter()
                    .map(|name| {
                        let mark = panel.mark(&name);
                        let dash: Vec<String> = mark.dash().iter().map(f64::to_string).collect();
                        let (shown, toggled) = (name.clone(), name.clone());
                        view! {
                            <button
                                type="button"
                                class="metrics__variant"
                                style:--mark=mark.colour()
                                aria-pressed=move || panel.hidden.with(|h| (!h.contains(&shown)).to_string())
                                title="Show or hide this variant's lines"
                                on:click=move |_| {
                                    panel
                                        .hidden
                                        .update(|h| {
                                            let before = h.len();
                                            h.retain(|name| *name != toggled);
                                            if h.len() == before {
                                                h.push(toggled.clone());
                                            }
                                        });
                                }
                            >
                                <svg class="metrics__sample" viewBox="0 0 28 12" aria-hidden="true">
                                    <line x1="0" y1="6" x2="28" y2="6" stroke-dasharray=dash.join(" ") />
                                </svg>
                                <span class="metrics__symbol" aria-hidden="true">{mark.symbol()}</span>
                                {name}
                            </button>
                        }
                    })
                    .views()
            }}
        </div>
    }
}

/// Period and range of all plots.
#[component]
fn WindowFields() -> impl IntoView {
    let window = expect_context::<Panel>().window;
    view! {
        <label class="metrics__field">
            <span>"Period"</span>
            <select
                class="plot__select"
                on:change:target=move |event| {
                    if let Ok(period_s) = event.target().value().parse() {
                        window.update(|w| w.period_s = period_s);
                    }
                }
            >
                {PERIODS_S
                    .into_iter()
                    .map(|s| {
                        view! {
                            <option value=s.to_string() selected=move || window.get().period_s == s>
                                {period_title(s)}
                            </option>
                        }
                    })
                    .views()}
            </select>
        </label>
        <label class="metrics__field">
            <span>"Range"</span>
            <select
                class="plot__select"
                on:change:target=move |event| {
                    let title = event.target().value();
                    if let Some(range) = Range::ALL.into_iter().find(|r| r.title() == title) {
                        window.update(|w| w.range = range);
                    }
                }
            >
                {Range::ALL
                    .into_iter()
                    .map(|r| {
                        view! {
                            <option value=r.title() selected=move || window.get().range == r>
                                {r.title()}
                            </option>
                        }
                    })
                    .views()}
            </select>
        </label>
    }
}

fn shared(store: Store, endpoint: MaybeProp<String>, root: NodeRef<html::Div>) -> Panel {
    // The metrics of a deleted endpoint can still be read, as in CloudWatch: the last name is kept.
    let endpoint = Memo::new(move |before: Option<&Option<String>>| {
        let newest = || {
            store.snapshot.with(|s| {
                let s = s.as_deref()?;
                s.endpoints.iter().max_by_key(|e| e.created).map(|e| e.name.clone())
            })
        };
        let open = store.snapshot.with(Option::is_some);
        endpoint.get().or_else(newest).or_else(|| before.cloned().flatten().filter(|_| open))
    });
    let of_endpoint = move |read: &dyn Fn(&EndpointView) -> String| {
        let name = endpoint.get();
        store.snapshot.with(|s| {
            let s = s.as_deref()?;
            s.endpoints.iter().find(|e| Some(&e.name) == name.as_ref()).map(read)
        })
    };
    Panel {
        store,
        endpoint,
        minute: Memo::new(move |_| store.snapshot.with(|s| s.as_ref().map(|s| s.now.minute()))),
        window: RwSignal::new(Window { period_s: PERIODS_S[0], range: Range::Last(3_600) }),
        hidden: RwSignal::new(Vec::new()),
        cursor: RwSignal::new(None),
        active: RwSignal::new(None),
        inks: use_inks(root),
        split: Memo::new(move |_| of_endpoint(&split_of).unwrap_or_default()),
        sent: Memo::new(move |_| store.snapshot.with(|s| s.as_ref().is_some_and(|s| s.sent > 0))),
        vcpus: Memo::new(move |_| of_endpoint(&vcpus_of).filter(|w| !w.is_empty())),
        looked_at: StoredValue::new((String::new(), Vec::new())),
        variants: RwSignal::new(Vec::new()),
    }
}

/// The fleets and the weights that route.
fn split_of(endpoint: &EndpointView) -> String {
    let parts = endpoint.variants.iter().map(|v| format!("{}:{}", v.fleet.0, v.current_weight));
    parts.collect::<Vec<_>>().join(" ")
}

/// How far CPU utilisation can go, e.g. `; 4 vCPUs: up to 400%`.
fn vcpus_of(endpoint: &EndpointView) -> String {
    let mut counts = Vec::new();
    for n in endpoint.variants.iter().map(|v| v.instance_type.spec().vcpus) {
        if let Err(place) = counts.binary_search(&n) {
            counts.insert(place, n);
        }
    }
    counts.iter().map(|n| format!("; {n} vCPUs: up to {}%", n * 100)).collect()
}
