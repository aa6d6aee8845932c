//! Series from the worker: asked for when the minute or the settings change, a few times a second at most.

use std::time::Duration;

use leptos::prelude::*;

use crate::{
    lab::Change,
    plot::Annotation,
    ui::store::{SeriesReply, Store},
    wire::MetricQuery,
};

/// Real time between two questions, ms.
const GAP_MS: f64 = 400.0;
/// After this time without an answer the next question goes out all the same, ms.
const PATIENCE_MS: f64 = 3_000.0;

/// A question, its answer and what was changed meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// What was asked.
    pub query: MetricQuery,
    /// What came back.
    pub reply: SeriesReply,
    /// Changes of the endpoint and of the traffic.
    pub annotations: Vec<Annotation>,
}

#[derive(Default)]
struct Gate {
    wanted: Option<MetricQuery>,
    asked_ms: f64,
    awaiting: bool,
    timer: bool,
    number: u64,
}

#[derive(Clone, Copy)]
struct Feed {
    store: Store,
    gate: StoredValue<Gate>,
    view: RwSignal<Option<View>>,
}

/// The answer to the newest question. Asks only while `watched`.
pub fn use_feed(
    store: Store,
    question: Memo<Option<MetricQuery>>,
    watched: Signal<bool>,
) -> RwSignal<Option<View>> {
    let feed = Feed { store, gate: StoredValue::new(Gate::default()), view: RwSignal::new(None) };
    Effect::new(move |_| {
        if let (true, Some(query)) = (watched.get(), question.get()) {
            feed.want(query);
        }
    });
    feed.view
}

fn now_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

impl Feed {
    fn want(self, query: MetricQuery) {
        self.gate.update_value(|g| g.wanted = Some(query));
        self.set_timer();
    }

    fn set_timer(self) {
        let wait = self.gate.try_update_value(|g| {
            let ask = !g.timer && g.wanted.is_some();
            g.timer |= ask;
            ask.then(|| (g.asked_ms + GAP_MS - now_ms()).clamp(0.0, GAP_MS))
        });
        if let Some(Some(wait)) = wait {
            set_timeout(move || self.ask(), Duration::from_millis(wait as u64));
        }
    }

    fn ask(self) {
        let now = now_ms();
        let asked = self.gate.try_update_value(|g| {
            g.timer = false;
            if g.awaiting && now - g.asked_ms < PATIENCE_MS {
                return None;
            }
            let query = g.wanted.take()?;
            g.asked_ms = now;
            g.awaiting = true;
            g.number += 1;
            Some((query, g.number))
        });
        // The panel may have left the page while the timer ran.
        let Some(asked) = asked else { return };
        match asked {
            Some((query, number)) => {
                let asked = query.clone();
                self.store.query(query, move |reply| self.answer(number, asked, reply));
            }
            None => self.wait_for_answer(now),
        }
    }

    /// Another lab may be opened before the answer comes, and then it never does.
    fn wait_for_answer(self, now: f64) {
        let patience = self.gate.try_update_value(|g| {
            let wait = g.wanted.is_some() && !g.timer;
            g.timer |= wait;
            wait.then(|| (g.asked_ms + PATIENCE_MS - now).max(0.0))
        });
        if let Some(Some(wait)) = patience {
            set_timeout(move || self.ask(), Duration::from_millis(wait as u64));
        }
    }

    fn answer(self, number: u64, query: MetricQuery, reply: SeriesReply) {
        let newest = self.gate.try_update_value(|g| {
            let newest = g.number == number;
            g.awaiting &= !newest;
            newest
        });
        if newest != Some(true) {
            return;
        }
        let annotation = |c: &Change| Annotation { at_s: c.at_s, label: c.label.clone() };
        let annotations = reply.changes.iter().map(annotation).collect();
        let next = Some(View { query, reply, annotations });
        if self.view.try_with_untracked(|v| *v != next) == Some(true) {
            self.view.set(next);
        }
        // What was wanted meanwhile need not wait for the end of patience.
        self.gate.try_update_value(|g| g.timer = false);
        self.set_timer();
    }
}
