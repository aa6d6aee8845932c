"""A small PyTorch model that speaks the Open Inference Protocol v2 over HTTP: on CUDA when there is one, else on the CPU.

PORT=8800 python3 tests/gpu/torch_server.py

Bytes → embedding → two transformer layers → five classes, with weights from a fixed seed: it classifies nothing
sensibly, it is there to have something that runs on a GPU. Python's standard library and torch only.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

import torch
from torch import nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LENGTH = 128


class Stars(nn.Module):
    def __init__(self, width=256):
        super().__init__()
        self.bytes = nn.Embedding(257, width, padding_idx=256)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, batch_first=True, dropout=0.0)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.classes = nn.Linear(width, 5)

    def forward(self, tokens):
        return self.classes(self.layers(self.bytes(tokens)).mean(dim=1))


torch.manual_seed(7)
MODEL = Stars().to(DEVICE).eval()
ONE_AT_A_TIME = Lock()


@torch.inference_mode()
def infer(texts):
    rows = []
    for text in texts:
        row = list(text.encode())[:LENGTH]
        rows.append(row + [256] * (LENGTH - len(row)))
    with ONE_AT_A_TIME:
        logits = MODEL(torch.tensor(rows, device=DEVICE))
        probabilities = torch.softmax(logits, dim=1).cpu()
    return probabilities.tolist(), (probabilities.argmax(dim=1) + 1).tolist()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        known = self.path in ("/v2/health/live", "/v2/health/ready", "/v2/models/stars/ready")
        self.answer(200 if known else 404, {"device": DEVICE})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path != "/v2/models/stars/infer":
            return self.answer(404, {"error": f"there is no {self.path}"})
        try:
            request = json.loads(body)
            texts = [str(t) for t in request["inputs"][0]["data"]]
        except (ValueError, LookupError, TypeError) as e:
            return self.answer(400, {"error": f"no v2 request with one text input: {e}"})
        probabilities, labels = infer(texts)
        self.answer(
            200,
            {
                "id": request.get("id"),
                "model_name": "stars",
                "model_version": "1",
                "outputs": [
                    {"name": "probabilities", "datatype": "FP32", "shape": [len(texts), 5], "data": sum(probabilities, [])},
                    {"name": "label", "datatype": "INT64", "shape": [len(texts), 1], "data": labels},
                ],
            },
        )

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    # Connections that wait to be taken. The library's 5 are too few for 64 copies at a time.
    request_queue_size = 256


if __name__ == "__main__":
    infer(["warm up"])
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "8800"))), Handler)
    print(f"stars on {DEVICE} at {server.server_address}", flush=True)
    server.serve_forever()
