//! The page's code, in parts that travel on demand: the page paints and answers without them, and a learner fetches
//! only what the labs that they do are made of.
//!
//! A part is cut off at a function marked with `#[wasm_split]`: what only that function reaches, code and texts, goes
//! into a file of its own. `.ci/finish.py` makes the cut. A marked function gives a pointer into its part, so that
//! one wait is enough for all that the part holds.
//!
//! What several parts share goes into a file for each set of parts that share something: the fewer parts, the fewer
//! files. Hence four.

use std::{future::Future, pin::Pin};

use leptos::{prelude::*, task::spawn_local};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::{
    controls::{self, DrawCall, DrawControl},
    inspector::{self, DrawRequest},
};
use crate::lab::{LabId, Lesson, lessons};

/// How far a part has come.
#[derive(Clone, Copy)]
enum Arrival<T> {
    NotAsked,
    OnItsWay,
    Here(T),
    Lost,
}

type Fetched<T> = Pin<Box<dyn Future<Output = Result<T, SplitLoaderError>>>>;

/// A part, fetched when it is first asked for, and then there for good.
pub struct Part<T: 'static> {
    arrival: RwSignal<Arrival<T>>,
    fetch: fn() -> Fetched<T>,
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Part<T> {}

impl<T: Copy + Send + Sync + 'static> Part<T> {
    fn new(fetch: fn() -> Fetched<T>) -> Self {
        Self { arrival: RwSignal::new(Arrival::NotAsked), fetch }
    }

    /// Asks for it, unless it is here or on its way.
    fn ask(self) {
        if matches!(self.arrival.get_untracked(), Arrival::OnItsWay | Arrival::Here(_)) {
            return;
        }
        self.arrival.set(Arrival::OnItsWay);
        spawn_local(async move {
            let arrival = (self.fetch)().await.map_or(Arrival::Lost, Arrival::Here);
            self.arrival.set(arrival);
        });
    }

    /// What `draw` makes of it once it is here; until then a word that it is on its way, or how to get it after all.
    pub fn view(self, draw: impl Fn(T) -> AnyView + Send + Sync + 'static) -> AnyView {
        self.ask();
        (move || match self.arrival.get() {
            Arrival::Here(part) => draw(part),
            Arrival::Lost => lost(move || self.ask()),
            Arrival::NotAsked | Arrival::OnItsWay => on_its_way(),
        })
        .into_any()
    }
}

fn on_its_way() -> AnyView {
    view! { <p class="quiet">"On its way…"</p> }.into_any()
}

fn lost(again: impl Fn() + Send + Sync + 'static) -> AnyView {
    view! {
        <div class="news news--alert" role="alert">
            <p>"This part of the page could not be fetched. Look at the connection, then try again."</p>
            <button type="button" class="btn btn--small" on:click=move |_| again()>
                "Fetch it again"
            </button>
        </div>
    }
    .into_any()
}

/// All parts; one value for the page, as a context.
#[derive(Clone, Copy)]
pub struct Parts {
    /// Panels that the first steps of a lab need: sessions, artefacts, models.
    pub opening: Part<DrawControl>,
    /// Panels of every lab that serves requests.
    pub serving: Part<DrawControl>,
    /// Panels of the labs after the first two.
    pub later: Part<DrawControl>,
    /// Calls in the learner's language, written and read.
    pub calls: Part<DrawCall>,
    /// The texts of the labs after the first two.
    pub lessons: Part<fn(LabId) -> &'static Lesson>,
    /// One request, opened.
    pub inspector: Part<DrawRequest>,
}

impl Parts {
    /// None has been asked for.
    pub fn new() -> Self {
        Self {
            opening: Part::new(|| Box::pin(cuts::opening())),
            serving: Part::new(|| Box::pin(cuts::serving())),
            later: Part::new(|| Box::pin(cuts::later())),
            calls: Part::new(|| Box::pin(cuts::calls())),
            lessons: Part::new(|| Box::pin(cuts::lessons())),
            inspector: Part::new(|| Box::pin(cuts::inspector())),
        }
    }

    /// The page's parts.
    pub fn expect() -> Self {
        expect_context()
    }
}

// What the macro writes calls into the part across the cut; the crate's own code stays safe.
#[allow(unsafe_code)]
mod cuts {
    use super::*;

    type Cut<T> = Result<T, SplitLoaderError>;

    #[wasm_split(opening, fallible)]
    pub fn opening() -> Cut<DrawControl> {
        Ok(controls::draw_opening)
    }
    #[wasm_split(serving, fallible)]
    pub fn serving() -> Cut<DrawControl> {
        Ok(controls::draw_serving)
    }
    #[wasm_split(later, fallible)]
    pub fn later() -> Cut<DrawControl> {
        Ok(controls::draw_later)
    }
    #[wasm_split(calls, fallible)]
    pub fn calls() -> Cut<DrawCall> {
        Ok(controls::draw_call)
    }
    #[wasm_split(later, fallible)]
    pub fn lessons() -> Cut<fn(LabId) -> &'static Lesson> {
        Ok(lessons::lesson)
    }
    #[wasm_split(serving, fallible)]
    pub fn inspector() -> Cut<DrawRequest> {
        Ok(inspector::draw_request)
    }
}
