"""Real model servers behind variants: starts them, a server of ours in front, and looks at what comes back.

python3 tests/python/upstreams.py BINARY NAME=COMMAND... [moto]

NAME is kserve, mlserver, triton (v2), kserve_v1 (`:predict`), litserve or torch; COMMAND starts it on $PORT. A production
variant runs on the first, its shadow on the second, and each answers once by its name. `moto` starts moto's server as
the SageMaker runtime of a variant; BINARY must have been built with the feature `sagemaker` for that.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

KINDS = {  # protocol, path that says it is ready, model
    "kserve": ("oip", "/v2/models/bert_b/ready", "bert_b"),
    "kserve_v1": ("tfserving", "/v1/models/bert_b", "bert_b"),
    "mlserver": ("oip", "/v2/models/bert_b/ready", "bert_b"),
    "triton": ("oip", "/v2/models/bert_b/ready", "bert_b"),
    "torch": ("oip", "/v2/models/stars/ready", "stars"),
    "litserve": ("http", "/ping", ""),
}
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


def main():
    binary, *given = sys.argv[1:]
    config, names = "[durations]\ncreate_s = 0.0\n", []
    for one in (g for g in given if "=" in g):
        name, command = one.split("=", 1)
        protocol, path, model = KINDS[name]
        at = port()
        began = time.time()
        ready(f"http://127.0.0.1:{at}{path}", start(command, env={**os.environ, "PORT": str(at)}, stdout=sys.stderr))
        print(f"{name} is ready after {time.time() - began:.1f} s")
        declared = name.replace("_", "-")
        config += f'[upstream.{declared}]\nprotocol = "{protocol}"\nurl = "http://127.0.0.1:{at}"\n'
        config += f'model = "{model}"\n' if model else ""
        names.append(declared)
    environment = dict(os.environ)
    if "moto" in given:
        at = port()
        ready(f"http://127.0.0.1:{at}/moto-api/", start(["moto_server", "-H", "127.0.0.1", "-p", str(at)], stderr=subprocess.DEVNULL))
        queue = {"account_id": "123456789012", "region": "us-east-1", "results": [
            {"Body": '{"predictions": [{"label": 4}]}', "ContentType": "application/json", "InvokedProductionVariant": "Real", "CustomAttributes": ""}
        ]}
        status, _, said = get(f"http://127.0.0.1:{at}/moto-api/static/sagemaker/endpoint-results", json.dumps(queue).encode(), {"content-type": "application/json"})
        assert status == 201, (status, said)
        config += f'[upstream.real]\nprotocol = "sagemaker"\nurl = "http://127.0.0.1:{at}"\nmodel = "reviews"\nregion = "us-east-1"\ntarget_variant = "Real"\n'
        environment.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
        names.append("real")
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(config)
        file.flush()
        server = start([binary, "serve", "--listen", "127.0.0.1:0", "--log", "warn", "--config", file.name], stdout=subprocess.PIPE, text=True, env=environment)
        url = server.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), url
        walk(url, names)


def walk(url, names):
    def call(operation, **members):
        status, _, said = get(url, json.dumps(members).encode(), {"x-amz-target": f"SageMaker.{operation}"})
        assert status == 200, (operation, status, said)
        return json.loads(said)

    def invoke(texts, variant=None):
        headers = {"content-type": "application/json"}
        if variant:
            headers["x-amzn-sagemaker-target-variant"] = variant
        body = json.dumps({"instances": texts}).encode()
        return get(f"{url}endpoints/{endpoint}/invocations", body, headers)

    for name in names:
        call("CreateModel", ModelName=name, PrimaryContainer={"Image": f"upstream/{name}"})
    of = lambda n: {"VariantName": n, "ModelName": n, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": 1}
    call("CreateEndpointConfig", EndpointConfigName="all", ProductionVariants=[of(n) for n in names])
    plans = [("all", names)]
    if len(names) > 1:
        call("CreateEndpointConfig", EndpointConfigName="pair", ProductionVariants=[of(names[0])], ShadowProductionVariants=[of(names[1])])
        plans.append(("pair", names[:1]))
    for endpoint, _ in plans:
        call("CreateEndpoint", EndpointName=endpoint, EndpointConfigName=endpoint)
        while call("DescribeEndpoint", EndpointName=endpoint)["EndpointStatus"] != "InService":
            time.sleep(0.05)
    endpoint = "all"
    for name in names:
        began = time.time()
        status, headers, said = invoke(["love it, great and easy", "awful waste, it broke"], name)
        took = (time.time() - began) * 1e3
        assert status == 200 and headers["x-amzn-invoked-production-variant"] == name, (name, status, said)
        first = json.loads(said)["predictions"][0]
        stars = first.get("predicted_label", first.get("label"))
        assert stars in (1, 2, 3, 4, 5), (name, said)
        print(f"{name}: {stars} stars in {took:.1f} ms: {said[:100]}")
    if len(names) > 1:
        endpoint = "pair"
        for i in range(50):
            status, headers, said = invoke([f"love it, {i} times"])
            assert status == 200 and headers["x-amzn-invoked-production-variant"] == names[0], (status, said)
        # The copies are not waited for: they show in the shadow's own figures.
        line = f'rollout_invocations_total{{endpoint="pair",variant="{names[1]}"'
        for _ in range(600):
            page = get(f"{url}metrics")[2]
            counts = [float(l.rsplit(" ", 1)[1]) for l in page.splitlines() if l.startswith(line)]
            if sum(counts) == 50:
                break
            time.sleep(0.05)
        assert counts[0] == 50, counts
        print(f"{names[0]} in production, {names[1]} as its shadow: 50 answers, {counts[0]:.0f} copies answered")


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
