"""Real model servers behind variants: starts them, a server of ours in front, and looks at what comes back.

python3 tests/python/upstreams.py BINARY NAME=COMMAND... [moto=COMMAND]

NAME is kserve, mlserver, triton (v2), kserve_v1 (`:predict`), litserve or torch; COMMAND starts it on $PORT; those of
`tests/upstreams/` serve the lab's own models. A production variant runs on the first, its shadow on the second, and each
answers by its name. What they serve of the lab's own must be what the same model answers inside the server. At the end
the shadow is killed amid traffic, and nobody notices. `moto` starts moto's server as the SageMaker runtime of a variant;
BINARY must have been built with the feature `sagemaker` for that. `make upstreams` does all of it.
"""

import importlib.util
import json
import os
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = "stars_b"  # the lab's model that a server of tests/upstreams/ answers with; the first one's is stars_a
KINDS = {  # protocol, path that says it is ready, model
    "kserve": ("oip", "/v2/models/stars_b/ready", OURS),
    "kserve_v1": ("tfserving", "/v1/models/stars_b", OURS),
    "mlserver": ("oip", "/v2/models/stars_b/ready", OURS),
    "triton": ("oip", "/v2/models/stars_b/ready", OURS),
    "torch": ("oip", "/v2/models/stars/ready", "stars"),
    "litserve": ("http", "/ping", ""),
}
# float32 here, as in tests/golden/known_answers.json.
TOLERANCE = 1e-4
REQUESTS = 300
processes = []


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, **more):
    """In a group of its own: some servers leave children behind when only their parent is ended."""
    process = subprocess.Popen(command, start_new_session=True, shell=isinstance(command, str), **more)
    processes.append(process)
    return process


def get(url, data=None, headers={}):
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, dict(e.headers), e.read().decode()


