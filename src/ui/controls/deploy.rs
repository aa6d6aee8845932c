//! Creates the endpoint.

use leptos::prelude::*;

use super::{
    act::Act,
    call::CallView,
    names::{ENDPOINT, free_name},
};
use crate::{
    domain::{Command, EndpointName},
    lab::LabAction,
    ui::{
        store::Store,
        widgets::{Options, SelectField, TextField},
    },
};

/// A new endpoint of a configuration that exists.
#[component]
pub fn Deploy() -> impl IntoView {
    let store = Store::expect();
    let usual_name = store.slice(|s| free_name(ENDPOINT, s.endpoints.iter().map(|e| e.name.as_str())));
    let configs = store.slice(|s| s.configs.iter().map(|c| c.name.to_string()).collect::<Vec<_>>());
    let written_name = RwSignal::new(None::<String>);
    let chosen_config = RwSignal::new(None::<String>);
    let name = Signal::derive(move || written_name.get().or_else(|| usual_name.get()).unwrap_or_default());
    let config = Signal::derive(move || {
        chosen_config.get().or_else(|| configs.with(|c| c.as_ref()?.last().cloned())).unwrap_or_default()
    });
    let problem = Signal::derive(move || EndpointName::new(name.get()).err().map(|e| e.to_string()));
    let config_problem = Signal::derive(move || {
        config.with(String::is_empty).then(|| "There is no configuration yet.".to_owned())
    });
    let command = Signal::derive(move || Command::CreateEndpoint {
        endpoint_name: name.get(),
        endpoint_config_name: config.get(),
        deployment_config: None,
    });
    let action = Signal::derive(move || {
        let sound = problem.with(Option::is_none) && config_problem.with(Option::is_none);
        sound.then(|| LabAction::Call(command.get()))
    });
    let edit = Callback::new(move |command| {
        if let Command::CreateEndpoint { endpoint_name, endpoint_config_name, .. } = command {
            written_name.set(Some(endpoint_name));
            chosen_config.set(Some(endpoint_config_name));
        }
    });
    let options = Signal::derive(move || {
        configs.get().unwrap_or_default().into_iter().map(|c| (c.clone(), c)).collect::<Options>()
    });
    view! {
        <TextField
            label="Endpoint name"
            value=name
            on_input=Callback::new(move |text| written_name.set(Some(text)))
            problem
        />
        <SelectField
            label="Configuration"
            options
            value=config
            on_choice=Callback::new(move |c| chosen_config.set(Some(c)))
            problem=config_problem
        />
        <CallView command on_edit=edit />
        <Act label="Create endpoint" action success="It is being created: watch its status." />
    }
}
