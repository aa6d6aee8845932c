//! The endpoints that there are: their picture, and what each variant does.

use leptos::prelude::*;

use super::{
    picture::EndpointPicture,
    store::Store,
    widgets::{Meter, Show, VariantTag, Views, each},
    wording,
};
use crate::{
    controller::EndpointStatus,
    domain::VirtualTime,
    lab::{EndpointView, Tally, VariantView},
};

/// Status in the service's word, with a sign and a colour.
#[component]
pub fn StatusPill(
    /// The status.
    status: EndpointStatus,
) -> impl IntoView {
    let (kind, sign) = match status {
        EndpointStatus::InService => ("good", "●"),
        EndpointStatus::Creating | EndpointStatus::Updating | EndpointStatus::Deleting => ("busy", "◐"),
        EndpointStatus::Failed => ("bad", "✖"),
    };
    view! {
        <span class=format!("pill pill--{kind}")>
            <span aria-hidden="true">{sign}</span>
            {status.to_string()}
        </span>
    }
}

/// The region in the middle: the newest endpoint with its picture, then the others.
#[component]
pub fn EndpointPanel() -> impl IntoView {
    let store = Store::expect();
    let names = store.slice(|s| {
        let mut by_age: Vec<&EndpointView> = Vec::new();
        for e in &s.endpoints {
            by_age.insert(by_age.partition_point(|other| other.created >= e.created), e);
        }
        by_age.iter().map(|e| e.name.clone()).collect::<Vec<_>>()
    });
    let none = move || names.with(|n| n.as_ref().is_some_and(Vec::is_empty));
    let card = move |name: String| {
        let of = name.clone();
        let newest = Memo::new(move |_| names.with(|n| n.as_ref().and_then(|n| n.first()) == Some(&of)));
        view! { <EndpointCard name newest /> }.into_any()
    };
    view! {
        <h2 class="region__title">"Endpoint"</h2>
        <Show when=move || names.with(Option::is_none)>
            <p class="empty">"Opening the lab…"</p>
        </Show>
        <Show when=none>
            <EndpointPicture />
        </Show>
        {each(move || names.get().unwrap_or_default(), card)}
    }
}

/// What stands above the variants, without the numbers that change with every request.
#[derive(Clone, Debug, PartialEq)]
struct Head {
    status: EndpointStatus,
    config: String,
    failure: Option<String>,
    pending: Option<String>,
    cost: String,
    per_hour: String,
    progress: Option<f64>,
    ready_at: Option<VirtualTime>,
}

impl Head {
    fn of(e: &EndpointView) -> Self {
        Self {
            status: e.status,
            config: e.config_name.clone(),
            failure: e.failure_reason.clone(),
            pending: e.pending_config.clone(),
            cost: wording::usd(e.cost_usd),
            per_hour: wording::usd(e.cost_usd_per_hour),
            // Whole percents, so that the bar is not written anew in every frame of a slow transition.
            progress: e.progress.map(|p| (p * 100.0).round() / 100.0),
            ready_at: e.ready_at,
        }
    }
}

#[component]
fn EndpointCard(name: String, newest: Memo<bool>) -> impl IntoView {
    let store = Store::expect();
    let (title, label) = (name.clone(), format!("Endpoint {name}"));
    let key = StoredValue::new(name);
    let part = move |e: &EndpointView| e.name == key.get_value();
    let head = store.find(move |s| s.endpoints.iter().find(|e| part(e)).map(Head::of));
    let variants = store.find(move |s| s.endpoints.iter().find(|e| part(e)).map(|e| rows(&e.variants)));
    let pending = store.find(move |s| {
        s.endpoints.iter().find(|e| part(e)).map(|e| rows_of(&e.pending_variants, &e.pending_shadows))
    });
    let shadows = store.find(move |s| s.endpoints.iter().find(|e| part(e)).map(|e| rows(&e.shadows)));
    let of = move |memo: Memo<Option<Vec<Row>>>| memo.get().unwrap_or_default();
    let progress = Memo::new(move |_| head.with(|h| h.as_ref().and_then(|h| h.progress)));
    let ready_at = Signal::derive(move || {
        head.with(|h| h.as_ref().and_then(|h| h.ready_at).map(|t| format!("ready at {t}")))
            .unwrap_or_default()
    });
    view! {
        <article class="endpoint" aria-label=label>
            <header class="endpoint__head">
                <h3 class="endpoint__name">{title}</h3>
                <span role="status">
                    {move || head.with(|h| h.as_ref().map(|h| view! { <StatusPill status=h.status /> }))}
                </span>
                <span class="endpoint__cost numerals">
                    {move || head.with(|h| h.as_ref().map(|h| format!("{} so far · {}/h", h.cost, h.per_hour)))}
                </span>
            </header>
            <p class="endpoint__config">
                "runs "
                <code>{move || head.with(|h| h.as_ref().map(|h| h.config.clone()))}</code>
                {move || {
                    head.with(|h| {
                        h.as_ref()
                            .and_then(|h| h.pending.clone())
                            .map(|p| view! { " → " <code>{p}</code> })
                    })
                }}
            </p>
            <Show when=move || progress.get().is_some()>
                <Meter
                    label="Transition"
                    share=Signal::derive(move || progress.get().unwrap_or(0.0))
                    words=ready_at
                />
            </Show>
            {move || {
                head.with(|h| {
                    h.as_ref()
                        .and_then(|h| h.failure.clone())
                        .map(|why| view! { <p class="note note--bad" role="alert">{why}</p> })
                })
            }}
            <Show when=move || newest.get()>
                <EndpointPicture endpoint=key.get_value() />
            </Show>
            <VariantTable rows=Signal::derive(move || of(variants)) caption="Variants" />
            <Show when=move || !of(shadows).is_empty()>
                <VariantTable rows=Signal::derive(move || of(shadows)) caption="Shadow: gets copies, answers nobody" />
            </Show>
            <Show when=move || !of(pending).is_empty()>
                <VariantTable rows=Signal::derive(move || of(pending)) caption="Being started" />
            </Show>
        </article>
    }
}

