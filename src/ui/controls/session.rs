//! Opens clients and session.

use leptos::prelude::*;

use super::{act::Act, call::PlainCall};
use crate::{lab::LabAction, ui::store::Store, ui::widgets::Show};

const PYTHON: &str = "import boto3
import sagemaker as sdk

sagemaker = boto3.client(\"sagemaker\")
runtime = boto3.client(\"sagemaker-runtime\")
cloudwatch = boto3.client(\"cloudwatch\")

session = sdk.Session()
bucket = session.default_bucket()
role = sdk.get_execution_role()";

const SHELL: &str = "aws configure get region
aws sts get-caller-identity
aws s3 ls s3://rollout-lab";

/// Opens clients and session.
#[component]
pub fn Session() -> impl IntoView {
    let store = Store::expect();
    let open = store.slice(|s| s.session_open);
    view! {
        <PlainCall title="Clients, session, bucket, role" boto3=PYTHON.to_owned() cli=SHELL.to_owned() />
        <Show
            when=move || open.get() == Some(true)
            fallback=|| view! { <Act label="Open session" action=Some(LabAction::OpenSession) /> }
        >
            <dl class="facts">
                <dt>"Region"</dt>
                <dd><code>"us-east-1"</code></dd>
                <dt>"Account"</dt>
                <dd><code>"123456789012"</code></dd>
                <dt>"Bucket"</dt>
                <dd><code>"s3://rollout-lab"</code></dd>
            </dl>
        </Show>
    }
}
