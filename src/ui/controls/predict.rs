//! Sends the learner's own sentences.

use leptos::prelude::*;

use super::{
    act::Act,
    call::PlainCall,
    names::{ChosenEndpoint, EndpointChoice},
    replies::Replies,
};
use crate::{
    lab::LabAction,
    ui::{
        store::Store,
        widgets::{Options, SelectField, unique_id},
    },
    wire::calls,
};

/// What the form begins with: the sentences of the lab that this one follows.
const BEGINNING: &str = "This is great!\nThis is bad.";
/// Sentences that one click sends at most.
const MOST: usize = 20;

/// Own sentences, one request each.
#[component]
pub fn Predict() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    let text = RwSignal::new(BEGINNING.to_owned());
    let target = RwSignal::new(String::new());
    let texts = Memo::new(move |_| {
        let lines = text.with(|t| t.lines().map(|l| l.trim().to_owned()).collect::<Vec<_>>());
        lines.into_iter().filter(|l| !l.is_empty()).take(MOST).collect::<Vec<_>>()
    });
    let action = Signal::derive(move || {
        let texts = texts.get();
        let endpoint_name = chosen.name.get()?;
        let target_variant = Some(target.get()).filter(|t| !t.is_empty());
        (!texts.is_empty()).then_some(LabAction::Invoke { endpoint_name, texts, target_variant })
    });
    let label = Signal::derive(move || match texts.get().len() {
        1 => "Send 1 sentence".to_owned(),
        n => format!("Send {n} sentences"),
    });
    let id = unique_id("sentences");
    view! {
        <EndpointChoice chosen />
        <div class="field">
            <label class="field__label" for=id.clone()>"Sentences, one a line"</label>
            <textarea
                id=id
                class="field__input"
                rows="4"
                prop:value=text
                on:input:target=move |event| text.set(event.target().value())
            ></textarea>
        </div>
        <TargetVariant chosen target />
        <InvokeCall chosen texts target />
        <Act label action success="Answered." />
        <Replies own_words=true />
    }
}

/// The choice of a variant that overrides the weights.
#[component]
pub fn TargetVariant(
    /// The endpoint.
    chosen: ChosenEndpoint,
    /// Name of the variant; empty for the weights.
    target: RwSignal<String>,
) -> impl IntoView {
    let store = Store::expect();
    let options = Signal::derive(move || {
        let name = chosen.name.get();
        let mut all: Options = vec![(String::new(), "by the weights".to_owned())];
        store.snapshot.with(|s| {
            let endpoint =
                s.as_ref().and_then(|s| s.endpoints.iter().find(|e| Some(&e.name) == name.as_ref()));
            all.extend(endpoint.iter().flat_map(|e| &e.variants).map(|v| (v.name.clone(), v.name.clone())));
        });
        all
    });
    // The endpoint's numbers change with every frame, the names of its variants hardly ever.
    let options = Memo::new(move |_| options.get());
    view! {
        <SelectField
            label="Target variant"
            options
            value=target
            on_choice=Callback::new(move |name| target.set(name))
        />
    }
}

/// `InvokeEndpoint` as it is called for the first sentence.
#[component]
pub fn InvokeCall(
    /// The endpoint.
    chosen: ChosenEndpoint,
    /// The sentences.
    #[prop(into)]
    texts: Signal<Vec<String>>,
    /// Variant that overrides the weights; empty for none.
    target: RwSignal<String>,
) -> impl IntoView {
    let body = move || {
        let text = texts.with(|t| t.first().cloned()).unwrap_or_else(|| "…".to_owned());
        calls::features(&text)
    };
    let boto3 = Signal::derive(move || {
        let target = target.get();
        let target =
            if target.is_empty() { String::new() } else { format!("    TargetVariant=\"{target}\",\n") };
        format!(
            "runtime.invoke_endpoint(\n    EndpointName=\"{}\",\n{target}    ContentType=\"application/jsonlines\",\n    Accept=\"application/jsonlines\",\n    Body=json.dumps({}),\n)",
            chosen.name_or_usual(),
            body()
        )
    });
    let cli = Signal::derive(move || {
        let target = target.get();
        let target =
            if target.is_empty() { String::new() } else { format!(" \\\n  --target-variant {target}") };
        format!(
            "aws sagemaker-runtime invoke-endpoint \\\n  --endpoint-name {}{target} \\\n  --content-type application/jsonlines \\\n  --accept application/jsonlines \\\n  --cli-binary-format raw-in-base64-out \\\n  --body '{}' reply.json",
            chosen.name_or_usual(),
            body().replace('\'', r"'\''")
        )
    });
    view! { <PlainCall title="InvokeEndpoint" boto3 cli /> }
}