/// A variant as the table shows it, in words: a row that says the same is not drawn again.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    model: String,
    weight: String,
    share: f64,
    instances: String,
    per_second: String,
    latency: String,
    accuracy: String,
    errors: u64,
    status: Option<String>,
}

fn rows_of(production: &[VariantView], shadows: &[VariantView]) -> Vec<Row> {
    production.iter().chain(shadows).map(row).collect()
}

fn rows(variants: &[VariantView]) -> Vec<Row> {
    variants.iter().map(row).collect()
}

fn row(v: &VariantView) -> Row {
    let moving = |current: String, desired: String| {
        if current == desired { current } else { format!("{current} → {desired}") }
    };
    Row {
        name: v.name.clone(),
        model: format!("{} ({})", v.model, v.artifact),
        weight: moving(wording::short(v.current_weight, 2), wording::short(v.desired_weight, 2)),
        share: v.share,
        instances: format!(
            "{} × {}{}",
            moving(v.current_count.to_string(), v.desired_count.to_string()),
            v.instance_type,
            match v.instances.iter().filter(|i| i.down).count() {
                0 => String::new(),
                down => format!(", {down} down"),
            }
        ),
        per_second: wording::short(v.per_second, usize::from(v.per_second < 100.0)),
        latency: latency(&v.tally),
        accuracy: accuracy(&v.tally),
        errors: v.tally.errors_4xx + v.tally.errors_5xx,
        status: v.status.as_ref().map(|s| format!("{}: {}", s.status, s.message)),
    }
}

fn latency(tally: &Tally) -> String {
    let answered = tally.invocations.saturating_sub(tally.errors_4xx + tally.errors_5xx);
    if answered == 0 {
        "–".to_owned()
    } else {
        wording::micros(tally.model_latency_sum_ns / 1e3 / answered as f64)
    }
}

fn accuracy(tally: &Tally) -> String {
    if tally.labelled == 0 {
        return "–".to_owned();
    }
    wording::percent(tally.correct as f64 / tally.labelled as f64)
}

#[component]
fn VariantTable(rows: Signal<Vec<Row>>, caption: &'static str) -> impl IntoView {
    view! {
        <div class="table-frame" tabindex="0" role="group" aria-label=caption>
            <table class="table">
                <caption class="table__caption">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Variant"</th>
                        <th scope="col" class="table__number">"Share"</th>
                        <th scope="col" class="table__number">"Weight"</th>
                        <th scope="col" class="table__number">"Req/s"</th>
                        <th scope="col" class="table__number">"Latency"</th>
                        <th scope="col" class="table__number">"Right"</th>
                        <th scope="col" class="table__number">"Errors"</th>
                    </tr>
                </thead>
                <tbody>
                    {move || rows.get().into_iter().map(|row| view! { <VariantRow row /> }).views()}
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn VariantRow(row: Row) -> impl IntoView {
    let store = Store::expect();
    let mark = store.mark(&row.name);
    view! {
        <tr style:--mark=mark.colour() class:table__row--open=row.status.is_some()>
            <th scope="row">
                <VariantTag name=row.name mark />
                <span class="table__under">{row.model}</span>
                <span class="table__under">{row.instances}</span>
            </th>
            <td class="table__number">
                <span class="share-cell" style:--share=row.share.to_string()>{wording::percent(row.share)}</span>
            </td>
            <td class="table__number">{row.weight}</td>
            <td class="table__number">{row.per_second}</td>
            <td class="table__number">{row.latency}</td>
            <td class="table__number">{row.accuracy}</td>
            <td class="table__number" class:bad=row.errors != 0>{wording::count(row.errors)}</td>
        </tr>
        {row
            .status
            .map(|s| {
                view! {
                    <tr class="table__aside">
                        <td colspan="7" class="warn">{s}</td>
                    </tr>
                }
            })}
    }
}
