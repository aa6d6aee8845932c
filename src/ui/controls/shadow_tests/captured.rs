//! What was captured, and the files of it.

use leptos::prelude::*;

use crate::{
    lab::CapturedVariant,
    ui::{
        metrics::save_parts,
        store::{Store, Tone},
        wording,
    },
    wire::{TestAnswer, TestQuestion},
};

/// Captured lines by variant, each with the button that fetches them.
#[component]
pub fn Captured() -> impl IntoView {
    let store = Store::expect();
    let view = store.slice(|s| s.capture.clone());
    let view = move || view.get().unwrap_or_default();
    view! {
        <Show
            when=move || !view().variants.is_empty()
            fallback=|| {
                view! {
                    <p class="quiet">
                        "Nothing was captured yet. A shadow test with data capture on keeps what both variants are asked and answer."
                    </p>
                }
            }
        >
            <ul class="list" aria-label="Captured files">
                {move || view().variants.into_iter().map(|v| view! { <CapturedItem v /> }).collect_view()}
            </ul>
            <p class="quiet">
                {move || {
                    let v = view();
                    let kept = format!("The lab keeps the newest {}.", wording::bytes(v.limit_bytes));
                    if v.dropped == 0 { kept } else { format!("{kept} {} went, the oldest first.", wording::plural(v.dropped, "line")) }
                }}
            </p>
        </Show>
    }
}

#[component]
fn CapturedItem(v: CapturedVariant) -> impl IntoView {
    let store = Store::expect();
    let about = format!("{} · {}", wording::plural(v.records, "line"), wording::bytes(v.bytes));
    let folder = v.folder.clone();
    let label = format!("Download lines of {}", v.variant);
    view! {
        <li class="list__item list__item--acts">
            <span>
                <code>{folder}</code>
                <br />
                <span class="quiet numerals">{about}</span>
            </span>
            <button type="button" class="btn btn--small" aria-label=label on:click=move |_| fetch(store, v.clone(), 0, js_sys::Array::new())>
                "Download"
            </button>
        </li>
    }
}

/// Fetches line after line, message by message, and hands them over as one file.
fn fetch(store: Store, v: CapturedVariant, from: u64, parts: js_sys::Array) {
    let question = TestQuestion::Captured { endpoint: v.endpoint.clone(), variant: v.variant.clone(), from };
    store.ask_tests(question, move |answer| {
        let TestAnswer::Captured(lines) = answer else { return };
        parts.push(&lines.text.into());
        match lines.next {
            Some(next) => fetch(store, v, next, parts),
            None => {
                let name = format!("{}.jsonl", v.folder.replace('/', "-"));
                if save_parts(&name, "application/jsonl", &parts).is_err() {
                    store.toast(Tone::Alert, "Not saved", "the browser refused the file; try again", None);
                }
            }
        }
    });
}
