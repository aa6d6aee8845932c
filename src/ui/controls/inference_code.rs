//! Shows the code in front of the model, and cuts the learner's sentence the way it does.

use leptos::prelude::*;

use super::act::Act;
use crate::{
    inference::{MAX_TOKENS, Tokens},
    lab::LabAction,
    ui::widgets::{CodeBlock, Disclosure, TextField, Views},
};

/// rltok-1 as `inference.py` would have it; `inference::Tokens` is what runs here.
const PYTHON: &str = r#"import json, re

TOKEN = re.compile(r"[a-z0-9']+|[!?]")

def fnv1a(token):                       # 32 bit
    h = 0x811C9DC5
    for byte in token.encode():
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    return h

def tokens(text):
    for quote in "\u2018\u2019\u02bc":
        text = text.replace(quote, "'")
    lower = "".join(c.lower() if c.isascii() else c for c in text)
    words = (t.strip("'")[:24] for t in TOKEN.findall(lower))
    return [w for w in words if w][:128]

def input_handler(data, context):       # before the model
    rows = [json.loads(line)["features"][0] for line in data]
    return json.dumps({"instances": [[fnv1a(t) for t in tokens(r)] for r in rows]})

def output_handler(response, context):  # after the model
    probs = json.loads(response.content)["predictions"][0]
    stars = probs.index(max(probs)) + 1
    return json.dumps({"predicted_label": stars, "probabilities": probs}), "application/jsonlines"
"#;

/// The code, and a sentence cut to tokens as one types.
#[component]
pub fn InferenceCode() -> impl IntoView {
    let sentence = RwSignal::new("I don’t love it, but it WORKS!".to_owned());
    let tokens = Memo::new(move |_| sentence.with(|s| Tokens::of(s)));
    view! {
        <Act label="Open the code" action=Some(LabAction::ReadInferenceCode) success="Opened." />
        <Disclosure title="inference.py">
            <CodeBlock text=PYTHON.to_owned() what="inference.py" />
        </Disclosure>
        <TextField
            label="A sentence, cut as you type"
            value=sentence
            on_input=Callback::new(move |text| sentence.set(text))
        />
        <TokenList tokens />
        <p class="quiet" role="status">
            {move || match tokens.with(Tokens::len) {
                0 => "No token: the models are not asked, there is no prediction.".to_owned(),
                n => format!("{n} of at most {MAX_TOKENS} tokens"),
            }}
        </p>
    }
}

/// Tokens, each above the number that the models see.
#[component]
fn TokenList(tokens: Memo<Tokens>) -> impl IntoView {
    view! {
        <ol class="tokens" aria-label="Tokens">
            {move || {
                tokens
                    .with(|t| {
                        t.texts()
                            .iter()
                            .zip(t.hashes())
                            .map(|(text, hash)| {
                                view! {
                                    <li class="token">
                                        <span class="token__text">{text.clone()}</span>
                                        <span class="token__hash">{format!("{hash:08x}")}</span>
                                    </li>
                                }
                            })
                            .views()
                    })
            }}
        </ol>
    }
}
