//! What a managed shadow test measures, while it runs and afterwards.

use std::time::Duration;

use leptos::prelude::*;

use super::{ChosenTest, TestChoice, pill};
use crate::{
    lab::{DASHBOARD, DESCRIPTION, MetricSummary, TestView},
    ui::{
        store::Store,
        widgets::{Meter, SelectField},
        wording,
    },
    wire::{TestAnswer, TestQuestion},
};

/// Real time between two questions.
const GAP: Duration = Duration::from_millis(500);

/// What stands above the numbers.
#[derive(Clone, Debug, PartialEq)]
struct Head {
    status: crate::controller::InferenceExperimentStatus,
    reason: Option<String>,
    names: [String; 2],
    rows: Vec<(&'static str, String)>,
    progress: f64,
    ends: String,
}

impl Head {
    fn of(t: &TestView) -> Self {
        let mut rows = vec![
            ("Endpoint", t.endpoint.clone()),
            ("Traffic sampling", format!("{}%", t.sampling_percentage)),
            (
                "Variants",
                format!(
                    "{} {:?} · {} {:?}",
                    t.production.name, t.production.status, t.shadow.name, t.shadow.status
                ),
            ),
            (
                "Data capture",
                t.destination.clone().unwrap_or_else(|| "off: the shadow's replies are thrown away".into()),
            ),
        ];
        rows.extend(t.description.clone().map(|d| ("Description", d)));
        if let Some(pair) = &t.pair {
            let c = pair.copies;
            let fates = [(c.answered, "answered"), (c.failed, "failed"), (c.dropped, "dropped")];
            let fates = fates.map(|(n, word)| format!("{} {word}", wording::count(n))).join(", ");
            rows.push(("Copies", format!("{}: {fates}", wording::count(c.sent))));
            let both: u64 = pair.confusion.iter().flatten().sum();
            let same: u64 = (0..5).map(|i| pair.confusion[i][i]).sum();
            if both > 0 {
                let share = wording::percent(same as f64 / both as f64);
                rows.push(("Same answer", format!("{share} of {} pairs", wording::count(both))));
            }
        }
        Self {
            status: t.status,
            reason: t.status_reason.clone(),
            names: [t.production.name.clone(), t.shadow.name.clone()],
            rows,
            progress: (t.progress * 1_000.0).round() / 1_000.0,
            ends: t.completed.map_or_else(|| format!("until {}", t.end), |c| format!("ended {c}")),
        }
    }
}

/// How a test stands, and descriptive statistics of both variants.
#[component]
pub fn TestMonitor() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenTest::new(store, |_| true);
    let head = chosen.part(Head::of);
    let progress = Memo::new(move |_| head.with(|h| h.as_ref().map_or(0.0, |h| h.progress)));
    let metric = RwSignal::new(DASHBOARD[2].name().to_owned());
    let rows = statistics(store, chosen);
    let row =
        Memo::new(move |_| rows.with(|all| all.iter().find(|r| r.metric.name() == metric.get()).cloned()));
    view! {
        <TestChoice chosen none="There is no shadow test yet." />
        <Show when=move || head.with(Option::is_some)>
            {move || {
                head.get().map(|h| {
                    view! {
                        <p role="status">{pill(h.status)} " " <span class="quiet">{h.reason}</span></p>
                        <dl class="facts">
                            {h.rows.into_iter().map(|(k, v)| view! { <dt>{k}</dt> <dd>{v}</dd> }).collect_view()}
                        </dl>
                    }
                })
            }}
            <Meter
                label="Schedule"
                share=progress
                words=Signal::derive(move || head.with(|h| h.as_ref().map(|h| h.ends.clone()).unwrap_or_default()))
            />
            <SelectField
                label="Metric"
                options=Signal::stored(DASHBOARD.map(|m| (m.name().to_owned(), m.name().to_owned())).to_vec())
                value=metric
                on_choice=Callback::new(move |m| metric.set(m))
            />
            <div class="table-frame" tabindex="0" role="group" aria-label="Descriptive statistics">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">
                                {move || row.with(|r| r.as_ref().map(|r| r.metric.unit()))}
                            </th>
                            {move || {
                                let names = head.with(|h| h.as_ref().map(|h| h.names.clone())).unwrap_or_default();
                                names.map(|n| view! { <th scope="col" class="table__number">{n}</th> })
                            }}
                        </tr>
                    </thead>
                    <tbody>
                        {move || {
                            row.get().map(|row| {
                                DESCRIPTION
                                    .iter()
                                    .enumerate()
                                    .map(|(i, statistic)| {
                                        let cell = |v: Option<f64>| {
                                            v.map_or_else(|| "–".to_owned(), |v| wording::short(v, if v.abs() < 10.0 { 3 } else { 0 }))
                                        };
                                        view! {
                                            <tr>
                                                <th scope="row">{statistic.to_string()}</th>
                                                <td class="table__number">{cell(row.production[i])}</td>
                                                <td class="table__number">{cell(row.shadow[i])}</td>
                                            </tr>
                                        }
                                    })
                                    .collect_view()
                            })
                        }}
                    </tbody>
                </table>
            </div>
            <p class="quiet">
                "Over the whole minutes of the test. The graphs of the metrics region lay both variants over each other; request by request they are compared beside the endpoint."
            </p>
        </Show>
    }
}

/// The newest statistics of the chosen test, asked for twice a second at most.
fn statistics(store: Store, chosen: ChosenTest) -> RwSignal<Vec<MetricSummary>> {
    let rows = RwSignal::new(Vec::new());
    let minute = store.slice(|s| s.now.minute());
    let status = chosen.part(|t| t.status);
    // Whether a question is under way or rests, and whether something has changed since.
    let gate = StoredValue::new((false, false));
    let question = Memo::new(move |_| (chosen.name.get(), minute.get(), status.get()));
    Effect::new(move || {
        question.track();
        ask(store, chosen, gate, rows);
    });
    rows
}

fn ask(
    store: Store,
    chosen: ChosenTest,
    gate: StoredValue<(bool, bool)>,
    rows: RwSignal<Vec<MetricSummary>>,
) {
    let free = gate.try_update_value(|(busy, stale)| {
        *stale = *busy;
        !std::mem::replace(busy, true)
    });
    let (Some(true), Some(Some(name))) = (free, chosen.name.try_get_untracked()) else {
        if free == Some(true) {
            gate.set_value((false, false));
        }
        return;
    };
    store.ask_tests(TestQuestion::Statistics(name), move |answer| {
        if let TestAnswer::Statistics(answer) = answer
            && rows.try_with_untracked(|r| *r != answer) == Some(true)
        {
            rows.set(answer);
        }
    });
    // An answer may never come, when another lab is opened: the gate opens by time alone.
    set_timeout(
        move || {
            let stale = gate.try_update_value(|g| std::mem::take(g).1);
            if stale == Some(true) {
                ask(store, chosen, gate, rows);
            }
        },
        GAP,
    );
}
