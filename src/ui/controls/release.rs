//! Deletes endpoint, configurations and models.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    call::CallView,
};
use crate::{
    controller::EndpointStatus,
    domain::{ByExperimentName, Command, ResourceKind},
    lab::{LabAction, Snapshot},
    ui::{
        store::Store,
        widgets::{Glyph, Icon, Show, each},
    },
};

/// Something that the lab has made, and whether it is still there.
#[derive(Clone, Debug, PartialEq)]
struct Resource {
    kind: ResourceKind,
    name: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    There,
    Going,
    Gone,
}

impl Resource {
    fn key(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    fn command(&self) -> Command {
        let name = self.name.clone();
        match self.kind {
            ResourceKind::Endpoint => Command::DeleteEndpoint { endpoint_name: name },
            ResourceKind::EndpointConfig => Command::DeleteEndpointConfig { endpoint_config_name: name },
            ResourceKind::Model => Command::DeleteModel { model_name: name },
            ResourceKind::InferenceExperiment => {
                Command::DeleteInferenceExperiment(ByExperimentName { name })
            }
        }
    }
}

/// What there is, the endpoint first: it is what costs.
fn resources(snapshot: &Snapshot) -> Vec<Resource> {
    let endpoints = snapshot.endpoints.iter().map(|e| Resource {
        kind: ResourceKind::Endpoint,
        name: e.name.clone(),
        state: if e.status == EndpointStatus::Deleting { State::Going } else { State::There },
    });
    let there = |kind, name: String| Resource { kind, name, state: State::There };
    let configs = snapshot.configs.iter().map(|c| there(ResourceKind::EndpointConfig, c.name.to_string()));
    let models = snapshot.models.iter().map(|m| there(ResourceKind::Model, m.name.to_string()));
    let tests = snapshot.tests.iter().filter(|t| t.status.has_ended());
    let tests = tests.map(|t| there(ResourceKind::InferenceExperiment, t.name.clone()));
    endpoints.chain(configs).chain(models).chain(tests).collect()
}

/// What was there and is there no more stays in the list, ticked off.
fn with_gone(before: &[Resource], now: Vec<Resource>) -> Vec<Resource> {
    let same = |a: &Resource, b: &Resource| a.kind == b.kind && a.name == b.name;
    let mut all: Vec<Resource> = before
        .iter()
        .map(|b| match now.iter().find(|n| same(n, b)) {
            Some(n) => n.clone(),
            None => Resource { state: State::Gone, ..b.clone() },
        })
        .collect();
    let new: Vec<Resource> = now.into_iter().filter(|n| !before.iter().any(|b| same(n, b))).collect();
    all.extend(new);
    all
}

/// Everything that the lab has made, each with the button that deletes it.
#[component]
pub fn Release() -> impl IntoView {
    let store = Store::expect();
    let now = store.slice(resources);
    let all = Memo::new(move |before: Option<&Vec<Resource>>| {
        with_gone(before.map_or(&[], Vec::as_slice), now.get().unwrap_or_default())
    });
    let next = Memo::new(move |_| {
        let next = all.with(|all| all.iter().find(|r| r.state == State::There).cloned());
        next.map(|r| r.command())
    });
    let keys = Memo::new(move |_| all.with(|all| all.iter().map(Resource::key).collect::<Vec<_>>()));
    let item = move |key: String| {
        let resource = Memo::new(move |_| all.with(|all| all.iter().find(|r| r.key() == key).cloned()));
        view! { <ResourceItem resource /> }.into_any()
    };
    view! {
        <ul class="list" aria-label="Resources">
            {each(move || keys.get(), item)}
        </ul>
        <Show
            when=move || next.with(Option::is_some)
            fallback=|| view! { <p class="quiet">"Nothing is left to delete."</p> }
        >
            <CallView command=Signal::derive(move || {
                next.get().unwrap_or(Command::DeleteModel { model_name: String::new() })
            }) />
        </Show>
    }
}

#[component]
fn ResourceItem(resource: Memo<Option<Resource>>) -> impl IntoView {
    let there = move || resource.with(|r| r.as_ref().is_some_and(|r| r.state == State::There));
    let words = move || {
        resource.with(|r| r.as_ref().map(|r| (r.kind.to_string(), r.name.clone()))).unwrap_or_default()
    };
    let label = Signal::derive(move || {
        let (kind, name) = words();
        format!("Delete {kind} {name}")
    });
    let action = Signal::derive(move || {
        resource.with(|r| {
            let there = r.as_ref().filter(|r| r.state == State::There);
            there.map(|r| LabAction::Call(r.command()))
        })
    });
    let state = move || resource.with(|r| r.as_ref().map(|r| r.state));
    view! {
        <li class="list__item resource">
            <span>
                <span class="quiet">{move || words().0} " "</span>
                <code>{move || words().1}</code>
            </span>
            {move || match state() {
                Some(State::Gone) => {
                    view! {
                        <span class="good">
                            <Icon glyph=Glyph::Tick />
                            "Deleted"
                        </span>
                    }
                        .into_any()
                }
                Some(State::Going) => view! { <span class="warn">"Deleting…"</span> }.into_any(),
                _ => ().into_any(),
            }}
            <Show when=there>
                <Act label action weight=Weight::Danger />
            </Show>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, state: State) -> Resource {
        Resource { kind: ResourceKind::Model, name: name.into(), state }
    }

    #[test]
    fn what_is_gone_stays_ticked_off_in_its_place() {
        let before = [model("a", State::There), model("b", State::There)];
        let all = with_gone(&before, vec![model("b", State::There), model("c", State::There)]);
        assert_eq!(all, [model("a", State::Gone), model("b", State::There), model("c", State::There)]);
        assert_eq!(with_gone(&all, vec![model("a", State::There)])[0].state, State::There);
    }
}
