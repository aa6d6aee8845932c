"""The lab's models on MLServer: PORT=8080 MLSERVER_HTTP_PORT=$PORT mlserver start tests/upstreams/on_mlserver"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mlserver import MLModel  # noqa: E402
from mlserver.codecs import StringCodec  # noqa: E402
from mlserver.types import InferenceResponse, ResponseOutput  # noqa: E402
from stars import Stars  # noqa: E402


class Served(MLModel):
    async def load(self):
        self.stars = Stars(self.name)
        return True

    async def predict(self, payload):
        probabilities, labels = self.stars(StringCodec.decode_input(payload.inputs[0]))
        of = lambda name, kind, values: ResponseOutput(
            name=name, datatype=kind, shape=list(values.shape), data=values.ravel().tolist()
        )
        outputs = [of("probabilities", "FP32", probabilities), of("label", "INT64", labels)]
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=outputs)
