//! The step that is open: text, controls, goal, hints, and the way on.

use leptos::prelude::*;

use super::blocks::{BlockView, Words};
use crate::{
    lab::{Lesson, Step},
    ui::{
        controls::ControlPanel,
        route::Route,
        store::Store,
        widgets::{Glyph, Icon, Meter, Show, Views},
        wording,
    },
};

/// What a step asks, and what it takes to do it.
#[component]
pub fn OpenStep(
    /// The lesson.
    lesson: &'static Lesson,
    /// Its step.
    step: &'static Step,
) -> impl IntoView {
    view! {
        <div class="step__body">
            {step.body.iter().map(|b| view! { <BlockView block=*b /> }).views()}
            {step.controls.iter().map(|c| view! { <ControlPanel control=*c /> }).views()}
            <GoalState step />
            <Hints step />
            <NextStep lesson step />
        </div>
    }
}

/// Whether the goal is met, and if not, what is missing.
#[component]
fn GoalState(step: &'static Step) -> impl IntoView {
    let store = Store::expect();
    let state = store.find(move |s| s.steps.iter().find(|s| s.id == step.id).cloned());
    let done = move || state.with(|s| s.as_ref().is_some_and(|s| s.done));
    let missing = move || state.with(|s| s.as_ref().map(|s| s.missing.clone()).unwrap_or_default());
    let fraction =
        Memo::new(move |_| state.with(|s| s.as_ref().filter(|s| !s.done).and_then(|s| s.fraction)));
    let share = Signal::derive(move || fraction.get().unwrap_or(0.0));
    view! {
        <div class="goal" class:goal--done=done>
            {move || {
                if done() {
                    view! {
                        <p class="goal__words">
                            <Icon glyph=Glyph::Tick />
                            "Done"
                        </p>
                    }
                        .into_any()
                } else {
                    view! {
                        <p class="goal__words">
                            <strong>"Still to do: "</strong>
                            {missing()}
                        </p>
                    }
                        .into_any()
                }
            }}
            <Show when=move || fraction.get().is_some()>
                <Meter label="Goal" share words=Signal::derive(move || wording::percent(share.get())) />
            </Show>
        </div>
    }
}

/// Hints, one by one.
#[component]
fn Hints(step: &'static Step) -> impl IntoView {
    let shown = RwSignal::new(0_usize);
    let all = step.hints.len();
    (all > 0).then(|| {
        view! {
            <div class="hints">
                <ol class="hints__list" aria-live="polite">
                    {move || {
                        step.hints
                            .iter()
                            .take(shown.get())
                            .map(|text| view! { <li><Words text /></li> })
                            .views()
                    }}
                </ol>
                <Show when=move || shown.get() < all>
                    <button
                        type="button"
                        class="btn btn--quiet btn--small"
                        on:click=move |_| shown.update(|n| *n += 1)
                    >
                        <Icon glyph=Glyph::Hint />
                        {move || format!("Show hint {} of {all}", shown.get() + 1)}
                    </button>
                </Show>
            </div>
        }
    })
}

/// The way to the step after this one.
#[component]
fn NextStep(lesson: &'static Lesson, step: &'static Step) -> impl IntoView {
    let store = Store::expect();
    let done = store.slice(move |s| s.steps.iter().any(|s| s.id == step.id && s.done));
    let next = lesson.steps.iter().skip_while(|s| s.id != step.id).nth(1);
    next.map(|next| {
        view! {
            <a
                class="btn"
                class:btn--primary=move || done.get() == Some(true)
                href=Route::step(lesson.id, next.id).hash()
            >
                "Next: "
                {next.title}
                <Icon glyph=Glyph::Next />
            </a>
        }
    })
}
