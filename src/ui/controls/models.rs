//! Makes models.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    call::CallView,
    names::free_name,
};
use crate::{
    domain::{Artifact, Command, ContainerImage, ContainerInput, ImageScope, ModelName},
    lab::{LabAction, Snapshot},
    ui::{
        store::Store,
        widgets::{SelectField, TextField, Views},
    },
};

/// What the form holds.
#[derive(Clone, Debug, PartialEq)]
struct Draft {
    name: String,
    image: String,
    url: String,
}

impl Draft {
    /// The first artefact without a model, in the image that was looked up last.
    fn beginning(snapshot: &Snapshot) -> Self {
        let missing = |a: &Artifact| !snapshot.models.iter().any(|m| m.artifact == *a);
        let artifact = Artifact::ALL.into_iter().find(missing).unwrap_or(Artifact::A);
        let image = snapshot
            .image
            .clone()
            .unwrap_or_else(|| ContainerImage::retrieve(ImageScope::Inference, false).as_str().to_owned());
        Self { name: Self::free_name(snapshot, artifact), image, url: artifact.model_data_url() }
    }

    fn free_name(snapshot: &Snapshot, artifact: Artifact) -> String {
        free_name(&format!("reviews-{artifact}"), snapshot.models.iter().map(|m| m.name.as_str()))
    }

    fn command(&self) -> Command {
        Command::CreateModel {
            model_name: self.name.clone(),
            primary_container: ContainerInput { image: self.image.clone(), model_data_url: self.url.clone() },
        }
    }
}

/// A model from an artefact and an image.
#[component]
pub fn Models() -> impl IntoView {
    let store = Store::expect();
    let made = store.slice(|s| {
        let each = s.models.iter().map(|m| (m.name.to_string(), m.artifact, m.image.serves()));
        each.collect::<Vec<_>>()
    });
    // Until the learner writes into it, the form follows the lab: it offers what has no model yet.
    let usual = store.slice(Draft::beginning);
    let written = RwSignal::new(None::<Draft>);
    let draft = Memo::new(move |_| written.get().or_else(|| usual.get()));
    let change = move |change: &dyn Fn(&mut Draft)| {
        if let Some(mut d) = draft.get_untracked() {
            change(&mut d);
            written.set(Some(d));
        }
    };
    let field = move |part: fn(&Draft) -> &String| {
        Signal::derive(move || draft.with(|d| d.as_ref().map(|d| part(d).clone()).unwrap_or_default()))
    };
    let problem = Signal::derive(move || {
        let name = field(|d| &d.name).get();
        let taken = made.with(|m| m.as_ref().is_some_and(|m| m.iter().any(|m| m.0 == name)));
        let taken = taken.then(|| format!("A model `{name}` exists already."));
        ModelName::new(name).err().map(|e| e.to_string()).or(taken)
    });
    let command = Signal::derive(move || {
        draft
            .with(|d| d.as_ref().map(Draft::command))
            .unwrap_or(Command::DeleteModel { model_name: String::new() })
    });
    let action = Signal::derive(move || draft.with(|d| d.as_ref().map(|d| LabAction::Call(d.command()))));
    let edit = Callback::new(move |command| {
        if let Command::CreateModel { model_name, primary_container } = command {
            let (image, url) = (primary_container.image, primary_container.model_data_url);
            written.set(Some(Draft { name: model_name, image, url }));
        }
    });
    let choose = Callback::new(move |url: String| {
        let artifact = Artifact::from_model_data_url(&url);
        let name = store.snapshot.with_untracked(|s| Some(Draft::free_name(s.as_deref()?, artifact?)));
        change(&|d| {
            d.url.clone_from(&url);
            d.name.clone_from(name.as_ref().unwrap_or(&d.name.clone()));
        });
    });
    let item = |(name, artifact, serves): (String, Artifact, bool)| {
        view! {
            <li class="list__item">
                <code>{name}</code>
                <span class="quiet">" of " {artifact.name()}</span>
                {(!serves)
                    .then(|| view! { <span class="warn">" in a training image: it answers no health check"</span> })}
            </li>
        }
    };
    let artifacts = Signal::stored(Artifact::ALL.map(|a| (a.model_data_url(), a.name().to_owned())).to_vec());
    view! {
        <TextField
            label="Model name"
            value=field(|d| &d.name)
            on_input=Callback::new(move |text: String| change(&|d| d.name.clone_from(&text)))
            problem
        />
        <SelectField label="Artefact" options=artifacts value=field(|d| &d.url) on_choice=choose />
        <TextField
            label="Image"
            value=field(|d| &d.image)
            on_input=Callback::new(move |text: String| change(&|d| d.image.clone_from(&text)))
        />
        <CallView command on_edit=edit />
        <Act label="Create model" action weight=Weight::Primary success="Created." />
        <ul class="list list--tight" aria-label="Models that exist">
            {move || made.get().unwrap_or_default().into_iter().map(item).views()}
        </ul>
    }
}
