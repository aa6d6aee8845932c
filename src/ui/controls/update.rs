//! Moves the endpoint to another configuration.

use leptos::prelude::*;

use super::{
    act::Act,
    call::CallView,
    names::{ChosenEndpoint, EndpointChoice},
};
use crate::{
    domain::Command,
    lab::LabAction,
    ui::{store::Store, widgets::SelectField},
};

/// A choice of configuration, and the call that moves the endpoint to it.
#[component]
pub fn Update() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    // Those that it does not run already.
    let others = store.slice(move |s| {
        let runs = s.endpoints.iter().find(|e| chosen.name.with(|n| n.as_ref() == Some(&e.name)));
        let runs = runs.map(|e| e.config_name.clone());
        let names = s.configs.iter().map(|c| c.name.to_string());
        names.filter(|n| Some(n) != runs.as_ref()).collect::<Vec<_>>()
    });
    let others = Memo::new(move |_| others.get().unwrap_or_default());
    let picked = RwSignal::new(None::<String>);
    let config = Memo::new(move |_| {
        others
            .with(|o| picked.get().filter(|p| o.contains(p)).or_else(|| o.last().cloned()))
            .unwrap_or_default()
    });
    let command = Signal::derive(move || Command::UpdateEndpoint {
        endpoint_name: chosen.name_or_usual(),
        endpoint_config_name: config.get(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: Vec::new(),
        deployment_config: None,
        retain_deployment_config: false,
    });
    let action = Signal::derive(move || {
        let possible = chosen.name.with(Option::is_some) && !config.with(String::is_empty);
        possible.then(|| LabAction::Call(command.get()))
    });
    view! {
        <EndpointChoice chosen />
        <SelectField
            label="Configuration to move to"
            options=Signal::derive(move || others.get().into_iter().map(|n| (n.clone(), n)).collect())
            value=config
            on_choice=Callback::new(move |name| picked.set(Some(name)))
        />
        <CallView command />
        <Act
            label="Update endpoint"
            action
            success="A new fleet is being started; the old one serves until it is there."
        />
    }
}
