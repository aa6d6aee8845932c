//! A lab: guide, endpoint and metrics side by side.

use leptos::prelude::*;

use crate::{
    domain::Artifact,
    lab::{LabId, Lesson, lessons},
    ui::{
        app::focus,
        controls::TestBoard,
        endpoint::EndpointPanel,
        guide::Guide,
        inspector::Inspector,
        metrics::MetricsPanel,
        parts::Parts,
        store::Store,
        toolbox::Toolbox,
        widgets::{Later, Meter, Show, Views},
        wording,
    },
};

/// The regions of the page: id and name.
const REGIONS: [(&str, &str); 3] = [("guide", "Guide"), ("endpoint", "Endpoint"), ("metrics", "Metrics")];

/// The page of a lab.
#[component]
pub fn Lab(
    /// The lab.
    lab: LabId,
    /// The step that the address names.
    step: Memo<Option<String>>,
) -> impl IntoView {
    let parts = Parts::expect();
    let guide = move || match lessons::first(lab) {
        Some(lesson) => guide_to(lesson, step),
        None => parts.lessons.view(move |lesson| guide_to(lesson(lab), step)),
    };
    view! {
        <main id="main" class="lab" tabindex="-1">
            <h1 class="unseen">{lessons::heading(lab).title}</h1>
            <nav class="jump" aria-label="Regions">
                {REGIONS
                    .into_iter()
                    .map(|(id, name)| {
                        view! {
                            <button type="button" class="jump__to" on:click=move |_| focus(id)>
                                {name}
                            </button>
                        }
                    })
                    .views()}
            </nav>
            <WorkerNews />
            <div class="regions">
                <section id="guide" class="region region--guide" tabindex="-1" aria-label="Guide">
                    <Later>
                        {guide()}
                    </Later>
                </section>
                <section id="endpoint" class="region region--endpoint" tabindex="-1" aria-label="Endpoint">
                    <Later>
                        <EndpointPanel />
                    </Later>
                </section>
                <section id="metrics" class="region region--metrics" tabindex="-1" aria-label="Metrics">
                    <h2 class="region__title">"Metrics"</h2>
                    <TestBoard />
                    <Later>
                        <MetricsPanel />
                    </Later>
                </section>
            </div>
            <Inspector />
        </main>
    }
}

/// The steps of a lesson, or all its panels where it has no steps.
fn guide_to(lesson: &'static Lesson, step: Memo<Option<String>>) -> AnyView {
    if lesson.steps.is_empty() {
        view! { <Toolbox lesson /> }.into_any()
    } else {
        view! { <Guide lesson step /> }.into_any()
    }
}

/// What the learner must know of the worker: that it replays, that it is gone, that it lacks a model.
#[component]
fn WorkerNews() -> impl IntoView {
    let store = Store::expect();
    let lost = Memo::new(move |_| store.worker.with(|w| w.lost.clone()));
    let replaying = Memo::new(move |_| store.worker.with(|w| w.replaying));
    let share = Signal::derive(move || replaying.get().unwrap_or(1.0));
    let not_loaded = Memo::new(move |_| store.worker.with(|w| w.not_loaded.clone()));
    view! {
        <Show when=move || lost.get().is_some()>
            <div class="news news--alert" role="alert">
                <p>
                    <strong>"The worker that runs the lab has stopped. "</strong>
                    {lost}
                </p>
                <button type="button" class="btn btn--small" on:click=move |_| reload()>
                    "Reload the page"
                </button>
            </div>
        </Show>
        {move || {
            let missing = Artifact::ALL.into_iter().zip(not_loaded.get());
            missing.filter_map(|(artifact, why)| why.map(|why| view! { <MissingModel artifact why /> })).views()
        }}
        <Show when=move || replaying.get().is_some()>
            <div class="news">
                <Meter
                    label="Replaying what you did"
                    share
                    words=Signal::derive(move || wording::percent(share.get()))
                />
            </div>
        </Show>
    }
}

/// A model that did not arrive, and the way to ask for it again.
#[component]
fn MissingModel(artifact: Artifact, why: String) -> impl IntoView {
    let store = Store::expect();
    view! {
        <div class="news news--alert" role="alert">
            <p>
                <strong>{format!("The model {artifact} is missing. ")}</strong>
                {why}
                ". Time stands still while an endpoint needs it; all else goes on."
            </p>
            <button type="button" class="btn btn--small" on:click=move |_| store.load_again(artifact)>
                {format!("Fetch {artifact} again")}
            </button>
        </div>
    }
}

fn reload() {
    // Where the browser refuses, its own button still works.
    let _ = window().location().reload();
}
