//! A batch of requests and what came back.

use leptos::prelude::*;

use crate::{
    analysis::binomial,
    domain::{InvocationStatus, Stars},
    lab::{Batch, BatchRow, LabAction, Snapshot},
    ui::{
        store::Store,
        widgets::{Probabilities, Show, StarRow, VariantTag, Views, each},
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
        // The weights may have changed since; a batch of an older worker does not say what they were.
        let then = batch.shares.iter().find(|(of, _)| of == name).map(|(_, share)| *share);
        let now = || endpoint.and_then(|e| e.variants.iter().find(|v| v.name == name)).map(|v| v.share);
        let share = then.or_else(now);
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
    let batch = store.find(move |s| s.batches.iter().rev().find(|b| b.own_words == own_words).cloned());
    let shares = store.find(move |s| {
        let batch = s.batches.iter().rev().find(|b| b.own_words == own_words)?;
        Some(splits(batch, s))
    });
    // The rows of one batch stay where they are: only what a sentence's true stars are may be said later.
    let keys = move || {
        let of = |b: &Batch| (0..b.rows.len()).map(|i| format!("{} {i}", b.sent.as_ns())).collect();
        batch.with(|b| b.as_ref().map(of).unwrap_or_default())
    };
    let row = move |key: String| {
        let index = key.split_once(' ').and_then(|(_, i)| i.parse::<usize>().ok()).unwrap_or_default();
        let row_of = move |b: &Option<Batch>| b.as_ref()?.rows.get(index).cloned();
        let truth = Memo::new(move |_| batch.with(row_of).and_then(|row| row.true_stars));
        let row = batch.with_untracked(row_of);
        row.map(|row| view! { <ReplyRow row truth label=own_words.then_some(index) /> }).into_any()
    };
    view! {
        <Show when=move || batch.with(Option::is_some)>
            <Show when=move || !own_words>
                <ul class="splits" aria-label="Split of the batch">
                    {move || {
                        shares
                            .get()
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
                        {each(keys, row)}
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
fn ReplyRow(
    row: BatchRow,
    truth: Memo<Option<Stars>>,
    /// Place of the row in the batch, where the learner may say what its true stars are.
    label: Option<usize>,
) -> impl IntoView {
    let store = Store::expect();
    let mark = store.mark(&row.variant);
    let (predicted, given) = (row.predicted.map(|s| s.get()), row.predicted);
    let off = move || truth.get().is_some_and(|t| given.is_some_and(|p| p != t));
    let own = label.map(|index| view! { <TrueStars index truth text=row.text.clone() /> });
    let sampled = label.is_none().then(|| {
        let stars = truth.get_untracked().map(|s| s.get());
        view! { <td><StarRow stars /></td> }
    });
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
        <tr class:table__off=off>
            <td class="table__text" title=row.text.clone()>
                <span class="clamp">{row.text.clone()}</span>
                {own}
            </td>
            {sampled}
            <td>{answer}</td>
            <td title=latency>
                <VariantTag name=row.variant mark />
            </td>
        </tr>
    }
}

/// Says how many stars a sentence of the learner's own deserves: only its author knows.
#[component]
fn TrueStars(index: usize, truth: Memo<Option<Stars>>, text: String) -> impl IntoView {
    let store = Store::expect();
    let say = move |value: String| {
        let stars = value.parse().ok().and_then(|n| Stars::new(n).ok());
        if let Some(stars) = stars {
            store.dispatch(LabAction::Label { row: index, stars });
        }
    };
    let option = move |stars: Stars| {
        let n = stars.get();
        view! { <option value=n.to_string() selected=move || truth.get() == Some(stars)>{n} " ★"</option> }
    };
    view! {
        <label class="reply__true">
            <span aria-hidden="true">"Truly"</span>
            <select
                class="field__input field__input--small"
                aria-label=format!("True stars of: {text}")
                on:change:target=move |event| say(event.target().value())
            >
                <option value="" selected=move || truth.get().is_none() disabled=move || truth.get().is_some()>
                    "?"
                </option>
                {Stars::ALL.into_iter().map(option).views()}
            </select>
        </label>
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