def ready(url, process, seconds=180):
    end = time.time() + seconds
    while time.time() < end:
        if process.poll() is not None:
            sys.exit(f"{process.args} ended with {process.returncode} before {url} answered")
        try:
            if get(url)[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    sys.exit(f"{url} did not answer 200 within {seconds} s")


def known_texts():
    """Texts that tokenise, as the known answers have them."""
    spec = importlib.util.spec_from_file_location("known_texts", ROOT / "training" / "known_texts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [text for _, text in module.KNOWN_TEXTS if any(c.isascii() and c.isalnum() for c in text)]


def main():
    binary, *given = sys.argv[1:]
    config, upstreams = "[durations]\ncreate_s = 0.0\n", []
    commands = dict(one.split("=", 1) for one in given)
    moto = commands.pop("moto", None)
    for name, command in commands.items():
        protocol, path, model = KINDS[name]
        if model == OURS and not upstreams:
            model = "stars_a"
        at = port()
        began = time.time()
        process = start(command, env={**os.environ, "PORT": str(at)}, stdout=sys.stderr)
        ready(f"http://127.0.0.1:{at}{path}", process)
        print(f"{name} is ready after {time.time() - began:.1f} s")
        declared = name.replace("_", "-")
        config += f'[upstream.{declared}]\nprotocol = "{protocol}"\nurl = "http://127.0.0.1:{at}"\n'
        config += f'model = "{model}"\n' if model else ""
        upstreams.append((declared, model, process))
    environment = dict(os.environ)
    if moto:
        at = port()
        process = start([*shlex.split(moto), "-H", "127.0.0.1", "-p", str(at)], stderr=subprocess.DEVNULL)
        ready(f"http://127.0.0.1:{at}/moto-api/", process)
        # One for each request that is new to it, the first to warm up; after those it would answer `body`.
        queue = {"account_id": "123456789012", "region": "us-east-1", "results": [
            {"Body": json.dumps({"predictions": [{"label": 1 + i % 5}]}), "ContentType": "application/json", "InvokedProductionVariant": "Real", "CustomAttributes": ""}
            for i in range(1 + len(known_texts()))
        ]}
        status, _, said = get(f"http://127.0.0.1:{at}/moto-api/static/sagemaker/endpoint-results", json.dumps(queue).encode(), {"content-type": "application/json"})
        assert status == 201, (status, said)
        config += f'[upstream.real]\nprotocol = "sagemaker"\nurl = "http://127.0.0.1:{at}"\nmodel = "reviews"\nregion = "us-east-1"\ntarget_variant = "Real"\n'
        environment.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
        upstreams.append(("real", "", process))
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(config)
        file.flush()
        server = start([binary, "serve", "--listen", "127.0.0.1:0", "--log", "error", "--config", file.name], stdout=subprocess.PIPE, text=True, env=environment)
        url = server.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), url
        walk(url, upstreams)


class Lab:
    """The server, by its calls."""

    def __init__(self, url):
        self.url = url

    def call(self, operation, **members):
        status, _, said = get(self.url, json.dumps(members).encode(), {"x-amz-target": f"SageMaker.{operation}"})
        assert status == 200, (operation, status, said)
        return json.loads(said)

    def deploy(self, endpoint, production, shadows=()):
        """An endpoint of variants that are named like their models."""
        of = lambda n: {"VariantName": n, "ModelName": n, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": 1}
        config = {"EndpointConfigName": endpoint, "ProductionVariants": [of(n) for n in production]}
        if shadows:
            config["ShadowProductionVariants"] = [of(n) for n in shadows]
        self.call("CreateEndpointConfig", **config)
        self.call("CreateEndpoint", EndpointName=endpoint, EndpointConfigName=endpoint)
        while self.call("DescribeEndpoint", EndpointName=endpoint)["EndpointStatus"] != "InService":
            time.sleep(0.05)

    def invoke(self, endpoint, texts, variant=None):
        """Predictions, the variant that gave them, and how long its model took, ms."""
        headers = {"content-type": "application/json"}
        if variant:
            headers["x-amzn-sagemaker-target-variant"] = variant
        body = json.dumps({"instances": texts}).encode()
        status, headers, said = get(f"{self.url}endpoints/{endpoint}/invocations", body, headers)
        assert status == 200, (endpoint, variant, status, said)
        model_ms = float(headers["x-rollout-lab-model-latency-us"]) / 1e3
        return json.loads(said)["predictions"], headers["x-amzn-invoked-production-variant"], model_ms

    def copies(self, shadow):
        """Copies of the endpoint `pair` by how they ended, and those that are not at their end."""
        page = get(f"{self.url}metrics")[2].splitlines()
        value = lambda line: float(line.rsplit(" ", 1)[1])
        of = f'endpoint="pair",variant="{shadow}"'
        ended = {l.split('status="')[1].split('"')[0]: value(l) for l in page if l.startswith(f"rollout_invocations_total{{{of}")}
        waiting = sum(value(l) for l in page if l.startswith((f"rollout_shadow_queued{{{of}", f"rollout_shadow_in_flight{{{of}")))
        return ended, waiting

    def copies_at_their_end(self, shadow):
        for _ in range(1_200):
            ended, waiting = self.copies(shadow)
            if waiting == 0:
                return ended
            time.sleep(0.05)
        raise AssertionError(f"copies for {shadow} are still under way: {ended}")


def walk(url, upstreams):
    lab, texts = Lab(url), known_texts()
    names = [name for name, _, _ in upstreams]
    for name in names:
        lab.call("CreateModel", ModelName=name, PrimaryContainer={"Image": f"upstream/{name}"})
    for model in ("stars-a", "stars-b"):
        lab.call("CreateModel", ModelName=model, PrimaryContainer={"Image": "lab/inference:1", "ModelDataUrl": f"s3://rollout-lab/{model}/output/model.tar.gz"})
    lab.deploy("all", [*names, "stars-a", "stars-b"])
    for name, model, _ in upstreams:
        lab.invoke("all", ["warm up"], name)
        took, worst = [], 0.0
        for text in texts:
            (first, *_), variant, model_ms = lab.invoke("all", [text], name)
            took.append(model_ms)
            assert variant == name, (variant, name)
            stars = first.get("predicted_label", first.get("label"))
            assert stars in (1, 2, 3, 4, 5), (name, text, first)
            if model.startswith("stars_"):
                (own, *_), _, _ = lab.invoke("all", [text], model.replace("_", "-"))
                assert stars == own["predicted_label"], (name, text, first, own)
                worst = max([worst, *(abs(a - b) for a, b in zip(first["probabilities"], own["probabilities"], strict=True))])
        assert worst <= TOLERANCE, (name, worst)
        same = f", the same as {model} inside the server (probabilities within {worst:.0e})" if model.startswith("stars_") else ""
        print(f"{name}: {len(texts)} texts answered{same}; model latency {statistics.median(took):.1f} ms (median)")
    if len(names) > 1:
        pair(lab, texts, *upstreams[:2])


def pair(lab, texts, production, shadow):
    """The first in production, copies to the second, which is killed in the end."""
    (first, _, _), (second, _, process) = production, shadow
    lab.deploy("pair", [first], [second])

    def ask(count):
        took = []
        for i in range(count):
            _, variant, model_ms = lab.invoke("pair", [texts[i % len(texts)]])
            assert variant == first, variant
            took.append(model_ms)
        took.sort()
        return f"{statistics.median(took):.1f} / {took[len(took) * 99 // 100]:.1f} ms"

    healthy = ask(REQUESTS)
    ended = lab.copies_at_their_end(second)
    assert ended["answered"] == REQUESTS, ended
    print(f"{first} in production, {second} as its shadow: {REQUESTS} answers, {ended['answered']:.0f} copies answered; p50 / p99 {healthy}")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    dead = ask(REQUESTS)
    ended = lab.copies_at_their_end(second)
    assert ended["answered"] == REQUESTS and sum(ended.values()) == 2 * REQUESTS, ended
    print(f"{second} killed: {REQUESTS} more answers and none failed, its copies did; p50 / p99 {dead}")


if __name__ == "__main__":
    # Being ended is no reason to leave servers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    try:
        main()
    finally:
        for process in processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
