//! The reviews on which production and shadow disagree: sorted, filtered, and opened one by one.

use leptos::prelude::*;

use super::comparison::newest_pair;
use crate::{
    domain::FleetId,
    lab::{
        DisagreementFilter, DisagreementOrder, DisagreementPage, DisagreementQuery, DisagreementRow,
        LabAction,
    },
    ui::{
        inspector::curl,
        store::Store,
        widgets::{CodeBlock, Disclosure, Options, Probabilities, SelectField, StarRow},
        wording,
    },
};

/// Rows of a page.
const ROWS: usize = 8;
const ORDERS: [(DisagreementOrder, &str); 4] = [
    (DisagreementOrder::Gap, "Most stars apart"),
    (DisagreementOrder::Pairs, "Most often asked"),
    (DisagreementOrder::Recent, "Newest"),
    (DisagreementOrder::Latency, "Latency furthest apart"),
];
const FILTERS: [(DisagreementFilter, &str); 4] = [
    (DisagreementFilter::All, "All"),
    (DisagreementFilter::ShadowRight, "Shadow right"),
    (DisagreementFilter::ProductionRight, "Production right"),
    (DisagreementFilter::NeitherRight, "Neither right"),
];

fn options<T>(all: &[(T, &str)]) -> Signal<Options> {
    Signal::stored(all.iter().enumerate().map(|(i, (_, name))| (i.to_string(), (*name).to_owned())).collect())
}

/// A list of disagreements that is asked for anew when the question changes, or on demand.
#[component]
pub fn Disagreements() -> impl IntoView {
    let store = Store::expect();
    let pair = newest_pair(store);
    let fleets = Memo::new(move |_| pair.with(|p| p.as_ref().map(|p| (p.production_fleet, p.shadow_fleet))));
    let (order, only, skip) = (RwSignal::new(0_usize), RwSignal::new(0_usize), RwSignal::new(0_usize));
    let again = RwSignal::new(0_u32);
    let page = RwSignal::new(DisagreementPage::default());
    // Asking is no write: the answer comes later.
    Effect::new(move |_| {
        again.track();
        let Some((production, shadow)) = fleets.get() else { return };
        let query = DisagreementQuery {
            production,
            shadow,
            order: ORDERS[order.get().min(ORDERS.len() - 1)].0,
            only: FILTERS[only.get().min(FILTERS.len() - 1)].0,
            skip: skip.get(),
            take: ROWS,
        };
        store.disagreements(query, move |answer| page.set(answer));
    });
    let choose = move |which: RwSignal<usize>| {
        Callback::new(move |value: String| {
            skip.set(0);
            which.set(value.parse().unwrap_or(0));
        })
    };
    let total = move || page.with(|p| p.total);
    let shown = move || {
        let (from, total) = (skip.get(), total());
        if total == 0 {
            "none".to_owned()
        } else {
            format!("{} to {} of {}", from + 1, (from + ROWS).min(total), wording::count(total as u64))
        }
    };
    let turn = move |to: usize| move |_| skip.set(to);
    view! {
        <Show
            when=move || fleets.get().is_some()
            fallback=|| view! { <p class="quiet">"Nothing has been compared yet."</p> }
        >
            <div class="pair">
                <SelectField
                    label="Order"
                    options=options(&ORDERS)
                    value=Signal::derive(move || order.get().to_string())
                    on_choice=choose(order)
                />
                <SelectField
                    label="Show"
                    options=options(&FILTERS)
                    value=Signal::derive(move || only.get().to_string())
                    on_choice=choose(only)
                />
            </div>
            <p role="status" class="quiet">"Reviews: " {shown}</p>
            {move || {
                let forgotten = page.with(|p| p.forgotten);
                (forgotten > 0)
                    .then(|| {
                        view! {
                            <p class="quiet">
                                {wording::count(forgotten)} " with smaller gaps had no room and were forgotten."
                            </p>
                        }
                    })
            }}
            <ul class="list" aria-label="Disagreements">
                {move || {
                    let fleets = fleets.get().unwrap_or((FleetId(0), FleetId(0)));
                    page.get().rows.into_iter().map(|row| view! { <Row row fleets /> }).collect_view()
                }}
            </ul>
            <div class="row">
                <button
                    type="button"
                    class="btn btn--small"
                    disabled=move || skip.get() == 0
                    on:click=move |e| turn(skip.get_untracked().saturating_sub(ROWS))(e)
                >
                    "Back"
                </button>
                <button
                    type="button"
                    class="btn btn--small"
                    disabled=move || skip.get() + ROWS >= total()
                    on:click=move |e| turn(skip.get_untracked() + ROWS)(e)
                >
                    "More"
                </button>
                <button type="button" class="btn btn--small" on:click=move |_| again.update(|n| *n += 1)>
                    "Refresh"
                </button>
            </div>
        </Show>
    }
}

/// One review, to be opened.
#[component]
fn Row(row: DisagreementRow, fleets: (FleetId, FleetId)) -> impl IntoView {
    let store = Store::expect();
    let names = store.snapshot.with_untracked(|s| {
        let name = |fleet| {
            let all = s.iter().flat_map(|s| &s.endpoints);
            all.flat_map(|e| e.all_variants().map(move |v| (v, e)))
                .find(|(v, _)| v.fleet == fleet)
                .map(|(v, e)| (v.name.clone(), e.name.clone()))
        };
        (name(fleets.0), name(fleets.1))
    });
    let endpoint = names.0.as_ref().map_or_else(|| "ENDPOINT".to_owned(), |(_, e)| e.clone());
    let d = row.disagreement;
    let (production, shadow) = (d.production.get(), d.shadow.get());
    let truth = d.true_stars.map(|s| s.get());
    let start: String = row.text.chars().take(72).collect();
    let title = format!(
        "{production}★ against {shadow}★: {start}{}",
        if start.len() < row.text.len() { "…" } else { "" }
    );
    let answers = [
        (names.0.map_or_else(|| "Production".into(), |(v, _)| v), production, row.production, d.last_ns.0),
        (names.1.map_or_else(|| "Shadow".into(), |(v, _)| v), shadow, row.shadow, d.last_ns.1),
    ];
    let call = curl(&endpoint, &row.text);
    let opened = move |_| {
        store.dispatch(LabAction::ReadDisagreement(d.review));
    };
    view! {
        <li class="list__item" on:click=opened>
            <Disclosure title=title>
                <blockquote class="quote">{row.text}</blockquote>
                <p>
                    "True rating: " <StarRow stars=truth /> " · " {wording::plural(d.pairs, "pair")} " · request "
                    {wording::count(d.last_id)}
                </p>
                {answers
                    .into_iter()
                    .map(|(name, stars, probabilities, ns)| {
                        view! {
                            <p class="opinion">
                                <strong>{name}</strong>
                                <StarRow stars=Some(stars) />
                                <Probabilities values=probabilities />
                                <span class="quiet">{wording::micros(ns as f64 / 1e3)}</span>
                            </p>
                        }
                    })
                    .collect_view()}
                <CodeBlock text=call what="request as curl" />
            </Disclosure>
        </li>
    }
}
