//! The server that the page is over, if any: the one that served it, or one that the address names by `?server=`.

use leptos::{
    ev::SubmitEvent,
    prelude::*,
    web_sys::{Url, UrlSearchParams},
};

use super::{
    store::{Store, Tone},
    widgets::unique_id,
};
use crate::wire::{LineTrouble, ServerLine};

/// What the page is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// Nothing: the labs are simulated in this browser.
    Browser,
    /// The server that served it, at an address relative to the page.
    Own(String),
    /// A server elsewhere: its origin, e.g. `http://127.0.0.1:8080`.
    Elsewhere(String),
    /// Nothing, though the address names something that is no server: what it names.
    Garbled(String),
}

/// What the page is over, as its document and its address say.
pub fn over() -> Over {
    let element = document().query_selector("meta[name='rollout-lab-server']").ok().flatten();
    if let Some(base) = element.and_then(|e| e.get_attribute("content")) {
        // Its policy lets it speak to that one alone.
        return Over::Own(base);
    }
    let search = window().location().search().unwrap_or_default();
    let given = UrlSearchParams::new_with_str(&search).ok().and_then(|p| p.get("server"));
    match given {
        None => Over::Browser,
        Some(given) => origin_of(&given).map_or(Over::Garbled(given), Over::Elsewhere),
    }
}

/// The origin of an address that is one and nothing more.
fn origin_of(given: &str) -> Option<String> {
    let url = Url::new(given).ok()?;
    let alone = matches!(url.pathname().as_str(), "" | "/")
        && [url.search(), url.hash(), url.username(), url.password()].iter().all(String::is_empty);
    let http = matches!(url.protocol().as_str(), "http:" | "https:");
    (alone && http).then(|| url.origin())
}

/// Address of the server that the page is over; none while the labs are simulated.
pub fn server() -> Option<String> {
    match over() {
        Over::Own(base) => Some(base),
        Over::Elsewhere(origin) => Some(format!("{origin}/")),
        Over::Browser | Over::Garbled(_) => None,
    }
}

/// The server's name, where it is not the one that served the page.
pub fn elsewhere() -> Option<String> {
    match over() {
        Over::Elsewhere(origin) => Some(origin),
        _ => None,
    }
}

/// Says at once when the address names something that is no server.
pub fn check_address(store: Store) {
    if let Over::Garbled(given) = over() {
        let text = format!(
            "`?server={given}` is no address like http://127.0.0.1:8080, so the labs run in this browser."
        );
        store.toast(Tone::Alert, "No server there", text, None);
    }
}

/// What keeps the page from the server, and what helps: the token that it asks for, or what its operator can do.
#[component]
pub fn ServerNotice() -> impl IntoView {
    let store = Store::expect();
    let trouble = Memo::new(move |_| {
        store.worker.with(|w| w.server.as_ref().and_then(|l: &ServerLine| l.trouble.clone()))
    });
    let shown = move || match (trouble.get()?, over()) {
        (LineTrouble::TokenNeeded, over) => {
            Some(view! { <TokenForm host=host(&over) wrong=false /> }.into_any())
        }
        (LineTrouble::TokenWrong, over) => {
            Some(view! { <TokenForm host=host(&over) wrong=true /> }.into_any())
        }
        (LineTrouble::Refused(words), over) => {
            Some(view! { <p>{format!("{} refuses: {words}", host(&over))}</p> }.into_any())
        }
        (LineTrouble::Unreachable, Over::Elsewhere(origin)) => {
            Some(view! { <p>{unreachable(&origin)}</p> }.into_any())
        }
        // The badge says it: the server that served the page comes back, or does not.
        (LineTrouble::Unreachable, _) => None,
    };
    view! {
        <div class="notice" role="status">
            {shown}
        </div>
    }
}

fn host(over: &Over) -> String {
    match over {
        Over::Elsewhere(origin) => origin.clone(),
        _ => "The server".to_owned(),
    }
}

fn unreachable(origin: &str) -> String {
    let location = window().location();
    let own = location.origin().unwrap_or_default();
    let mut words = format!(
        "No line to {origin}. Either nothing serves there, or its operator does not let this page in, which \
        allowed_origins = [\"{own}\"] in its settings does. It is tried again every second."
    );
    if own.starts_with("https:") && origin.starts_with("http:") {
        words.push_str(" A page that came over https can reach http on this machine only.");
    }
    words
}

/// A field for the server's token. It goes to that server and nowhere else, and is forgotten with the page.
#[component]
fn TokenForm(
    /// Who asks for it.
    host: String,
    /// Whether another one was given before.
    wrong: bool,
) -> impl IntoView {
    let store = Store::expect();
    let id = unique_id("token");
    let token = RwSignal::new(String::new());
    let give = move |event: SubmitEvent| {
        event.prevent_default();
        store.give_token(token.get_untracked().trim().to_owned());
    };
    view! {
        <form class="notice__form" on:submit=give>
            <label for=id.clone()>
                {if wrong {
                    format!("{host} knows another token. Its token, please")
                } else {
                    format!("{host} asks for its token")
                }}
            </label>
            <input
                id=id
                class="field__input field__input--mono"
                type="password"
                autocomplete="off"
                required
                on:input:target=move |event| token.set(event.target().value())
            />
            <button type="submit" class="btn btn--small">
                "Connect"
            </button>
        </form>
    }
}
