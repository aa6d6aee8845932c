//! The Leptos shell: store, pages, panels, controls and widgets.

mod canvas;
mod journal;
mod link;
pub mod mark;
mod markup;
pub mod metrics;
pub mod picture;
mod route;
pub mod store;
mod theme;
pub mod widgets;
pub mod wording;
