//! Looks up a container image.

use leptos::prelude::*;

use super::{act::Act, call::PlainCall};
use crate::{
    domain::{ImageScope, InstanceType},
    lab::LabAction,
    ui::{instances, store::Store, widgets::SelectField},
};

/// Looks up the image of a framework for a scope and an instance type.
#[component]
pub fn Image() -> impl IntoView {
    let store = Store::expect();
    let scope = RwSignal::new(ImageScope::Inference);
    let instance_type = RwSignal::new(instances::USUAL.to_owned());
    let image = store.find(|s| s.image.clone());
    let action = Signal::derive(move || {
        let instance_type = instance_type.get().parse::<InstanceType>().ok()?;
        Some(LabAction::RetrieveImage { scope: scope.get(), instance_type })
    });
    let boto3 = Signal::derive(move || {
        format!(
            "sdk.image_uris.retrieve(\n    framework=\"tensorflow\",\n    region=\"us-east-1\",\n    version=\"2.3.1\",\n    py_version=\"py37\",\n    instance_type=\"{}\",\n    image_scope=\"{}\",\n)",
            instance_type.get(),
            name(scope.get())
        )
    });
    let cli = Signal::derive(|| {
        "# image_uris is a table in the SDK for Python; the CLI has no such call.\naws ecr describe-images --registry-id 763104351884 \\\n  --repository-name tensorflow-inference"
            .to_owned()
    });
    let scopes = Signal::stored(vec![
        ("inference".to_owned(), "inference".to_owned()),
        ("training".to_owned(), "training".to_owned()),
    ]);
    view! {
        <div class="pair">
            <SelectField
                label="Image scope"
                options=scopes
                value=Signal::derive(move || name(scope.get()).to_owned())
                on_choice=Callback::new(move |chosen: String| {
                    scope.set(if chosen == "training" { ImageScope::Training } else { ImageScope::Inference });
                })
            />
            <SelectField
                label="Instance type"
                options=instances::options()
                value=instance_type
                on_choice=Callback::new(move |chosen| instance_type.set(chosen))
            />
        </div>
        <PlainCall title="image_uris.retrieve" boto3 cli />
        <Act label="Look up the image" action success="Found." />
        {move || {
            image
                .get()
                .map(|uri| view! { <p class="uri" aria-label="Image found"><code>{uri}</code></p> })
        }}
    }
}

const fn name(scope: ImageScope) -> &'static str {
    match scope {
        ImageScope::Inference => "inference",
        ImageScope::Training => "training",
    }
}
