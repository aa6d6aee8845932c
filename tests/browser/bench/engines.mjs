// Both engines in one page, each in a worker of its own. `globalThis.engines` is driven from ort.bench.mjs.

function talk(worker, send, understand) {
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message || "the worker stopped"));
    worker.onmessage = ({ data }) => {
      const answer = understand(data);
      if (answer !== undefined) resolve(answer);
    };
    send();
  });
}

/** tract inside the product's own worker, asked by the wire's `Score` and answered by `Scored`. */
async function tract(address) {
  const worker = new Worker(address, { type: "module" });
  await talk(
    worker,
    () => {},
    (data) => (data === '"Ready"' ? true : undefined),
  );
  let id = 0;
  return {
    /** Runs one artifact on each of `texts` (arrays of token hashes) in turn: microseconds each, and probabilities. */
    run(artifact, texts) {
      const mine = ++id;
      return talk(
        worker,
        () => worker.postMessage(JSON.stringify({ Score: { id: mine, artifact, texts } })),
        (data) => {
          const message = JSON.parse(data);
          if (message.Trouble) throw new Error(message.Trouble);
          return message.Scored?.id === mine ? message.Scored : undefined;
        },
      );
    },
    stop: () => worker.terminate(),
  };
}

/** onnxruntime-web: wasm, SIMD, one thread. */
async function ort(models) {
  const worker = new Worker("ort.worker.mjs", { type: "module" });
  await talk(
    worker,
    () => worker.postMessage({ models }),
    (data) => data.ready,
  );
  return {
    run: (artifact, texts) =>
      talk(
        worker,
        () => worker.postMessage({ artifact, texts }),
        (data) => data.ran,
      ),
    stop: () => worker.terminate(),
  };
}

globalThis.engines = { tract, ort };
