//! Code to read and to take along.

use std::time::Duration;

use leptos::prelude::*;

use super::{Glyph, Icon};

/// Copies a text; says so for a moment.
#[component]
pub fn CopyButton(
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// What is copied, e.g. `boto3 call`: the button is called "Copy boto3 call".
    #[prop(into)]
    what: Signal<String>,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        // The promise is not awaited: a browser that refuses leaves the text to be marked by hand.
        let _ = window().navigator().clipboard().write_text(&text.get_untracked());
        copied.set(true);
        set_timeout(
            move || {
                copied.try_set(false);
            },
            Duration::from_millis(1_600),
        );
    };
    view! {
        <button
            type="button"
            class="btn btn--quiet btn--small"
            aria-label=move || format!("Copy {}", what.get())
            on:click=copy
        >
            {move || {
                let glyph = if copied.get() { Glyph::Tick } else { Glyph::Copy };
                view! { <Icon glyph /> }
            }}
            <span aria-live="polite">{move || if copied.get() { "Copied" } else { "Copy" }}</span>
        </button>
    }
}

/// Code that can be scrolled by keyboard and copied.
#[component]
pub fn CodeBlock(
    /// The code.
    #[prop(into)]
    text: Signal<String>,
    /// What it is, e.g. `boto3 call`.
    #[prop(into)]
    what: Signal<String>,
) -> impl IntoView {
    view! {
        <div class="code">
            <div class="code__tools">
                <CopyButton text what />
            </div>
            // A scrolling box must be reachable by keyboard, and a focusable box needs a name.
            <pre class="code__text" tabindex="0" role="group" aria-label=what>
                <code>{text}</code>
            </pre>
        </div>
    }
}
