//! The guide: chapters, steps, and the step that is open.

mod blocks;
mod step;

use leptos::prelude::*;

use super::{
    route::Route,
    store::Store,
    widgets::{Glyph, Icon, Show, Views},
    wording,
};
use crate::lab::{Lesson, Step};
use step::OpenStep;

/// The steps of a lesson by chapter, one of them opened.
#[component]
pub fn Guide(
    /// The lesson.
    lesson: &'static Lesson,
    /// The step that the address names.
    step: Memo<Option<String>>,
) -> impl IntoView {
    let store = Store::expect();
    let done = store.slice(|s| s.steps.iter().filter(|s| s.done).map(|s| s.id.clone()).collect::<Vec<_>>());
    let is_done = move |id: &str| done.with(|d| d.as_ref().is_some_and(|d| d.iter().any(|d| d == id)));
    let done_count = move || lesson.steps.iter().filter(|s| is_done(s.id)).count();

    // An address without a step means the first that is to be done. It is written into the address once, so that
    // the step stays open when its goal is met.
    Effect::new(move || {
        let named = step.get().is_some_and(|id| lesson.steps.iter().any(|s| s.id == id));
        if !named && done.with(Option::is_some) {
            let next = lesson.steps.iter().find(|s| !is_done(s.id)).or(lesson.steps.last());
            if let Some(next) = next {
                // The browser's refusal leaves all steps closed, each with its link.
                let _ = window().location().replace(&Route::step(lesson.id, next.id).hash());
            }
        }
    });

    view! {
        <header class="guide__head">
            <h2 class="region__title">{lesson.title}</h2>
            <p class="guide__count">
                {move || format!("{} of {} done", done_count(), wording::plural(lesson.steps.len() as u64, "step"))}
            </p>
            <div class="guide__track" aria-hidden="true">
                {lesson
                    .steps
                    .iter()
                    .map(|s| view! { <span class="guide__tick" class:guide__tick--done=move || is_done(s.id)></span> })
                    .views()}
            </div>
        </header>
        <Announcement lesson />
        {chapters(lesson)
            .into_iter()
            .map(|(chapter, steps)| {
                view! {
                    <div class="chapter" role="group" aria-label=chapter>
                        <h3 class="chapter__title">{chapter}</h3>
                        <ol class="chapter__steps">
                            {steps
                                .iter()
                                .map(|s| {
                                    let open = Memo::new(move |_| step.with(|id| id.as_deref() == Some(s.id)));
                                    let done = Memo::new(move |_| is_done(s.id));
                                    view! { <StepItem lesson step=s open done /> }
                                })
                                .views()}
                        </ol>
                    </div>
                }
            })
            .views()}
    }
}

/// One step of the list, with its content when it is open.
#[component]
fn StepItem(
    lesson: &'static Lesson,
    step: &'static Step,
    open: Memo<bool>,
    done: Memo<bool>,
) -> impl IntoView {
    let number = lesson.steps.iter().position(|s| s.id == step.id).map_or(0, |i| i + 1);
    let id = format!("step-{}", step.id);
    let item = NodeRef::<leptos::html::Li>::new();
    // The opened step may lie under the fold: the list jumps when the one before it closes.
    Effect::new(move || {
        if open.get()
            && let Some(item) = item.get()
        {
            request_animation_frame(move || item.scroll_into_view());
        }
    });
    view! {
        <li class="step" class:step--open=open class:step--done=done node_ref=item>
            <a
                class="step__head"
                id=id
                href=Route::step(lesson.id, step.id).hash()
                aria-current=move || open.get().then_some("step")
            >
                <span class="step__sign" aria-hidden="true">
                    {move || {
                        if done.get() { view! { <Icon glyph=Glyph::Tick /> }.into_any() } else { number.into_any() }
                    }}
                </span>
                <span class="step__title">{step.title}</span>
                <span class="unseen">{move || if done.get() { ", done" } else { "" }}</span>
            </a>
            <Show when=move || open.get()>
                <OpenStep lesson step />
            </Show>
        </li>
    }
}

/// Reads out which step was just done.
#[component]
fn Announcement(lesson: &'static Lesson) -> impl IntoView {
    let store = Store::expect();
    let words = move || {
        let id = store.step_done.get()?;
        let step = lesson.steps.iter().find(|s| s.id == id)?;
        Some(format!("Step done: {}", step.title))
    };
    view! {
        <p class="unseen" role="status">
            {words}
        </p>
    }
}

/// The steps by chapter, in order.
fn chapters(lesson: &'static Lesson) -> Vec<(&'static str, &'static [Step])> {
    lesson
        .steps
        .chunk_by(|a, b| a.chapter == b.chapter)
        .filter_map(|steps| steps.first().map(|s| (s.chapter, steps)))
        .collect()
}
