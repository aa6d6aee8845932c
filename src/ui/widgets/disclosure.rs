//! A part that opens and closes.

use leptos::prelude::*;

/// A titled part that opens and closes; the browser's own, so that find-in-page opens it.
#[component]
pub fn Disclosure(
    /// Its title.
    #[prop(into)]
    title: Signal<String>,
    /// Open at first.
    #[prop(optional)]
    open: bool,
    /// More for the style sheet.
    #[prop(optional)]
    class: &'static str,
    /// What it holds.
    children: Children,
) -> impl IntoView {
    view! {
        <details class=format!("disclosure {class}") open=open>
            <summary class="disclosure__title">{title}</summary>
            <div class="disclosure__body">{children()}</div>
        </details>
    }
}
