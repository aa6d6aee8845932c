//! The choice of labs.

use leptos::prelude::*;

use crate::{
    lab::{LabId, lessons},
    ui::{
        journal,
        route::Route,
        widgets::{Glyph, Icon},
        wording,
    },
};

/// Three labs to choose from.
#[component]
pub fn Home() -> impl IntoView {
    view! {
        <main id="main" class="home" tabindex="-1">
            <div class="home__lead">
                <h1 class="home__title">"Put a new model into production without betting the product on it."</h1>
                <p class="home__text">
                    "Deploy two real sentiment models behind one endpoint, split the traffic between them, \
                    watch what happens, move the traffic over, and clean up. The instances and the requests are \
                    simulated; the models and every prediction are real, and all of it runs in this browser."
                </p>
            </div>
            <ul class="home__labs">
                {LabId::ALL.into_iter().map(|lab| view! { <LabCard lab /> }).collect_view()}
            </ul>
            <p class="home__note">
                "Names, calls and refusals are those of Amazon SageMaker. No account is needed and nothing is billed."
            </p>
        </main>
    }
}

#[component]
fn LabCard(lab: LabId) -> impl IntoView {
    let lesson = lessons::lesson(lab);
    let begun = !journal::load(lab).entries.is_empty();
    let size = match lesson.steps.len() {
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
