//! What serves already when a lab on decisions is opened.

use crate::{
    domain::{Artifact, Command, ContainerImage, ContainerInput, ImageScope, ProductionVariantInput},
    lab::LabId,
};

/// Models A and B, a configuration of two variants or more, and the endpoint `reviews`.
pub(in crate::lab) fn furniture(lab: LabId) -> Vec<Command> {
    let image = ContainerImage::retrieve(ImageScope::Inference, false).as_str().to_owned();
    let model = |name: &str, artifact: Artifact| Command::CreateModel {
        model_name: name.into(),
        primary_container: ContainerInput { image: image.clone(), model_data_url: artifact.model_data_url() },
    };
    let config = |name: &str, model_b: &str, weight_a: f64| {
        let variant = |name: &str, model: &str, weight| ProductionVariantInput {
            variant_name: name.into(),
            model_name: model.into(),
            instance_type: "ml.m5.large".into(),
            initial_instance_count: 1,
            initial_variant_weight: weight,
            routing_config: None,
        };
        Command::CreateEndpointConfig {
            endpoint_config_name: name.into(),
            production_variants: vec![
                variant("VariantA", "reviews-a", weight_a),
                variant("VariantB", model_b, 1.0),
            ],
            shadow_production_variants: Vec::new(),
            data_capture_config: None,
        }
    };
    let configs = match lab {
        LabId::Peeking => vec![config("a-a", "reviews-a", 1.0), config("a-b", "reviews-b", 1.0)],
        LabId::FalseFriends => vec![config("nine-to-one", "reviews-a", 9.0)],
        _ => vec![config("a-b", "reviews-b", 1.0)],
    };
    let serving = match lab {
        LabId::Peeking => "a-a",
        LabId::FalseFriends => "nine-to-one",
        _ => "a-b",
    };
    let models = [model("reviews-a", Artifact::A), model("reviews-b", Artifact::B)];
    let create = Command::CreateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: serving.into(),
        deployment_config: None,
    };
    models.into_iter().chain(configs).chain([create]).collect()
}
