//! What is there sometimes, later, or several times.
//!
//! Leptos has a component for each of these, and writes all its code out once more for each thing that is shown.
//! Here what is shown is boxed first, so that the code is there once: the page is a tenth smaller for it.

use std::{sync::Arc, time::Duration};

use leptos::prelude::*;

/// Views of any kind, one after another.
pub trait Views {
    /// Boxes each.
    fn views(self) -> Vec<AnyView>;
}

impl<I> Views for I
where
    I: Iterator,
    I::Item: IntoAny,
{
    fn views(self) -> Vec<AnyView> {
        self.map(IntoAny::into_any).collect()
    }
}

/// A list whose items stay as they are while their keys stay, wherever they move.
pub fn each(
    keys: impl Fn() -> Vec<String> + Send + Sync + 'static,
    item: impl Fn(String) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    each_boxed(Signal::derive(keys), Arc::new(item))
}

fn each_boxed(keys: Signal<Vec<String>>, item: Arc<dyn Fn(String) -> AnyView + Send + Sync>) -> AnyView {
    view! { <For each=move || keys.get() key=String::clone children=move |key| item(key) /> }.into_any()
}

/// Shows its children in a task of its own, as soon as the browser has answered whatever else waits for it.
#[component]
pub fn Later(
    /// What is shown.
    children: ChildrenFn,
) -> impl IntoView {
    let due = RwSignal::new(false);
    let show = move || {
        // The page may have been left meanwhile.
        let _ = due.try_set(true);
    };
    set_timeout(show, Duration::ZERO);
    move || due.get().then(|| children())
}

/// Shows its children while `when` holds, else the fallback.
#[component]
pub fn Show(
    /// What is shown.
    children: ChildrenFn,
    /// Whether it is.
    #[prop(into)]
    when: Signal<bool>,
    /// What is shown instead.
    #[prop(optional, into)]
    fallback: ViewFn,
) -> impl IntoView {
    let when = Memo::new(move |_| when.get());
    move || if when.get() { children() } else { fallback.run() }
}
