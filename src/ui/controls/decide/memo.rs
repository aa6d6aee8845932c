//! The memo as files, and a memo's file opened again.

use leptos::{prelude::*, web_sys};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use crate::{
    ui::{
        metrics::save_parts,
        route::Route,
        store::{Store, Tone},
        widgets::Show,
    },
    wire::{DecideAnswer, DecideQuestion, KeptJournal},
};

/// Buttons that save the signed memo, its hash, and the field that opens another.
pub fn files(store: Store) -> AnyView {
    let signed = store.slice(|s| s.decide.signed.then_some(s.decide.version));
    let files = RwSignal::new(None::<[String; 3]>);
    // Towards the worker: it writes the files from the memo that it holds and the journal that the page keeps.
    Effect::new(move |_| {
        if let (Some(Some(_)), Some(journal)) = (signed.get(), store.journal()) {
            store.ask_decisions(DecideQuestion::Sign(journal), move |answer| {
                if let DecideAnswer::Signed(written) = answer {
                    files.try_set(written);
                }
            });
        }
    });
    let save = move |place: usize, name: &'static str, kind: &'static str| {
        let text = files.with_untracked(|f| f.as_ref().map(|f| f[place].clone()));
        let parts = |text: &String| js_sys::Array::of1(&JsValue::from_str(text));
        if text.is_none_or(|text| save_parts(name, kind, &parts(&text)).is_err()) {
            store.toast(Tone::Alert, "Not saved", "The browser refused to make the file.", None);
        }
    };
    let hash = move || files.with(|f| f.as_ref().map(|f| f[2].clone()));
    let compared = move || {
        let (expected, hash) = (store.memo.get()?, hash()?);
        Some(if expected == hash {
            "Replayed from the file: every number is the same, bit for bit."
        } else {
            "Replayed from the file, and the numbers differ: another version of the lab, or other models."
        })
    };
    view! {
        <Show when=move || files.with(Option::is_some)>
            <p class="uri">"SHA-256 " <code>{hash}</code></p>
            <p role="status">{compared}</p>
            <div class="row">
                <button type="button" class="btn" on:click=move |_| save(0, "decision.md", "text/markdown")>
                    "Save as Markdown"
                </button>
                <button type="button" class="btn" on:click=move |_| save(1, "decision.json", "application/json")>
                    "Save as JSON"
                </button>
            </div>
        </Show>
        <label class="drop">
            "Open a memo\u{2019}s JSON"
            <input
                type="file"
                accept=".json,application/json"
                on:change:target=move |event| {
                    if let Some(file) = event.target().files().and_then(|files| files.item(0)) {
                        read(store, &file);
                    }
                }
            />
        </label>
    }
    .into_any()
}

/// Reads a file and has the worker hold it against its hash; then does again what it says.
fn read(store: Store, file: &web_sys::File) {
    let opened = Closure::once_into_js(move |text: JsValue| {
        let question = DecideQuestion::Open(text.as_string().unwrap_or_default());
        store.ask_decisions(question, move |answer| match answer {
            DecideAnswer::Opened(Ok((journal, hash))) => replay(store, journal, hash),
            DecideAnswer::Opened(Err(why)) => store.toast(Tone::Alert, "Not opened", why, None),
            _ => {}
        });
    });
    // `then` takes a closure that lives as long as the promise, which only the browser knows.
    let text: JsValue = file.text().into();
    if let Ok(then) = js_sys::Reflect::get(&text, &JsValue::from_str("then")) {
        let _ = then.unchecked_into::<js_sys::Function>().call1(&text, &opened);
    }
}

fn replay(store: Store, journal: KeptJournal, hash: String) {
    let lab = journal.lab;
    store.open_journal(journal);
    store.memo.set(Some(hash));
    // The address follows the lab, which is open already; in the same lab the step stays open.
    let location = window().location();
    let hash = Route::lab(lab).hash();
    if !location.hash().unwrap_or_default().starts_with(&hash) {
        let _ = location.set_hash(&hash);
    }
}
