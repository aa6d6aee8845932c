//! The Leptos shell: store, pages, panels, controls and widgets.

mod journal;
mod link;
pub mod mark;
pub mod store;
