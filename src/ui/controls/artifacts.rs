//! Fetches artefacts.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    call::PlainCall,
};
use crate::{
    domain::Artifact,
    lab::LabAction,
    ui::{
        store::{Loading, Store},
        widgets::{Glyph, Icon, Meter, Show, Views},
        wording,
    },
};

/// The artefacts, each with its way from the bucket to its first prediction.
#[component]
pub fn Artifacts() -> impl IntoView {
    let example = Artifact::A;
    let url = example.model_data_url();
    let boto3 = format!(
        "import tarfile\n\nsession.download_data(\n    path=\"./model-a\",\n    bucket=bucket,\n    key_prefix=\"{}/output/model.tar.gz\",\n)\ntarfile.open(\"./model-a/model.tar.gz\").extractall(\"./model-a\")",
        example.name()
    );
    let cli = format!("aws s3 cp {url} ./model-a/\ntar -xzf ./model-a/model.tar.gz -C ./model-a");
    view! {
        <PlainCall title="GetObject, then unpack" boto3 cli />
        <ul class="list">
            {Artifact::ALL.into_iter().map(|artifact| view! { <ArtifactItem artifact /> }).views()}
        </ul>
    }
}

#[component]
fn ArtifactItem(artifact: Artifact) -> impl IntoView {
    let store = Store::expect();
    let state = store.find(move |s| s.artifacts.iter().find(|a| a.artifact == artifact).copied());
    let loading = Memo::new(move |_| store.worker.with(|w| w.loading[artifact.index()]));
    let fetched = move || state.get().is_some_and(|s| s.fetched);
    let cost = move || {
        let (base, per_token) = state.get()?.cost_us?;
        Some(format!("{} + {} per token", wording::micros(base), wording::micros(per_token)))
    };
    let predicted = Signal::derive(move || {
        state.get().filter(|s| s.corpus > 0).map_or(0.0, |s| f64::from(s.predicted) / f64::from(s.corpus))
    });
    let predicted_words = Signal::derive(move || {
        state.get().map_or_else(String::new, |s| {
            format!("{} of {}", wording::count(s.predicted.into()), wording::count(s.corpus.into()))
        })
    });
    let share = Signal::derive(move || share_of(loading.get()));
    view! {
        <li class="list__item artefact">
            <div class="artefact__head">
                <code>{artifact.model_data_url()}</code>
                <Show when=fetched>
                    <span class="good">
                        <Icon glyph=Glyph::Tick />
                        "Fetched"
                    </span>
                </Show>
            </div>
            <Show when=move || { let l = loading.get(); l.total > 0 && !l.ready }>
                <Meter label="Download" share words=Signal::derive(move || bytes_of(loading.get())) />
            </Show>
            <Show when=fetched>
                <Meter label="Reviews predicted" share=predicted words=predicted_words />
                <p class="quiet">{move || cost().map(|c| format!("Measured in this browser: {c}"))}</p>
            </Show>
            <Show when=move || !fetched()>
                <Act
                    label=format!("Fetch {artifact}")
                    action=Some(LabAction::FetchArtifact(artifact))
                    weight=Weight::Plain
                    success="Fetched."
                />
            </Show>
        </li>
    }
}

fn share_of(loading: Loading) -> f64 {
    if loading.total == 0 { 0.0 } else { loading.received as f64 / loading.total as f64 }
}

fn bytes_of(loading: Loading) -> String {
    format!("{} of {}", wording::bytes(loading.received), wording::bytes(loading.total))
}
