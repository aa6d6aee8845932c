//! Points to the metrics.

use leptos::prelude::*;

use crate::ui::{
    app::focus,
    widgets::{Glyph, Icon},
};

/// The way to the metrics, which have a region of their own.
#[component]
pub fn MetricsPointer() -> impl IntoView {
    view! {
        <p class="quiet">"Metrics have their own region. They lag a little behind, as CloudWatch does."</p>
        <button type="button" class="btn btn--small" on:click=move |_| focus("metrics")>
            "Go to the metrics"
            <Icon glyph=Glyph::Next />
        </button>
    }
}
