//! The choice of labs.

use leptos::prelude::*;

use crate::{
    lab::{LabId, lessons},
    ui::{
        journal,
        route::Route,
        server::server,
        widgets::{Glyph, Icon, Views},
        wording,
    },
};

/// The labs to choose from.
#[component]
pub fn Home() -> impl IntoView {
    view! {
        <main id="main" class="home" tabindex="-1">
            <div class="home__lead">
                <div>
                <h1 class="home__title">"Put a new model into production without betting the product on it."</h1>
                <p class="home__text">
                    {if server().is_some() {
                        "Deploy two real sentiment models behind one endpoint, split the traffic between them, \
                        watch what happens, move the traffic over, and clean up. Here all of it is real: the server \
                        answers every request that you see."
                    } else {
                    "Deploy two real sentiment models behind one endpoint, split the traffic between them, \
                    watch what happens, move the traffic over, and clean up. The instances and the requests are \
                    simulated; the models and every prediction are real, and all of it runs in this browser."
                    }}
                </p>
                </div>
                <Streams />
            </div>
            <ul class="home__labs">
                {LabId::ALL.into_iter().map(|lab| view! { <LabCard lab /> }).views()}
            </ul>
            <p class="home__note">
                "Names, calls and refusals are those of Amazon SageMaker. No account is needed and nothing is billed."
            </p>
        </main>
    }
}

/// One stream of requests that a router shares out: what the workshop is about, in one drawing.
#[component]
fn Streams() -> impl IntoView {
    let dots = [20.0, 52.0, 84.0, 116.0];
    let ends = [(212.0, 40.0), (244.0, 40.0), (276.0, 40.0), (308.0, 40.0)];
    view! {
        <svg class="home__art streams" viewBox="0 0 360 180" aria-hidden="true" focusable="false">
            <path class="streams__a" d="M160 82C190 82 178 40 216 40H340" />
            <path class="streams__b" d="M160 98C190 98 178 140 216 140H340" />
            <path class="streams__in" d="M0 90H150" />
            <rect class="streams__router" x="138" y="64" width="44" height="52" rx="10" />
            <path class="streams__sign" d="M150 90h8c6 0 5-9 12-9M158 90c6 0 5 9 12 9" />
            {dots.into_iter().map(|x| view! { <circle class="streams__dot" cx=x cy="90" r="4" /> }).views()}
            {ends
                .into_iter()
                .map(|(x, y)| view! { <circle class="streams__dot-a" cx=x cy=y r="4.5" /> })
                .views()}
            <rect class="streams__dot-b" x="256" y="136" width="8" height="8" />
        </svg>
    }
}

#[component]
fn LabCard(lab: LabId) -> impl IntoView {
    let lesson = lessons::heading(lab);
    let begun = !journal::load(lab).entries.is_empty();
    let size = match lesson.steps {
        0 => "no steps, everything unlocked".to_owned(),
        n => format!("{} · about {} minutes", wording::plural(n as u64, "step"), lesson.minutes),
    };
    view! {
        <li class="lab-card">
            <h2 class="lab-card__title">
                <a class="lab-card__link" href=Route::lab(lab).hash()>
                    {lesson.title}
                </a>
            </h2>
            <p class="lab-card__text">{lesson.summary}</p>
            <p class="lab-card__size">{size}</p>
            <span class="lab-card__go" aria-hidden="true">
                {if begun { "Go on" } else { "Begin" }}
                <Icon glyph=Glyph::Next />
            </span>
        </li>
    }
}
