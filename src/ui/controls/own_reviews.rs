//! The learner's own file of reviews, dropped or chosen.

use leptos::{
    ev::{DragEvent, Event},
    prelude::*,
    web_sys::{FileList, HtmlInputElement},
};
use wasm_bindgen::JsCast;

use crate::{
    ui::{
        server::server,
        store::Store,
        widgets::{Disclosure, Show, Views, unique_id},
        wording,
    },
    wire::OwnFile,
};

/// Errors of rows that are listed; the others are counted.
const ERRORS_SHOWN: usize = 20;

/// A place to drop a file, how reading it goes, and the rows that could not be used.
#[component]
pub fn OwnReviews() -> impl IntoView {
    let store = Store::expect();
    let over = RwSignal::new(false);
    let input_id = unique_id("own-file");
    let take = move |files: Option<FileList>| {
        if let Some(file) = files.and_then(|f| f.get(0)) {
            store.bring(&file);
        }
    };
    let on_drop = move |event: DragEvent| {
        event.prevent_default();
        over.set(false);
        take(event.data_transfer().and_then(|d| d.files()));
    };
    let on_choose = move |event: Event| {
        let input = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok());
        if let Some(input) = input {
            take(input.files());
            // So that the same file can be chosen again after it was mended.
            input.set_value("");
        }
    };
    let own = store.slice(|s| s.own_reviews);
    view! {
        <Disclosure title="Bring your own reviews">
            <div
                class="drop"
                class:drop--over=over
                on:dragover=move |e: DragEvent| {
                    e.prevent_default();
                    over.set(true);
                }
                on:dragleave=move |_| over.set(false)
                on:drop=on_drop
            >
                <label for=input_id.clone()>"A TSV, CSV or captured JSON Lines file, packed by gzip or not"</label>
                <input id=input_id type="file" accept=".tsv,.csv,.txt,.jsonl,.gz" on:change=on_choose />
                <p class="quiet">
                    "With the columns " <code>"review_body"</code> " and " <code>"star_rating"</code>
                    ", as in the Amazon reviews sets; or requests that data capture wrote, here or on a real endpoint. "
                    {if server().is_some() {
                        "It is read here; up to 2,000 of its texts go to the server, which sends them as requests."
                    } else {
                        "It is read here and goes nowhere."
                    }}
                </p>
            </div>
            <div aria-live="polite">{move || store.own_file.get().map(outcome)}</div>
            <Show when=move || own.get().is_some_and(|n| n > 0)>
                <p class="quiet">
                    "Your reviews are sent now. They are kept nowhere: a reload sends the lab's own again."
                </p>
                <button type="button" class="btn btn--small" on:click=move |_| store.send_built_in()>
                    "Send the lab's reviews"
                </button>
            </Show>
        </Disclosure>
    }
}

fn outcome(file: OwnFile) -> AnyView {
    if let Some(why) = file.failure {
        return view! { <p class="bad">{why}</p> }.into_any();
    }
    let (read, kept) = (wording::plural(file.rows, "row"), wording::plural(file.kept, "review"));
    if !file.ended {
        let words = if file.kept == 0 {
            format!("Reading: {read} so far…")
        } else {
            let answered = wording::count(file.answered);
            format!("{read} read. The models have answered {answered} of {kept}; then these are sent…")
        };
        return view! { <p class="quiet">{words}</p> }.into_any();
    }
    let usable = file.rows - file.bad_rows;
    let limit = (file.kept < usable).then(|| {
        let (usable, most) = (wording::count(usable), wording::count(file.kept));
        format!("{usable} rows can be used; of a file, {most} at most are sent, drawn at random.")
    });
    let more = file.bad_rows.saturating_sub(file.errors.len().min(ERRORS_SHOWN) as u64);
    view! {
        <p class="good">{format!("{read} read, {kept} ready to be sent.")}</p>
        {limit.map(|words| view! { <p class="quiet">{words}</p> })}
        {(file.bad_rows > 0)
            .then(|| {
                view! {
                    <p class="warn">{format!("{} could not be used:", wording::plural(file.bad_rows, "row"))}</p>
                    <ul class="own-errors">
                        {file.errors.into_iter().take(ERRORS_SHOWN).map(|e| view! { <li>{e}</li> }).views()}
                    </ul>
                    {(more > 0).then(|| view! { <p class="quiet">{format!("and {} more.", wording::count(more))}</p> })}
                }
            })}
    }
    .into_any()
}
