// The rival: onnxruntime-web's wasm execution provider with one thread.
import * as ort from "/ort/ort.wasm.bundle.min.mjs";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = "/ort/";
const sessions = {};

self.onmessage = async ({ data }) => {
  if (data.models) {
    for (const [name, address] of Object.entries(data.models)) {
      sessions[name] = await ort.InferenceSession.create(address, { executionProviders: ["wasm"] });
    }
    self.postMessage({ ready: true });
    return;
  }
  const session = sessions[data.artifact];
  const micros = [];
  const probabilities = [];
  for (const text of data.texts) {
    // What the product's worker times too: from token hashes to probabilities.
    const began = performance.now();
    const tokens = new ort.Tensor("int64", BigInt64Array.from(text, BigInt), [1, text.length]);
    const { probs } = await session.run({ tokens });
    micros.push((performance.now() - began) * 1000);
    probabilities.push([...probs.data]);
  }
  self.postMessage({ ran: { micros, probabilities } });
};
