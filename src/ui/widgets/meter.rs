//! How far something is.

use leptos::prelude::*;

/// A bar that fills up.
#[component]
pub fn Meter(
    /// What it measures.
    #[prop(into)]
    label: Signal<String>,
    /// Share that is done, 0 to 1.
    #[prop(into)]
    share: Signal<f64>,
    /// The words beside the bar, e.g. `1.2 of 2.7 MB`.
    #[prop(optional, into)]
    words: Signal<String>,
) -> impl IntoView {
    let percent = move || (share.get().clamp(0.0, 1.0) * 100.0).round();
    view! {
        <div class="meter">
            <div class="meter__head">
                <span class="meter__label">{label}</span>
                <span class="meter__words">{words}</span>
            </div>
            <div
                class="meter__track"
                role="progressbar"
                aria-label=label
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=move || percent().to_string()
                aria-valuetext=move || {
                    let words = words.get();
                    if words.is_empty() { format!("{}%", percent()) } else { words }
                }
            >
                <div class="meter__fill" style:--share=move || share.get().clamp(0.0, 1.0).to_string()></div>
            </div>
        </div>
    }
}
