//! Everything that a lab without steps unlocks, to be opened as needed.

use leptos::prelude::*;

use super::{
    controls,
    widgets::{Disclosure, Views},
};
use crate::lab::{Control, Lesson};

/// Panels that are open at first: where one begins.
fn opens_at_first(control: Control) -> bool {
    matches!(control, Control::Models | Control::Configuration | Control::Traffic)
}

/// The controls of a lesson as panels that open and close.
#[component]
pub fn Toolbox(
    /// The lesson.
    lesson: &'static Lesson,
) -> impl IntoView {
    view! {
        <header class="guide__head">
            <h2 class="region__title">{lesson.title}</h2>
            <p class="guide__count">{lesson.summary}</p>
        </header>
        {lesson
            .controls
            .iter()
            .map(|control| {
                view! {
                    <Disclosure
                        title=controls::title(*control).to_owned()
                        open=opens_at_first(*control)
                        class="disclosure--panel"
                    >
                        {controls::body(*control)}
                    </Disclosure>
                }
            })
            .views()}
    }
}
