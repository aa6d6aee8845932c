//! Messages at the edge of the page.

use leptos::prelude::*;

use super::{
    store::{Store, Toast, Tone},
    widgets::{Glyph, Icon, each},
};

/// The messages, newest at the bottom. Refusals stay until they are closed.
#[component]
pub fn Toasts() -> impl IntoView {
    let store = Store::expect();
    let ids = move || store.toasts.with(|all| all.iter().map(|t| t.id.to_string()).collect());
    let card = move |id: String| {
        let toast = store.toasts.with_untracked(|all| all.iter().find(|t| t.id.to_string() == id).cloned());
        toast.map(|toast| view! { <ToastCard toast /> }).into_any()
    };
    view! {
        <section class="toasts" aria-label="Messages" aria-live="polite" aria-relevant="additions">
            {each(ids, card)}
        </section>
    }
}

#[component]
fn ToastCard(toast: Toast) -> impl IntoView {
    let store = Store::expect();
    let id = toast.id;
    let tone = match toast.tone {
        Tone::Note => "toast",
        Tone::Success => "toast toast--success",
        Tone::Alert => "toast toast--alert",
    };
    let undo = toast.undo.map(|journal| {
        let bring_back = move |_| {
            store.dismiss(id);
            store.open_journal(journal.clone());
        };
        view! {
            <button type="button" class="btn btn--small" on:click=bring_back>
                "Undo"
            </button>
        }
    });
    view! {
        <div class=tone>
            <div class="toast__words">
                <strong class="toast__title">{toast.title}</strong>
                <span>{toast.text}</span>
            </div>
            {undo}
            <button
                type="button"
                class="btn btn--quiet btn--icon"
                aria-label="Close message"
                on:click=move |_| store.dismiss(id)
            >
                <Icon glyph=Glyph::Close />
            </button>
        </div>
    }
}
