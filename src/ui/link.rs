//! The line to the worker: JSON text both ways.

use std::{cell::Cell, rc::Rc};

use leptos::web_sys::{ErrorEvent, Event, File, MessageEvent, Worker, WorkerOptions, WorkerType};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use crate::wire::{FromWorker, ToWorker, json};

/// Where Trunk puts the worker. Relative, so that the page runs from any path.
const WORKER: &str = "./worker_loader.js";

/// A running worker. It ends when this is dropped.
pub struct Link {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl Link {
    /// Starts the worker. `receive` gets its messages, `lose` gets the reason when it cannot go on.
    ///
    /// # Errors
    /// The browser's words, when it lets no worker start.
    pub fn start(
        receive: impl Fn(FromWorker) + 'static,
        lose: impl Fn(String) + Clone + 'static,
    ) -> Result<Self, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(WORKER, &options).map_err(|e| words(&e))?;
        let garbled = lose.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let text = event.data().as_string().unwrap_or_default();
            match understood(text) {
                Some(message) => receive(message),
                None => garbled("The worker said what this page does not understand.".to_owned()),
            }
        });
        // A script that does not load raises a plain event: only a running one fails with a message.
        let on_error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
            lose(message.unwrap_or_else(|| format!("{WORKER} could not be loaded.")));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, _on_message: on_message, _on_error: on_error })
    }

    /// Says something to the worker. It hears nothing before it has said [`FromWorker::Ready`].
    ///
    /// # Errors
    /// In words, when the message cannot be sent.
    pub fn send(&self, message: &ToWorker) -> Result<(), String> {
        let text = json::write(message);
        self.worker.post_message(&JsValue::from_str(&text)).map_err(|e| words(&e))
    }

    /// Hands a file to the worker, which reads it in pieces: no copy of it is made.
    ///
    /// # Errors
    /// In words, when it cannot be handed over.
    pub fn send_file(&self, file: &File) -> Result<(), String> {
        self.worker.post_message(file).map_err(|e| words(&e))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// What a text of our own says; none when it is garbled after all.
///
/// [`json::trust`] ends the program then. Called by way of JavaScript, it ends that call alone, which loses the
/// memory of what was read so far and nothing else.
pub fn understood<T: DeserializeOwned + 'static>(text: String) -> Option<T> {
    let value = Rc::new(Cell::new(None));
    let slot = value.clone();
    let read = Closure::once_into_js(move || slot.set(Some(json::trust(&text))));
    let _ = read.unchecked_into::<js_sys::Function>().call0(&JsValue::NULL);
    value.take()
}

fn words(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |e| String::from(e.message()))
}
