"""The lab's models on Triton, as PyTriton brings it: PORT=8000 python on_triton.py"""

import os

import numpy
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig
from stars import MODELS, Stars


def served(name):
    stars = Stars(name)

    @batch
    def infer(text):
        probabilities, labels = stars([one.decode() for one in text[:, 0]])
        return {"probabilities": probabilities, "label": labels}

    return infer


def main():
    port = int(os.environ["PORT"])
    config = TritonConfig(http_address="127.0.0.1", http_port=port, allow_grpc=False, allow_metrics=False)
    with Triton(config=config) as triton:
        for name in MODELS:
            triton.bind(
                model_name=name,
                infer_func=served(name),
                inputs=[Tensor(name="text", dtype=numpy.bytes_, shape=(1,))],
                outputs=[
                    Tensor(name="probabilities", dtype=numpy.float32, shape=(5,)),
                    Tensor(name="label", dtype=numpy.int64, shape=(1,)),
                ],
                config=ModelConfig(max_batch_size=64),
            )
        triton.serve()


if __name__ == "__main__":
    main()
