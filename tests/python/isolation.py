"""Production latency beside a shadow that is healthy, dead, hanging, failing (503, or 500 and a closed connection),
garbled or endless.

python3 tests/python/isolation.py BINARY [--rounds 40] [--seconds 1] [--rate 1000]

A server of ours for each kind of shadow, which gets half of the requests; `rollout-lab generate` sends to one after the
other, open loop at an even rate, in another order each round. What is compared is the median of the rounds' p99 beside
that with a healthy shadow, with a 95% interval by bootstrap over rounds: a budget is broken where the whole interval is
beyond it. A second healthy one shows what the machine itself makes of it. It is p99 from sending to the
end of the answer: from the schedule it would hold the sender's own timer, which is the same for all and would flatter the
ratio. Needs nginx (Debian: nginx-light). Where it may, everything runs at real-time priority: a neighbour's time slice
is ten milliseconds. Prints a table, and `BENCH` lines for `.ci/table.py`.
"""

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request

import routers

MOODS = ["healthy", "healthy too", "dead", "hanging", "failing", "closing", "garbled", "endless"]


def misbehave():
    """Ports of servers that hang, answer no HTTP, and answer 100 MB without saying so before."""
    ports, ready = {}, threading.Event()

    async def asked(reader):
        await reader.readuntil(b"\r\n\r\n")

    async def hanging(reader, writer):
        await reader.read()
        writer.close()

    async def garbled(reader, writer):
        await asked(reader)
        writer.write(b"\xff" * 1_000)
        writer.close()

    async def endless(reader, writer):
        try:
            await asked(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(100):
                writer.write(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def serve():
        for name, how in (("hanging", hanging), ("garbled", garbled), ("endless", endless)):
            server = await asyncio.start_server(how, "127.0.0.1", 0)
            ports[name] = server.sockets[0].getsockname()[1]
        ready.set()
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    ready.wait()
    return ports


def metrics(url):
    with urllib.request.urlopen(f"{url}metrics") as answer:
        return answer.read().decode()


def value(page, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if re.match(rf"{name}[ {{]", line))


def interval(ours, theirs):
    """95% interval of the ratio of two medians, by bootstrap."""
    draw = random.Random(1)
    median = lambda rounds: statistics.median(draw.choices(rounds, k=len(rounds)))
    ratios = sorted(median(ours) / median(theirs) for _ in range(2_000))
    return ratios[50], ratios[1_949]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--seconds", type=float, default=1)
    arguments.add_argument("--rate", type=float, default=1000)
    given = arguments.parse_args()
    if not shutil.which("nginx"):
        sys.exit("nginx is needed for upstreams that answer fast and evenly (Debian: nginx-light)")
    # Shadows' model servers give way to the others: in earnest they are machines of their own.
    routers.favour("chrt", "-f", "5")
    with_shadows = list(routers.favoured)
    routers.favoured.clear()
    routers.favour("chrt", "-f", "10")
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory() as folder:
        good = routers.upstream(folder)[0]
        ports = {mood: routers.port() for mood in ("healthy", "dead", "failing", "closing")} | misbehave()
        ports["healthy too"] = ports["healthy"]
        answers = {"healthy": f"200 '{routers.ANSWER}'", "failing": "503", "closing": "500"}
        shadows = "".join(f"server {{ listen 127.0.0.1:{ports[m]}; location / {{ return {a}; }} }}" for m, a in answers.items())
        ours, routers.favoured = routers.favoured, with_shadows
        routers.nginx(folder, "shadows", 0, shadows)
        routers.favoured = ours
        routers.until_open(ports["closing"])
        servers = {}
        for mood in MOODS:
            os.makedirs(os.path.join(folder, f"behind-{mood}"))
            _, url = routers.run_ours(given.binary, os.path.join(folder, f"behind-{mood}"), [good, good, ports[mood]], True, in_flight=64)
            servers[mood] = url.removesuffix("endpoints/ep/invocations")

        def measure(mood, seconds):
            said = routers.run(
                0, [given.binary, "generate", "--target", servers[mood], "--endpoint", "ep", "--rate", str(given.rate), "--seconds", str(seconds), "--arrivals", "constant"]
            )
            return json.loads(said)

        begun = {}
        for mood in MOODS:
            measure(mood, 1)
            begun[mood] = value(metrics(servers[mood]), "process_resident_memory_bytes")
        rows = {mood: [] for mood in MOODS}
        for _ in range(given.rounds):
            for mood in random.sample(MOODS, len(MOODS)):
                rows[mood].append(measure(mood, given.seconds))
        print("| shadow | requests | failed | p50 ms | p99 ms (least-most) | p99 ÷ healthy's (95%) | copies | dropped | most in flight | memory grew by MB |\n|---|---|---|---|---|---|---|---|---|---|")
        healthy = [r["from_sending"]["p99_ms"] for r in rows["healthy"]]
        bench = lambda name, value, unit, **more: print(
            "BENCH " + json.dumps({"group": "server, isolation from a shadow", "name": name, "value": value, "unit": unit, "better": "lower", **more}), flush=True
        )
        for mood in MOODS:
            page = metrics(servers[mood])
            p99 = [r["from_sending"]["p99_ms"] for r in rows[mood]]
            p50 = statistics.median(r["from_sending"]["p50_ms"] for r in rows[mood])
            ratio = statistics.median(p99) / statistics.median(healthy)
            low, high = interval(p99, healthy)
            due, failed = (sum(r["due"] for r in rows[mood]), sum(sum(r["failed"].values()) for r in rows[mood]))
            copies, dropped, most = (value(page, f"rollout_{n}") for n in ('invocations_total{[^}]*role="shadow"[^}]*}', "shadow_dropped_total", "shadow_in_flight_max"))
            grown = (value(page, "process_resident_memory_bytes") - begun[mood]) / 1e6
            print(
                f"| {mood} | {due:,} | {failed} | {p50:.2f} | {statistics.median(p99):.2f} ({min(p99):.2f}-{max(p99):.2f}) | {ratio:.3f} ({low:.2f}-{high:.2f}) | {copies:,.0f} | {dropped:,.0f} | {most:.0f} | {grown:.0f} |"
            )
            bench(f"requests failed of {due:,}, shadow {mood}", failed, "", budget=0)
            if mood != "healthy":
                bench(f"p99 ÷ that beside a healthy shadow, shadow {mood}", ratio, "")
                goal = {} if mood == "healthy too" else {"budget": 1.05}
                bench(f"  the least that the rounds leave open, shadow {mood}", low, "", **goal)
            bench(f"memory grown, shadow {mood}", max(grown, 0), "MB")


if __name__ == "__main__":
    routers.ending(main)
