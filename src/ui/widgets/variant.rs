//! A variant's name with its mark, and how the traffic is shared out.

use leptos::prelude::*;

use super::Views;

use crate::ui::{mark::Mark, wording};

/// A name behind its marker, in its colour.
#[component]
pub fn VariantTag(
    /// The name.
    #[prop(into)]
    name: String,
    /// The look.
    mark: Mark,
) -> impl IntoView {
    view! {
        <span class="variant" style:--mark=mark.colour()>
            <span class="variant__mark" aria-hidden="true">{mark.symbol()}</span>
            {name}
        </span>
    }
}

/// One part of a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct SharePart {
    /// Whose.
    pub name: String,
    /// Its look.
    pub mark: Mark,
    /// Its share, 0 to 1.
    pub share: f64,
}

/// A bar cut into shares.
#[component]
pub fn ShareBar(
    /// What is shared out.
    label: &'static str,
    /// The parts, in order.
    #[prop(into)]
    parts: Signal<Vec<SharePart>>,
) -> impl IntoView {
    let words = move || {
        let parts = parts.get();
        let each = parts.iter().map(|p| format!("{} {}", p.name, wording::percent(p.share)));
        format!("{label}: {}", each.collect::<Vec<_>>().join(", "))
    };
    view! {
        <div class="share" role="img" aria-label=words>
            {move || {
                parts
                    .get()
                    .into_iter()
                    .filter(|p| p.share > 0.0)
                    .map(|p| {
                        view! {
                            <span
                                class="share__part"
                                style:--mark=p.mark.colour()
                                style:--share=p.share.to_string()
                            >
                                <span class="share__words">
                                    {p.mark.symbol()} " " {wording::percent(p.share)}
                                </span>
                            </span>
                        }
                    })
                    .views()
            }}
        </div>
    }
}
