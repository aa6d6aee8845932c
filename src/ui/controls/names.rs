//! Names and choices that forms begin with.

use leptos::prelude::*;

use crate::{
    lab::Snapshot,
    ui::{
        store::Store,
        widgets::{SelectField, Show},
    },
};

/// Name of the endpoint that forms begin with.
pub const ENDPOINT: &str = "reviews";

/// `stem`, or `stem-2`, `stem-3`, … when it is taken.
pub fn free_name<'a>(stem: &str, taken: impl Iterator<Item = &'a str> + Clone) -> String {
    let is_free = |name: &str| !taken.clone().any(|t| t.eq_ignore_ascii_case(name));
    let numbered = (2..).map(|n| format!("{stem}-{n}"));
    std::iter::once(stem.to_owned()).chain(numbered).find(|name| is_free(name)).unwrap_or_default()
}

/// The endpoint that a form begins with: the newest.
pub fn newest_endpoint(snapshot: &Snapshot) -> Option<String> {
    snapshot.endpoints.iter().max_by_key(|e| e.created).map(|e| e.name.clone())
}

/// The endpoint that a form is about: the newest, until the learner chooses another.
#[derive(Clone, Copy)]
pub struct ChosenEndpoint {
    choice: RwSignal<Option<String>>,
    /// Its name; none while there is no endpoint.
    pub name: Memo<Option<String>>,
}

impl ChosenEndpoint {
    /// The newest, for a start.
    pub fn new(store: Store) -> Self {
        let choice = RwSignal::new(None::<String>);
        let name = store.find(move |s| {
            let chosen = choice.get();
            let there = |name: &String| s.endpoints.iter().any(|e| e.name == *name);
            chosen.filter(there).or_else(|| newest_endpoint(s))
        });
        Self { choice, name }
    }

    /// A certain one, for a start, where it is there.
    pub fn beginning_with(store: Store, name: &str) -> Self {
        let chosen = Self::new(store);
        chosen.choice.set(Some(name.to_owned()));
        chosen
    }

    /// Its name, or the one that forms begin with.
    pub fn name_or_usual(self) -> String {
        self.name.get().unwrap_or_else(|| ENDPOINT.to_owned())
    }
}

/// The choice of an endpoint; nothing while there is nothing to choose between.
#[component]
pub fn EndpointChoice(
    /// What is chosen.
    chosen: ChosenEndpoint,
) -> impl IntoView {
    let store = Store::expect();
    let names = store.slice(|s| s.endpoints.iter().map(|e| e.name.clone()).collect::<Vec<_>>());
    let several = move || names.with(|n| n.as_ref().is_some_and(|n| n.len() > 1));
    let options =
        Signal::derive(move || names.get().unwrap_or_default().into_iter().map(|n| (n.clone(), n)).collect());
    view! {
        <Show when=several>
            <SelectField
                label="Endpoint"
                options
                value=Signal::derive(move || chosen.name_or_usual())
                on_choice=Callback::new(move |name| chosen.choice.set(Some(name)))
            />
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_are_numbered() {
        let free = |taken: &[&str]| free_name("reviews", taken.iter().copied());
        assert_eq!(free(&[]), "reviews");
        assert_eq!(free(&["Reviews", "reviews-2"]), "reviews-3");
    }
}
