//! Panels of the labs on decisions. What they show is computed in the worker; they lay it out.

mod board;
mod chart;
mod form;
mod memo;

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    body,
};
use crate::{
    analysis::verdict::State,
    lab::{Board, Control, Exercise, LabAction, LabId},
    ui::{
        store::Store,
        widgets::{Disclosure, Meter, Show},
    },
    wire::{DecideAnswer, DecideQuestion},
};
use board::board_view;
use form::fields;

/// The panel of an exercise: its settings, its button, and what came of it.
pub fn panel(exercise: Exercise) -> AnyView {
    let store = Store::expect();
    let settings = RwSignal::new(exercise.usual());
    let action = Signal::derive(move || Some(LabAction::Exercise { exercise, settings: settings.get() }));
    let after = match exercise {
        // Its board stands beside the metrics, where it is seen at every step.
        Exercise::StartTest => view! { <Standing store /> }.into_any(),
        Exercise::Universes => view! {
            <Replay store />
            {board_view(use_board(store, exercise, settings))}
        }
        .into_any(),
        Exercise::RouteByBandit => view! {
            <StopBandit store />
            {board_view(use_board(store, exercise, settings))}
        }
        .into_any(),
        Exercise::Memo => view! {
            {memo::files(store)}
            {board_view(use_board(store, exercise, settings))}
        }
        .into_any(),
        _ => board_view(use_board(store, exercise, settings)),
    };
    view! {
        {fields(exercise, settings)}
        <Act label=exercise.button() action />
        {after}
    }
    .into_any()
}

/// A panel's content, asked for anew when something changed, one question at a time.
fn use_board(store: Store, exercise: Exercise, settings: RwSignal<Vec<f64>>) -> RwSignal<Board> {
    let board = RwSignal::new(Board::default());
    let version = store.slice(|s| s.decide.version);
    let typed = Memo::new(move |_| exercise.is_live().then(|| settings.get()));
    let feed = Feed { store, exercise, settings, board, asked: StoredValue::new((false, false)) };
    Effect::new(move |_| {
        typed.track();
        if version.get().is_some() {
            feed.ask();
        }
    });
    board
}

/// A question that is asked again and again.
#[derive(Clone, Copy)]
struct Feed {
    store: Store,
    exercise: Exercise,
    settings: RwSignal<Vec<f64>>,
    board: RwSignal<Board>,
    /// It was asked and not answered yet; it is to be asked again then.
    asked: StoredValue<(bool, bool)>,
}

impl Feed {
    fn ask(self) {
        // Once the panel is gone there is nobody to answer.
        let Some(waits) = self.asked.try_update_value(|(asked, again)| {
            *again = *asked;
            std::mem::replace(asked, true)
        }) else {
            return;
        };
        if waits {
            return;
        }
        let question = DecideQuestion::Board(self.exercise, self.settings.get_untracked());
        self.store.ask_decisions(question, move |answer| {
            if let DecideAnswer::Board(board) = answer {
                self.board.try_set(*board);
            }
            if self.asked.try_update_value(|(asked, again)| {
                *asked = false;
                std::mem::take(again)
            }) == Some(true)
            {
                self.ask();
            }
        });
    }
}

/// Where the running test stands, in a line.
#[component]
fn Standing(store: Store) -> impl IntoView {
    let assessment = store.find(|s| s.decide.assessment.clone());
    view! {
        <p class="quiet" role="status">
            {move || {
                assessment
                    .get()
                    .map(|a| {
                        let count = crate::ui::wording::count;
                        format!("{} of {} requests: {}.", count(a.n), count(a.planned_n), a.state.word())
                    })
            }}
        </p>
    }
}

/// How far a replay is, and the way to stop it.
#[component]
fn Replay(store: Store) -> impl IntoView {
    let replay = store.find(|s| s.decide.replay);
    let share = Signal::derive(move || replay.get().map_or(1.0, |(done, of)| done as f64 / of.max(1) as f64));
    let words =
        Signal::derive(move || replay.get().map_or(String::new(), |(done, of)| format!("{done} of {of}")));
    let stop = Exercise::StopUniverses;
    let action = Signal::stored(Some(LabAction::Exercise { exercise: stop, settings: Vec::new() }));
    view! {
        <Show when=move || replay.get().is_some()>
            <Meter label="Universes" share words />
            <Act label=stop.button() action weight=Weight::Plain />
        </Show>
    }
}

/// The way to stop the bandit that routes.
#[component]
fn StopBandit(store: Store) -> impl IntoView {
    let routes = store.slice(|s| s.decide.bandit.is_some());
    let stop = Exercise::StopBandit;
    let action = Signal::stored(Some(LabAction::Exercise { exercise: stop, settings: Vec::new() }));
    view! {
        <Show when=move || routes.get() == Some(true)>
            <Act label=stop.button() action weight=Weight::Plain />
        </Show>
    }
}

/// Labs whose steps start tests.
const GUIDED: [LabId; 3] = [LabId::Peeking, LabId::PlanATest, LabId::Sandbox];

/// The test that runs, or why none may, or the way to start one.
pub fn decision() -> AnyView {
    let store = Store::expect();
    let told = store.slice(|s| s.decide.assessment.is_some() || s.decide.bandit.is_some());
    // Where no step starts tests, one that is over is followed by another from here.
    let again = store.slice(|s| {
        let over = s.decide.assessment.as_ref().is_some_and(|a| a.state != State::Pending);
        over && s.decide.bandit.is_none() && !GUIDED.contains(&s.lab)
    });
    let start = || {
        view! {
            <Disclosure title="Test these two variants" class="disclosure--panel">
                {panel(Exercise::StartTest)}
            </Disclosure>
        }
    };
    view! {
        <Show when=move || told.get() == Some(true) fallback=start>
            <section class="control control--test" aria-label="Decision">
                <h3 class="control__title">"Decision"</h3>
                {board_view(use_board(store, Exercise::StartTest, RwSignal::new(Vec::new())))}
                <Show when=move || again.get() == Some(true)>
                    <Disclosure title="Start another test" class="disclosure--panel">
                        {panel(Exercise::StartTest)}
                    </Disclosure>
                </Show>
            </section>
        </Show>
    }
    .into_any()
}

/// The test that runs, beside the metrics; while none does and two variants serve, the way to start one.
#[component]
pub fn TestBoard() -> impl IntoView {
    let store = Store::expect();
    let shown = store.slice(|s| {
        let two = !GUIDED.contains(&s.lab) && s.endpoints.iter().any(|e| e.variants.len() == 2);
        s.decide.assessment.is_some() || s.decide.bandit.is_some() || two
    });
    view! { <Show when=move || shown.get() == Some(true)>{body(Control::Decision)}</Show> }
}
