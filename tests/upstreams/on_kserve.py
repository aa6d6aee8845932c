"""The lab's models on KServe, by both of its protocols: PORT=8080 python on_kserve.py"""

import os

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from stars import MODELS, Stars


class Served(Model):
    def __init__(self, name):
        super().__init__(name)
        self.stars = Stars(name)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        if not isinstance(payload, InferRequest):
            probabilities, labels = self.stars(payload["instances"])
            pairs = zip(labels[:, 0].tolist(), probabilities.tolist())
            return {"predictions": [{"label": label, "probabilities": p} for label, p in pairs]}
        texts = [t.decode() if isinstance(t, bytes) else t for t in payload.inputs[0].data]
        probabilities, labels = self.stars(texts)
        outputs = [
            InferOutput("probabilities", list(probabilities.shape), "FP32", probabilities.ravel().tolist()),
            InferOutput("label", list(labels.shape), "INT64", labels.ravel().tolist()),
        ]
        return InferResponse(payload.id, self.name, outputs)


if __name__ == "__main__":
    ModelServer(http_port=int(os.environ["PORT"]), enable_grpc=False, workers=1).start([Served(name) for name in MODELS])
