//! Shows the endpoint's description while it changes.

use leptos::prelude::*;
use serde::Serialize;

use super::{
    call::CallView,
    names::{ChosenEndpoint, EndpointChoice},
};
use crate::{
    domain::{Arn, Command, ResourceKind},
    lab::{EndpointView, VariantView},
    ui::{store::Store, widgets::CodeBlock},
    wire::json,
};

/// The reply to `DescribeEndpoint`, kept up to date.
#[component]
pub fn Describe() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    let text = store.find(move |s| {
        let name = chosen.name.get();
        s.endpoints.iter().find(|e| Some(&e.name) == name.as_ref()).map(description)
    });
    let command = Signal::derive(move || Command::DescribeEndpoint { endpoint_name: chosen.name_or_usual() });
    let text = Signal::derive(move || {
        text.get().unwrap_or_else(|| "There is no endpoint to describe yet.".to_owned())
    });
    view! {
        <EndpointChoice chosen />
        <CallView command />
        <p class="quiet">"The reply, as it would be at this moment:"</p>
        <CodeBlock text what="endpoint description" />
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description<'a> {
    endpoint_name: &'a str,
    endpoint_arn: String,
    endpoint_config_name: &'a str,
    endpoint_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    production_variants: Vec<Variant<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadow_production_variants: Vec<Variant<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_deployment_summary: Option<Pending<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Pending<'a> {
    endpoint_config_name: &'a str,
    production_variants: Vec<Variant<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadow_production_variants: Vec<Variant<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Variant<'a> {
    variant_name: &'a str,
    current_weight: f64,
    desired_weight: f64,
    current_instance_count: u32,
    desired_instance_count: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variant_status: Vec<Status<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status<'a> {
    status: &'a str,
    status_message: &'a str,
}

/// An endpoint as `DescribeEndpoint` shows it.
fn description(endpoint: &EndpointView) -> String {
    let pending = endpoint.pending_config.as_deref().map(|config| Pending {
        endpoint_config_name: config,
        production_variants: endpoint.pending_variants.iter().map(variant).collect(),
        shadow_production_variants: endpoint.pending_shadows.iter().map(variant).collect(),
    });
    let description = Description {
        endpoint_name: &endpoint.name,
        endpoint_arn: Arn::of(ResourceKind::Endpoint, &endpoint.name).to_string(),
        endpoint_config_name: &endpoint.config_name,
        endpoint_status: endpoint.status.to_string(),
        failure_reason: endpoint.failure_reason.as_deref(),
        production_variants: endpoint.variants.iter().map(variant).collect(),
        shadow_production_variants: endpoint.shadows.iter().map(variant).collect(),
        pending_deployment_summary: pending,
    };
    json::indented(&json::write(&description))
}

fn variant(view: &VariantView) -> Variant<'_> {
    let status = view.status.iter();
    Variant {
        variant_name: &view.name,
        current_weight: view.current_weight,
        desired_weight: view.desired_weight,
        current_instance_count: view.current_count,
        desired_instance_count: view.desired_count,
        variant_status: status.map(|s| Status { status: &s.status, status_message: &s.message }).collect(),
    }
}
