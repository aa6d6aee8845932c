//! The verdict of a blind round, and the truth after it.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    faults,
};
use crate::{
    lab::{BLIND_SLOW_MS, LabAction},
    ui::{store::Store, wording},
};

/// Two buttons; after one of them, how right it was.
#[component]
pub fn Verdict() -> impl IntoView {
    let store = Store::expect();
    let verdict = store.slice(|s| s.verdict.clone());
    let verdict = Memo::new(move |_| verdict.get().flatten());
    let decide = |promote| Signal::stored(Some(LabAction::Decide { promote }));
    view! {
        <Show when=move || verdict.with(Option::is_none)>
            <Act label="Promote the candidate" action=decide(true) weight=Weight::Plain />
            <Act label="Roll it back" action=decide(false) weight=Weight::Plain />
        </Show>
        <div role="status">
            {move || {
                verdict
                    .get()
                    .map(|v| {
                        let truth = v.fault.as_ref().map_or("nothing was wrong with it", faults::name);
                        let lines = [
                            format!(
                                "{}: {} points.",
                                if v.right { "Right" } else { "Wrong" },
                                v.points
                            ),
                            format!("The truth: {truth}."),
                            format!(
                                "Right answers, truly: {} with today's model, {} with the candidate.",
                                wording::percent(v.accuracy[0]),
                                wording::percent(v.accuracy[1]),
                            ),
                            format!(
                                "Until {}: {} harmed (an error, over {BLIND_SLOW_MS} ms, or a worse answer), {} spent.",
                                v.at,
                                wording::plural(v.harmed, "caller"),
                                wording::usd(v.cost_usd),
                            ),
                        ];
                        lines.into_iter().map(|line| view! { <p>{line}</p> }).collect_view()
                    })
            }}
        </div>
    }
}
