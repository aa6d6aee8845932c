//! Managed shadow tests: their list, the form that plans one, what one measures, and how it is changed and ended.

mod captured;
mod change;
mod complete;
mod create;
mod monitor;

use leptos::prelude::*;

pub use self::{
    captured::Captured, change::TestEdit, complete::TestComplete, create::TestCreate, monitor::TestMonitor,
};
use super::{
    act::{Act, Weight},
    call::CallView,
};
use crate::{
    controller::InferenceExperimentStatus as Status,
    domain::{ByExperimentName, Command},
    lab::{LabAction, TestView},
    ui::{
        store::Store,
        widgets::{Disclosure, SelectField, TextField},
    },
};

/// The sections of the list, and what is in each.
const SECTIONS: [(&str, &[Status]); 3] = [
    ("Scheduled", &[Status::Creating, Status::Created]),
    ("Running", &[Status::Starting, Status::Running, Status::Updating, Status::Stopping]),
    ("Completed", &[Status::Completed, Status::Cancelled]),
];

/// Status of a test in the service's word, with a sign and a colour.
fn pill(status: Status) -> impl IntoView {
    let (kind, sign) = match status {
        Status::Running | Status::Completed => ("good", "●"),
        Status::Cancelled => ("bad", "✖"),
        _ => ("busy", "◐"),
    };
    view! {
        <span class=format!("pill pill--{kind}")>
            <span aria-hidden="true">{sign}</span>
            {status.to_string()}
        </span>
    }
}

/// The test that a panel is about: the newest that it can be about, until the learner chooses another.
#[derive(Clone, Copy)]
struct ChosenTest {
    choice: RwSignal<Option<String>>,
    names: Memo<Vec<String>>,
    name: Memo<Option<String>>,
    store: Store,
}

impl ChosenTest {
    fn new(store: Store, fits: fn(&TestView) -> bool) -> Self {
        let choice = RwSignal::new(None::<String>);
        let names = store
            .slice(move |s| s.tests.iter().filter(|t| fits(t)).map(|t| t.name.clone()).collect::<Vec<_>>());
        let names = Memo::new(move |_| names.get().unwrap_or_default());
        let name = Memo::new(move |_| {
            names.with(|n| choice.get().filter(|c| n.contains(c)).or_else(|| n.first().cloned()))
        });
        Self { choice, names, name, store }
    }

    /// A part of it that changes only when the part does; none while there is no such test.
    fn part<T: Clone + PartialEq + Send + Sync + 'static>(
        self,
        part: impl Fn(&TestView) -> T + Send + Sync + 'static,
    ) -> Memo<Option<T>> {
        let found = self.store.slice(move |s| {
            let name = self.name.get();
            s.tests.iter().find(|t| Some(&t.name) == name.as_ref()).map(&part)
        });
        Memo::new(move |_| found.get().flatten())
    }
}

/// The choice of a test where there are several; words where there is none.
#[component]
fn TestChoice(chosen: ChosenTest, none: &'static str) -> impl IntoView {
    let count = Memo::new(move |_| chosen.names.with(Vec::len));
    let options =
        Signal::derive(move || chosen.names.get().into_iter().map(|n| (n.clone(), n)).collect::<Vec<_>>());
    move || match count.get() {
        0 => view! { <p class="quiet">{none}</p> }.into_any(),
        1 => ().into_any(),
        _ => view! {
            <SelectField
                label="Test"
                options
                value=Signal::derive(move || chosen.name.get().unwrap_or_default())
                on_choice=Callback::new(move |name| chosen.choice.set(Some(name)))
            />
        }
        .into_any(),
    }
}

/// A word to type before something is done that cannot be undone.
#[component]
fn Confirm(word: &'static str, typed: RwSignal<String>) -> impl IntoView {
    let label = match word {
        "deploy" => "Type deploy to confirm",
        "remove" => "Type remove to confirm",
        _ => "Type delete to confirm",
    };
    view! { <TextField label value=typed on_input=Callback::new(move |text| typed.set(text)) /> }
}

/// What the list shows of a test.
#[derive(Clone, Debug, PartialEq)]
struct Item {
    name: String,
    status: Status,
    about: String,
}

impl Item {
    fn of(t: &TestView) -> Self {
        let period = match t.completed {
            Some(end) => format!("ended {end}"),
            None => format!("{} to {}", t.start, t.end),
        };
        let about = format!("{} beside {} on {} · {period}", t.shadow.name, t.production.name, t.endpoint);
        Self { name: t.name.clone(), status: t.status, about }
    }
}

/// The list: scheduled, running and completed tests.
#[component]
pub fn TestList() -> impl IntoView {
    let store = Store::expect();
    let items = store.slice(|s| s.tests.iter().map(Item::of).collect::<Vec<_>>());
    let items = Memo::new(move |_| items.get().unwrap_or_default());
    let list = || Command::ListInferenceExperiments(Default::default());
    view! {
        <CallView command=Signal::stored(list()) />
        <Act label="List shadow tests" action=Some(LabAction::Call(list())) success="Listed." />
        {SECTIONS
            .into_iter()
            .map(|(title, statuses)| {
                let here = Memo::new(move |_| {
                    items.with(|all| {
                        all.iter().filter(|i| statuses.contains(&i.status)).cloned().collect::<Vec<_>>()
                    })
                });
                view! {
                    <h5 class="control__title">{move || format!("{title} ({})", here.with(Vec::len))}</h5>
                    <ul class="list" aria-label=format!("{title} shadow tests")>
                        <For each=move || here.get() key=|i| (i.name.clone(), i.status, i.about.clone()) let:item>
                            <TestItem item />
                        </For>
                    </ul>
                }
            })
            .collect_view()}
    }
}

#[component]
fn TestItem(item: Item) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let by_name = ByExperimentName { name: item.name.clone() };
    let start = LabAction::Call(Command::StartInferenceExperiment(by_name.clone()));
    let delete = Command::DeleteInferenceExperiment(by_name);
    let deletes = LabAction::Call(delete.clone());
    let action = Signal::derive(move || (typed.get().trim() == "delete").then(|| deletes.clone()));
    let status = item.status;
    view! {
        <li class="list__item">
            <span>
                <code>{item.name}</code>
                " "
                {pill(status)}
                <br />
                <span class="quiet">{item.about}</span>
            </span>
            {(status == Status::Created)
                .then(|| view! { <Act label="Start now" action=Some(start) weight=Weight::Plain success="Starting." /> })}
            {(status == Status::Created || status.has_ended())
                .then(|| {
                    view! {
                        <Disclosure title="Delete">
                            <p class="quiet">
                                "Only what is known about the test goes. The endpoint, its variants and captured lines stay."
                            </p>
                            <CallView command=Signal::stored(delete) />
                            <Confirm word="delete" typed />
                            <Act label="Delete test" action weight=Weight::Danger success="Deleted." />
                        </Disclosure>
                    }
                })}
        </li>
    }
}
