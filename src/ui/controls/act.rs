//! The button that makes a call, and how the call ended.

use leptos::prelude::*;

use crate::{
    lab::LabAction,
    ui::{
        store::Store,
        widgets::{Glyph, Icon},
    },
};

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// The one thing to do.
    #[default]
    Primary,
    /// One of several.
    Plain,
    /// It takes something away.
    Danger,
}

impl Weight {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "btn btn--primary",
            Self::Plain => "btn",
            Self::Danger => "btn btn--danger",
        }
    }
}

/// A button that does something, with the outcome beneath. A refusal is said in the service's words.
#[component]
pub fn Act(
    /// What is written on the button.
    #[prop(into)]
    label: Signal<String>,
    /// What it does; none while it cannot be done.
    #[prop(into)]
    action: Signal<Option<LabAction>>,
    /// How much it asks for attention.
    #[prop(optional)]
    weight: Weight,
    /// What is said when it went well.
    #[prop(default = "Done.")]
    success: &'static str,
) -> impl IntoView {
    let store = Store::expect();
    let sent = RwSignal::new(None::<u64>);
    let outcome = Memo::new(move |_| sent.get().and_then(|id| store.outcome(id)));
    let waiting = move || sent.get().is_some() && outcome.with(Option::is_none);
    let act = move |_| {
        // A disabled button would lose the focus, so it stays and does nothing.
        if let (Some(action), false) = (action.get_untracked(), untrack(waiting)) {
            sent.set(Some(store.dispatch(action)));
        }
    };
    view! {
        <div class="act">
            <button
                type="button"
                class=weight.class()
                aria-disabled=move || (action.with(Option::is_none) || waiting()).to_string()
                aria-busy=move || waiting().to_string()
                on:click=act
            >
                {label}
            </button>
            <span class="act__outcome" role="status">
                {move || {
                    if waiting() {
                        let words = if store.waits.get() == sent.get() {
                            "Waits until the lab is ready…"
                        } else {
                            "Sent…"
                        };
                        return view! { <span class="act__wait">{words}</span> }.into_any();
                    }
                    match outcome.get() {
                        None => ().into_any(),
                        Some(Ok(_)) => {
                            view! {
                                <span class="act__good">
                                    <Icon glyph=Glyph::Tick />
                                    {success}
                                </span>
                            }
                                .into_any()
                        }
                        Some(Err(refusal)) => {
                            view! {
                                <span class="act__bad">
                                    <strong>{refusal.code}</strong>
                                    " "
                                    {refusal.message}
                                </span>
                            }
                                .into_any()
                        }
                    }
                }}
            </span>
        </div>
    }
}
