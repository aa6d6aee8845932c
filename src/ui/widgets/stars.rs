//! Ratings and how sure a model is of them.

use leptos::prelude::*;

use super::Views;

use crate::ui::wording;

/// One to five stars; a dash where there is no rating.
#[component]
pub fn StarRow(
    /// The rating.
    #[prop(into)]
    stars: Option<u8>,
) -> impl IntoView {
    let n = usize::from(stars.unwrap_or(0)).min(5);
    let words = match stars {
        Some(1) => "1 star".to_owned(),
        Some(n) => format!("{n} stars"),
        None => "no rating".to_owned(),
    };
    view! {
        <span class="stars" role="img" aria-label=words>
            {if n == 0 {
                view! { <span class="stars__none">"–"</span> }.into_any()
            } else {
                view! {
                    <span class="stars__on">{"★".repeat(n)}</span>
                    <span class="stars__off">{"★".repeat(5 - n)}</span>
                }
                    .into_any()
            }}
        </span>
    }
}

/// One bar per rating, as high as the model thinks it likely.
#[component]
pub fn Probabilities(
    /// Probability of 1 to 5 stars.
    values: Vec<f64>,
) -> impl IntoView {
    let words: Vec<String> =
        values.iter().enumerate().map(|(i, p)| format!("{}★ {}", i + 1, wording::percent(*p))).collect();
    let top = values.iter().copied().fold(0.0, f64::max);
    view! {
        <span class="prob" role="img" aria-label=format!("Probabilities: {}", words.join(", ")) title=words.join("  ")>
            {values
                .into_iter()
                .enumerate()
                .map(|(i, p)| {
                    view! {
                        <span class="prob__column" class:prob__column--top=p == top>
                            <span class="prob__bar" style:--share=p.to_string()></span>
                            <span class="prob__stars">{i + 1}</span>
                        </span>
                    }
                })
                .views()}
        </span>
    }
}
