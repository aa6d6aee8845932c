#!/usr/bin/env python3
"""Makes one table of what the benches said: lines `BENCH {json}` (tests/browser/report.mjs says what is in them).

Criterion's own lines ("name  time: [low middle high]") are understood as well. Reads standard input, passes every
other line on as it comes, and prints the table at the end. Exits with 1 when a budget is broken.
"""

import json
import re
import sys

CRITERION = re.compile(r"^(?P<name>\S.*?)?\s+time:\s+\[\S+ \S+ (?P<value>[\d.]+) (?P<unit>\S+) \S+ \S+\]")


def number(value):
    """Three significant digits, thousands apart, no exponent for everyday sizes."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 0.001:
        return f"{value:.3g}"
    return f"{value:.1e}"


def main():
    measures, last = [], ""
    for line in sys.stdin:
        line = line.rstrip("\n")
        match = CRITERION.match(line)
        if line.startswith("BENCH "):
            measures.append(json.loads(line[6:]))
            continue
        if match:
            name = match["name"] or last
            group, _, name = name.rpartition("/")
            measures.append(
                {"group": group or "native", "name": name, "value": float(match["value"]), "unit": match["unit"],
                 "better": "lower"}
            )
            continue
        if line.strip():
            last = line.strip()
        print(line, flush=True)

    rows, broken = [], 0
    for m in measures:
        cells = [m["name"], f"{number(m['value'])} {m['unit']}".strip(), "", "", ""]
        rival, budget = m.get("rival"), m.get("budget")
        if rival:
            ratio = m["value"] / rival["value"] if m["better"] == "higher" else rival["value"] / m["value"]
            cells[2] = f"{rival['name']} {number(rival['value'])} {m['unit']}".strip()
            cells[3] = f"{ratio:.2f}x"
        if budget is not None:
            kept = m["value"] >= budget if m["better"] == "higher" else m["value"] <= budget
            broken += not kept
            sign = "at least" if m["better"] == "higher" else "at most"
            cells[4] = f"{sign} {number(budget)}: {'kept' if kept else 'BROKEN'}"
        rows.append((m["group"], cells))
    order = {}
    for name, _ in rows:
        order.setdefault(name, len(order))
    rows.sort(key=lambda row: order[row[0]])

    heads = ["measure", "Rollout Lab", "beside it", "ratio", "budget"]
    widths = [max([len(head)] + [len(cells[i]) + (2 if i == 0 else 0) for _, cells in rows]) for i, head in enumerate(heads)]

    def row(cells):
        aligned = [c.rjust(w) if i in (1, 3) else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths))]
        return "  ".join(aligned).rstrip()

    print("\n" + row(heads))
    print("  ".join("-" * width for width in widths))
    group = None
    for name, cells in rows:
        if name != group:
            print(name)
            group = name
        print(row(["  " + cells[0], *cells[1:]]))
    print("\nA ratio above 1 means that Rollout Lab is better than what stands beside it.")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
