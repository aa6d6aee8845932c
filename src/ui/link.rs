//! The line to the worker: JSON text both ways.

use leptos::web_sys::{ErrorEvent, Event, File, MessageEvent, Worker, WorkerOptions, WorkerType};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use crate::wire::{FromWorker, ToWorker};

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
            match serde_json::from_str(&text) {
                Ok(message) => receive(message),
                Err(why) => garbled(format!("The worker said what this page does not understand: {why}")),
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
        let text = serde_json::to_string(message).map_err(|e| e.to_string())?;
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

fn words(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |e| String::from(e.message()))
}
