//! The Leptos shell: store, pages, panels, controls and widgets.

mod journal;
mod link;
pub mod mark;
mod markup;
mod route;
pub mod store;
mod theme;
pub mod widgets;
pub mod wording;
