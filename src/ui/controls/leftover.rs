//! Deletes what an earlier lab left behind.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    call::CallView,
    names::{ChosenEndpoint, EndpointChoice},
};
use crate::{
    domain::Command,
    lab::{LEFTOVER_ENDPOINT, LabAction},
    ui::{endpoint::StatusPill, store::Store, wording},
};

/// The endpoints that run, what each costs, and the call that ends one.
#[component]
pub fn Leftover() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::beginning_with(store, LEFTOVER_ENDPOINT);
    let endpoint = store.find(move |s| {
        let name = chosen.name.get();
        s.endpoints
            .iter()
            .find(|e| Some(&e.name) == name.as_ref())
            .map(|e| (e.name.clone(), e.status, wording::usd(e.cost_usd_per_hour)))
    });
    let command = Signal::derive(move || Command::DeleteEndpoint { endpoint_name: chosen.name_or_usual() });
    view! {
        {move || match endpoint.get() {
            None => view! { <p class="quiet">"No endpoint is left. Nothing costs anything."</p> }.into_any(),
            Some((name, status, cost)) => {
                let action = Signal::derive(move || Some(LabAction::Call(command.get())));
                view! {
                    <EndpointChoice chosen />
                    <p>
                        <code>{name.clone()}</code>
                        " "
                        <StatusPill status />
                        " costs "
                        <strong>{cost}</strong>
                        " an hour, whether anyone calls it or not."
                    </p>
                    <CallView command />
                    <Act
                        label=format!("Delete endpoint {name}")
                        action
                        weight=Weight::Danger
                        success="It is being deleted."
                    />
                }
                    .into_any()
            }
        }}
    }
}
