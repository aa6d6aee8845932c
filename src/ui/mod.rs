//! The Leptos shell: store, pages, panels, controls and widgets.
//!
//! Data goes one way: the worker's snapshots into the [`store`], from there through memos into views; an action goes
//! from a control through `Store::dispatch` to the worker. `widgets` know no domain, `controls` join a widget to the
//! domain, `pages` arrange them.

mod app;
mod canvas;
mod controls;
mod endpoint;
mod guide;
mod inspector;
mod instances;
mod journal;
mod link;
pub mod mark;
mod markup;
pub mod metrics;
mod pages;
mod parts;
pub mod picture;
mod route;
mod server;
pub mod store;
mod theme;
mod toasts;
mod toolbox;
mod top_bar;
pub mod widgets;
pub mod wording;

pub use app::App;
