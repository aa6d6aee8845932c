//! Moves the endpoint to a configuration with one variant.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    call::CallView,
    names::{ChosenEndpoint, EndpointChoice, free_name},
};
use crate::{
    domain::{Command, ProductionVariantInput},
    lab::{LabAction, Snapshot, VariantView},
    ui::{
        store::Store,
        widgets::{Options, SelectField, Show, TextField},
    },
};

/// What the endpoint has, as far as this form needs it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Serving {
    variants: Vec<ProductionVariantInput>,
    largest: Option<String>,
    configs: Vec<String>,
    config: String,
}

fn serving(snapshot: &Snapshot, endpoint: Option<&String>) -> Serving {
    let configs = snapshot.configs.iter().map(|c| c.name.to_string()).collect();
    let Some(endpoint) = snapshot.endpoints.iter().find(|e| Some(&e.name) == endpoint) else {
        return Serving { configs, ..Serving::default() };
    };
    let input = |v: &VariantView| ProductionVariantInput {
        variant_name: v.name.clone(),
        model_name: v.model.clone(),
        instance_type: v.instance_type.to_string(),
        initial_instance_count: i64::from(v.desired_count.max(1)),
        initial_variant_weight: 100.0,
        routing_config: None,
    };
    // Beside a shadow the question is whether it takes over.
    let largest = endpoint
        .shadows
        .first()
        .or(endpoint.variants.iter().max_by(|a, b| a.desired_weight.total_cmp(&b.desired_weight)));
    Serving {
        variants: endpoint.variants.iter().chain(&endpoint.shadows).map(input).collect(),
        largest: largest.map(|v| v.name.clone()),
        configs,
        config: endpoint.config_name.clone(),
    }
}

/// A new configuration with the variant that stays, then the move to it.
#[component]
pub fn Remove() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    let serving = store.slice(move |s| serving(s, chosen.name.get().as_ref()));
    let serving = Memo::new(move |_| serving.get().unwrap_or_default());
    let kept_choice = RwSignal::new(None::<String>);
    let written_name = RwSignal::new(None::<String>);
    let kept = Signal::derive(move || {
        kept_choice.get().or_else(|| serving.with(|s| s.largest.clone())).unwrap_or_default()
    });
    let name = Signal::derive(move || written_name.get().unwrap_or_else(|| usual_name(&kept.get())));
    let exists = move || serving.with(|s| s.configs.contains(&name.get()));
    let create = Signal::derive(move || Command::CreateEndpointConfig {
        endpoint_config_name: name.get(),
        production_variants: serving
            .with(|s| s.variants.iter().filter(|v| v.variant_name == kept.get()).cloned().collect()),
        shadow_production_variants: Vec::new(),
        data_capture_config: None,
    });
    let update = Signal::derive(move || Command::UpdateEndpoint {
        endpoint_name: chosen.name_or_usual(),
        endpoint_config_name: name.get(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: Vec::new(),
        deployment_config: None,
        retain_deployment_config: false,
    });
    let create_action = Signal::derive(move || {
        let sound = serving.with(|s| !s.variants.is_empty());
        sound.then(|| LabAction::Call(create.get()))
    });
    let update_action = Signal::derive(move || exists().then(|| LabAction::Call(update.get())));
    let options = Signal::derive(move || {
        serving.with(|s| {
            s.variants.iter().map(|v| (v.variant_name.clone(), v.variant_name.clone())).collect::<Options>()
        })
    });
    let edit = Callback::new(move |command| {
        if let Command::CreateEndpointConfig { endpoint_config_name, production_variants, .. } = command {
            written_name.set(Some(endpoint_config_name));
            if let Some(variant) = production_variants.into_iter().next() {
                kept_choice.set(Some(variant.variant_name));
            }
        }
    });
    view! {
        <EndpointChoice chosen />
        <div class="pair">
            <SelectField
                label="Variant that stays"
                options
                value=kept
                on_choice=Callback::new(move |v| kept_choice.set(Some(v)))
            />
            <TextField
                label="New configuration"
                value=name
                on_input=Callback::new(move |text| written_name.set(Some(text)))
            />
        </div>
        <p class="substep">"1. A configuration with that variant alone"</p>
        <CallView command=create on_edit=edit />
        <Act label="Create configuration" action=create_action weight=Weight::Plain success="Created." />
        <p class="substep">"2. Move the endpoint to it"</p>
        <CallView command=update />
        <Act
            label="Update endpoint"
            action=update_action
            success="A new fleet is being started; the old one serves until it is there."
        />
        <Show when=move || !exists()>
            <p class="quiet">"The endpoint can move once the configuration exists."</p>
        </Show>
    }
}

/// `VariantB` → `reviews-variantb-only`.
fn usual_name(variant: &str) -> String {
    let stem = format!("reviews-{}-only", variant.to_ascii_lowercase());
    free_name(&stem, std::iter::empty())
}
