//! The text of a step.

use leptos::prelude::*;

use crate::{
    lab::Block,
    ui::markup::{Span, spans},
    ui::widgets::Views,
};

/// A text with `code` and *emphasis*.
#[component]
pub fn Words(
    /// The text.
    text: &'static str,
) -> impl IntoView {
    spans(text)
        .into_iter()
        .map(|span| match span {
            Span::Plain(t) => t.into_any(),
            Span::Code(t) => view! { <code>{t}</code> }.into_any(),
            Span::Emphasis(t) => view! { <em>{t}</em> }.into_any(),
        })
        .views()
}

/// One block of a step, with the word that says what it is for.
#[component]
pub fn BlockView(
    /// The block.
    block: Block,
) -> impl IntoView {
    let (kind, word, text) = match block {
        Block::Text(text) => return view! { <p class="block"><Words text /></p> }.into_any(),
        Block::Do(text) => ("do", "Do", text),
        Block::Expect(text) => ("expect", "You will see", text),
        Block::Why(text) => ("why", "Why it matters", text),
        Block::Trap(text) => ("trap", "Trap", text),
    };
    view! {
        <div class=format!("block block--{kind}")>
            <strong class="block__word">{word}</strong>
            <p><Words text /></p>
        </div>
    }
    .into_any()
}
