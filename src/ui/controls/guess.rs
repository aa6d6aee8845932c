//! Asks for a guess before the answer is seen: who has guessed looks closer.

use leptos::prelude::*;

use super::act::Act;
use crate::{
    analysis::binomial,
    lab::{LabAction, Prompt},
    ui::{
        store::Store,
        widgets::{NumberField, Show},
        wording,
    },
};

/// A question, the learner's answer, and after it the range that chance allows.
#[component]
pub fn Guess(
    /// What is asked.
    prompt: Prompt,
) -> impl IntoView {
    let store = Store::expect();
    let value = RwSignal::new(match prompt {
        Prompt::SplitOfFifty => 25.0,
        Prompt::CanaryMissed => 1.0,
        Prompt::ShadowPerInstance => 50.0,
    });
    let guessed =
        store.find(move |s| s.guesses.iter().rev().find(|(p, _)| *p == prompt).map(|(_, value)| *value));
    let (question, label) = match prompt {
        Prompt::SplitOfFifty => (
            "Two variants have equal weights. You send 50 requests. How many will variant B answer?",
            "Requests that B answers",
        ),
        Prompt::CanaryMissed => (
            "A canary gets 5% of the traffic. In how many percent of all samples of 50 requests does it answer none?",
            "Percent of samples",
        ),
        Prompt::ShadowPerInstance => (
            "Production has 2 instances; the shadow has 1 and gets a copy of every second request. How high is the shadow's InvocationsPerInstance, in percent of production's?",
            "Percent of production's line",
        ),
    };
    let action = Signal::derive(move || Some(LabAction::Guess { prompt, value: value.get() }));
    view! {
        <p>{question}</p>
        <Show
            when=move || guessed.get().is_some()
            fallback=move || {
                view! {
                    <NumberField label value on_input=Callback::new(move |n| value.set(n)) />
                    <Act label="Commit guess" action success="Noted." />
                }
            }
        >
            <p class="reveal" role="status">
                {move || guessed.get().map(|guess| reveal(prompt, guess))}
            </p>
        </Show>
    }
}

/// The answer beside the guess.
fn reveal(prompt: Prompt, guess: f64) -> String {
    let said = wording::short(guess, 2);
    match prompt {
        Prompt::SplitOfFifty => {
            let (low, high) = binomial::central_range(50, 0.5, 0.95);
            format!(
                "You said {said}. Chance alone gives {low} to {high} in 95 of 100 such samples: \
                a split of 20 to 30 says nothing yet."
            )
        }
        Prompt::CanaryMissed => {
            let missed = binomial::missed(0.05, 50);
            format!(
                "You said {said}%. It is {}: (1 − 0.05)⁵⁰. One sample in thirteen tells nothing about the canary.",
                wording::percent(missed)
            )
        }
        Prompt::ShadowPerInstance => format!(
            "You said {said}%. It is 100%: of N requests each production instance gets N ÷ 2, and so does the \
            shadow's only one. Equal lines do not mean equal traffic."
        ),
    }
}
