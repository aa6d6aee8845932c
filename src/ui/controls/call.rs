//! The call that a control stands for: boto3, the AWS CLI and JSON.

use leptos::prelude::*;

use crate::{
    domain::Command,
    ui::{
        parts::Parts,
        widgets::{CodeBlock, Tabs, unique_id},
    },
    wire::calls,
};

/// The language that the learner reads calls in, for the whole page.
#[derive(Clone, Copy)]
pub struct CallLanguage(pub RwSignal<usize>);

impl CallLanguage {
    fn expect() -> RwSignal<usize> {
        use_context::<Self>().map_or_else(|| RwSignal::new(0), |language| language.0)
    }
}

/// Draws a call of the part that it came with.
pub type DrawCall = fn(Signal<Command>, Option<Callback<Command>>) -> AnyView;

/// A call to the control plane. With `on_edit`, its JSON can be edited and is read back into the form.
#[component]
pub fn CallView(
    /// The call, as the form stands.
    #[prop(into)]
    command: Signal<Command>,
    /// Called with the call that an edited JSON body makes.
    #[prop(optional, into)]
    on_edit: Option<Callback<Command>>,
) -> impl IntoView {
    let operation = Memo::new(move |_| command.with(|c| c.operation()));
    view! {
        <div class="call">
            <p class="call__title">
                "The call: "
                <code>{move || operation.get()}</code>
            </p>
            {Parts::expect().calls.view(move |draw| draw(command, on_edit))}
        </div>
    }
}

/// The texts of a [`CallView`], in the language that the learner reads.
pub fn draw_call(command: Signal<Command>, on_edit: Option<Callback<Command>>) -> AnyView {
    let language = CallLanguage::expect();
    view! {
        <Tabs label="Language of the call" names=&["boto3", "AWS CLI", "JSON"] chosen=language>
                {move || match language.get() {
                    0 => {
                        let text = Signal::derive(move || command.with(calls::boto3));
                        view! { <CodeBlock text what="boto3 call" /> }.into_any()
                    }
                    1 => {
                        let text = Signal::derive(move || command.with(calls::cli));
                        view! { <CodeBlock text what="AWS CLI call" /> }.into_any()
                    }
                    _ => match on_edit {
                        Some(on_edit) => view! { <JsonEditor command on_edit /> }.into_any(),
                        None => {
                            let text = Signal::derive(move || command.with(calls::json));
                            view! { <CodeBlock text what="JSON request" /> }.into_any()
                        }
                    },
                }}
        </Tabs>
    }
    .into_any()
}

/// The request body as text that can be changed.
#[component]
fn JsonEditor(command: Signal<Command>, on_edit: Callback<Command>) -> impl IntoView {
    let id = unique_id("json");
    let about = format!("{id}-problem");
    // What is being typed is the learner's until it is left: a form that rewrote it would move the caret.
    let draft = RwSignal::new(None::<String>);
    let problem = RwSignal::new(None::<String>);
    let text = move || draft.get().unwrap_or_else(|| command.with(calls::json));
    let take = move |typed: String| {
        match calls::parse_json(&command.get_untracked(), &typed) {
            Ok(edited) => {
                problem.set(None);
                on_edit.run(edited);
            }
            Err(error) => problem.set(Some(error.to_string())),
        }
        draft.set(Some(typed));
    };
    let leave = move |_| {
        if problem.with_untracked(Option::is_none) {
            draft.set(None);
        }
    };
    view! {
        <div class="code">
            <textarea
                id=id
                class="code__edit"
                aria-label="JSON request, editable"
                aria-describedby=about.clone()
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                spellcheck="false"
                autocomplete="off"
                rows=move || text().lines().count().clamp(4, 24).to_string()
                prop:value=text
                on:input:target=move |event| take(event.target().value())
                on:blur=leave
            ></textarea>
            <p id=about class="field__problem" role="status">
                {move || problem.get()}
            </p>
        </div>
    }
}

/// A call that is no call of the control plane: shown as it is written.
#[component]
pub fn PlainCall(
    /// What it does, e.g. `InvokeEndpoint`.
    title: &'static str,
    /// In Python.
    #[prop(into)]
    boto3: Signal<String>,
    /// In a shell.
    #[prop(into)]
    cli: Signal<String>,
) -> impl IntoView {
    let language = CallLanguage::expect();
    // JSON is a language of the control plane only: whoever chose it reads Python here.
    let chosen = RwSignal::new(language.get_untracked() % 2);
    view! {
        <div class="call">
            <p class="call__title">
                "The call: "
                <code>{title}</code>
            </p>
            <Tabs label="Language of the call" names=&["Python", "AWS CLI"] chosen=chosen>
                {move || {
                    if chosen.get() == 0 {
                        view! { <CodeBlock text=boto3 what="Python call" /> }.into_any()
                    } else {
                        view! { <CodeBlock text=cli what="AWS CLI call" /> }.into_any()
                    }
                }}
            </Tabs>
        </div>
    }
}
