//! A batch of requests and what came back.

use leptos::prelude::*;

use crate::{
    analysis::binomial,
    domain::InvocationStatus,
    lab::{Batch, BatchRow, Snapshot},
    ui::{
        store::Store,
        widgets::{Probabilities, Show, StarRow, VariantTag, Views},
        wording,
    },
};

/// How the rows of a batch were shared out, and what chance alone would give.
#[derive(Clone, Debug, PartialEq)]
struct Split {
    variant: String,
    answered: u64,
    rows: u64,
    /// Share that the endpoint gives it, and the range that follows for so many rows.
    expected: Option<(f64, (u64, u64))>,
    correct: u64,
    labelled: u64,
}

/// The split of a batch, one entry per variant in the endpoint's order.
fn splits(batch: &Batch, snapshot: &Snapshot) -> Vec<Split> {
    let endpoint = snapshot.endpoints.iter().find(|e| e.name == batch.endpoint);
    let mut names: Vec<&str> =
        endpoint.map(|e| e.variants.iter().map(|v| v.name.as_str()).collect()).unwrap_or_default();
    for row in &batch.rows {
        if !names.contains(&row.variant.as_str()) {
            names.push(&row.variant);
        }
    }
    let rows = batch.rows.len() as u64;
    let split = |name: &str| {
        let own = batch.rows.iter().filter(|r| r.variant == name);
        let labelled = own.clone().filter(|r| r.predicted.is_some() && r.true_stars.is_some());
        let share = endpoint.and_then(|e| e.variants.iter().find(|v| v.name == name)).map(|v| v.share);
        Split {
            variant: name.to_owned(),
            answered: own.count() as u64,
            rows,
            expected: share.map(|share| (share, binomial::central_range(rows, share, 0.95))),
            correct: labelled.clone().filter(|r| r.predicted == r.true_stars).count() as u64,
            labelled: labelled.count() as u64,
        }
    };
    names.into_iter().map(split).collect()
}

/// The newest batch of one kind: the learner's own sentences, or sampled reviews.
#[component]
pub fn Replies(
    /// Whether it is the learner's own sentences.
    own_words: bool,
) -> impl IntoView {
    let store = Store::expect();
    let batch = store.slice(move |s| s.batches.iter().rev().find(|b| b.own_words == own_words).cloned());
    let batch = Memo::new(move |_| batch.get().flatten());
    let shares = store.slice(move |s| {
        let batch = s.batches.iter().rev().find(|b| b.own_words == own_words)?;
        Some(splits(batch, s))
    });
    view! {
        <Show when=move || batch.with(Option::is_some)>
            <Show when=move || !own_words>
                <ul class="splits" aria-label="Split of the batch">
                    {move || {
                        shares
                            .get()
                            .flatten()
                            .unwrap_or_default()
                            .into_iter()
                            .map(|split| view! { <SplitRow split /> })
                            .views()
                    }}
                </ul>
            </Show>
            <div class="table-frame" tabindex="0" role="group" aria-label="Replies">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Text"</th>
                            <Show when=move || !own_words>
                                <th scope="col">"True"</th>
                            </Show>
                            <th scope="col">"Predicted"</th>
                            <th scope="col">"By"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {move || {
                            let rows = batch.get().map(|b| b.rows).unwrap_or_default();
                            rows.into_iter().map(|row| view! { <ReplyRow row own_words /> }).views()
                        }}
                    </tbody>
                </table>
            </div>
        </Show>
    }
}

#[component]
fn SplitRow(split: Split) -> impl IntoView {
    let store = Store::expect();
    let mark = store.mark(&split.variant);
    let of_rows = |n: u64| (n as f64 / (split.rows.max(1)) as f64).to_string();
    let (low, high) = split.expected.map_or((0, 0), |(_, range)| range);
    let words = split.expected.map(|(share, (low, high))| {
        let inside = (low..=high).contains(&split.answered);
        let verdict = if inside { "chance alone explains it" } else { "chance alone seldom gives that" };
        format!("weights give {}; 95% of samples lie in {low} to {high}: {verdict}", wording::percent(share))
    });
    let right = (split.labelled > 0).then(|| format!("{} of {} right", split.correct, split.labelled));
    view! {
        <li class="split" style:--mark=mark.colour()>
            <div class="split__head">
                <VariantTag name=split.variant.clone() mark />
                <strong>{split.answered}</strong>
                <span class="quiet">{format!("of {}", split.rows)}</span>
                <span class="split__right">{right}</span>
            </div>
            <div class="split__track" aria-hidden="true" style:--low=of_rows(low) style:--high=of_rows(high)>
                <span class="split__band"></span>
                <span class="split__at" style:--share=of_rows(split.answered)></span>
            </div>
            <p class="quiet">{words}</p>
        </li>
    }
}

#[component]
fn ReplyRow(row: BatchRow, own_words: bool) -> impl IntoView {
    let store = Store::expect();
    let mark = store.mark(&row.variant);
    let predicted = row.predicted.map(|s| s.get());
    let truth = row.true_stars.map(|s| s.get());
    let off =
        (!own_words && predicted.is_some() && truth.is_some() && predicted != truth).then_some("table__off");
    let answer = match row.status {
        InvocationStatus::Answered if row.probabilities.is_empty() => {
            view! { <span class="quiet">"no prediction"</span> }.into_any()
        }
        InvocationStatus::Answered => view! {
            <span class="reply">
                <StarRow stars=predicted />
                <Probabilities values=row.probabilities />
            </span>
        }
        .into_any(),
        failed => view! { <span class="bad">{failed.http()} " " {failure(failed)}</span> }.into_any(),
    };
    let latency = format!(
        "model {}, overhead {}",
        wording::micros(row.model_latency_us),
        wording::micros(row.overhead_us)
    );
    view! {
        <tr class=off>
            <td class="table__text" title=row.text.clone()>
                <span class="clamp">{row.text.clone()}</span>
            </td>
            {(!own_words).then(|| view! { <td><StarRow stars=truth /></td> })}
            <td>{answer}</td>
            <td title=latency>
                <VariantTag name=row.variant mark />
            </td>
        </tr>
    }
}

/// A failure in words.
const fn failure(status: InvocationStatus) -> &'static str {
    match status {
        InvocationStatus::Answered => "answered",
        InvocationStatus::ClientError => "client error",
        InvocationStatus::ModelError => "model error",
        InvocationStatus::Overloaded => "overloaded",
    }
}
