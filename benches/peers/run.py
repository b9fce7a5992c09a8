#!/usr/bin/env python3
"""Runs the same programs on Moonlet, Erlang/OTP and Go, and prints a Markdown table.

Rounds are interleaved: each round runs a program on every peer before the next program, so that what
else the machine does is shared by all. A cell is the median of the rounds, with half of the range
between lowest and highest in per cent. Behind the peers stands how many times better Moonlet is:
above 1 it is ahead. A peer that is not installed is left out.

A program measures itself and prints what the script reads:

    took S          seconds
    late S S …      seconds, one for each sleep
    mark NAME       the resident memory is read now
    ready           the program has started, and waits to be killed
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Callable

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Far above what any program takes.
PATIENCE_S = 300
# A started program is at rest after that.
REST_S = 1


@dataclass
class Figure:
    """A row of the table. `of` computes it from what a program printed and from its arguments."""

    title: str
    unit: str
    more_is_better: bool
    of: Callable[[dict, list], float]


@dataclass
class Program:
    name: str
    args: list
    quick_args: list
    figures: list


@dataclass
class Row:
    title: str
    figure: Figure
    # By the name of the peer, one for each round.
    values: dict


def rate(title, unit, n):
    return Figure(title, f"{unit} a second", True, lambda got, args: n(args) / got["took"][0])


def seconds(title):
    return Figure(title, "s", False, lambda got, args: got["took"][0])


def late(title, part):
    """The lateness that so great a part of the sleeps does not exceed."""

    def of(got, args):
        ordered = sorted(got["late"])
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1e3

    return Figure(title, "ms", False, of)


def hogs(n):
    where = f"sleeper beside {n} hogs" if n else "sleeper alone"
    parts = [("p50", 0.5), ("p99", 0.99), ("max", 1.0)]
    return Program(
        "beside_hogs", [n, 2000], [n, 500], [late(f"{where}: {name} late", part) for name, part in parts]
    )


def programs(workers):
    return [
        Program("spawn", [100_000], [20_000],
                [rate("spawn, monitored, to the end", "processes", lambda a: a[0])]),
        Program("idle", [100_000], [20_000],
                [Figure("memory of an idle process", "bytes", False,
                        lambda got, a: (got["full"][0] - got["empty"][0]) / a[0])]),
        Program("ping_pong", [500_000], [50_000],
                [Figure("round trip of a pair", "µs", False, lambda got, a: got["took"][0] / a[0] * 1e6)]),
        Program("ring", [1000, 2_000_000], [1000, 200_000],
                [rate("ring of 1,000", "hops", lambda a: a[1])]),
        Program("fan_in", [4, 500_000], [4, 50_000],
                [rate("four senders, one receiver", "messages", lambda a: a[0] * a[1])]),
        Program("pairs", [1000, 2000], [1000, 200],
                [rate("1,000 pairs", "messages", lambda a: 2 * a[0] * a[1])]),
        Program("tree", [1_000_000], [100_000], [seconds("tree of {:,} leaves")]),
        Program("sleepers", [100_000], [20_000],
                [late("{:,} sleepers: p50 late", 0.5), late("{:,} sleepers: p99 late", 0.99)]),
        Program("timers", [1_000_000], [200_000],
                [rate("timers made and stopped", "timers", lambda a: a[0])]),
        hogs(0),
        hogs(workers),
        Program("nested", [100_000], [20_000],
                [rate("table of ten times ten entries, sent and read", "messages", lambda a: a[0])]),
        Program("start", [], [],
                [Figure("start to the first line", "ms", False, lambda got, a: got["ready"][0] * 1e3),
                 Figure("memory at rest", "MiB", False, lambda got, a: got["rest"][0] / 2**20)]),
        Program("fib", [32], [27], [seconds("fib({})")]),
    ]


@dataclass
class Peer:
    name: str
    version: str
    # The command for a program and its arguments.
    command: Callable[[str, list], list]
    # Programs that make no sense on it.
    without: tuple = ()


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def moonlet(binary, workers):
    if not os.access(binary, os.X_OK):
        sys.exit(f"no program `{binary}`: build it by `cargo build --release`, or name it by --moonlet")
    folder = HERE / "moonlet"

    def command(program, args):
        return [binary, "run", folder / f"{program}.lua", "--workers", workers, "--", "measure", *args]

    return Peer("Moonlet", output(binary, "--version"), command)


def erlang(build, workers):
    if not (shutil.which("erl") and shutil.which("erlc")):
        print("Erlang is left out: `erl` and `erlc` are not installed", file=sys.stderr)
        return None
    subprocess.run(["erlc", "-o", build, HERE / "erlang" / "peers.erl"], check=True)
    release = output("erl", "-noshell", "-eval",
                     "io:put_chars(erlang:system_info(otp_release)), halt().")

    def command(program, args):
        # The tree has more processes at a time than are allowed by default.
        limit = ["+P", "2000000"] if program == "tree" else []
        runtime = ["erl", "-noshell", "+S", f"{workers}:{workers}", *limit, "-pa", build]
        return [*runtime, "-run", "peers", "main", program, *args]

    return Peer("Erlang", f"Erlang/OTP {release}", command)


def go(build):
    if not shutil.which("go"):
        print("Go is left out: `go` is not installed", file=sys.stderr)
        return None
    binary = pathlib.Path(build) / "peers"
    subprocess.run(["go", "build", "-o", binary, HERE / "go" / "main.go"], check=True)
    return Peer("Go", output("go", "version").split()[2],
                lambda program, args: [binary, program, *args], without=("nested",))


def resident(pid):
    """Resident bytes of a process and its children."""
    with open(f"/proc/{pid}/status") as status:
        total = sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return total + sum(resident(int(child)) for child in children.read().split())


def run(command, workers):
    """What a program printed: numbers by the word in front of them."""
    got = {}
    environment = {**os.environ, "GOMAXPROCS": str(workers)}
    start = time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                             env=environment)
    deadline = threading.Timer(PATIENCE_S, child.kill)
    deadline.start()
    try:
        for line in child.stdout:
            word, *rest = line.split()
            if word == "ready":
                got["ready"] = [time.monotonic() - start]
                time.sleep(REST_S)
                got["rest"] = [resident(child.pid)]
                return got
            if word == "mark":
                got[rest[0]] = [resident(child.pid)]
            else:
                got[word] = [float(text) for text in rest]
        if child.wait() != 0:
            raise RuntimeError(f"exit code {child.returncode}")
        return got
    finally:
        deadline.cancel()
        child.kill()
        child.communicate()


def number(value):
    """Three digits that count, with commas between thousands."""
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def cell(values):
    if not values:
        return "–"
    median = statistics.median(values)
    spread = (max(values) - min(values)) / 2 / median * 100 if median else 0
    return f"{number(median)} ± {spread:.0f} %" if len(values) > 1 else number(median)


def ratio(figure, mine, theirs):
    if not mine or not theirs:
        return "–"
    a, b = statistics.median(mine), statistics.median(theirs)
    if not figure.more_is_better:
        a, b = b, a
    return number(a / b) if b > 0 else "–"


def measure(peers, programs_, n_rounds, options):
    """The rows of the table, and how many runs failed."""
    rows, n_failed = {}, 0
    for program in programs_:
        for figure in program.figures:
            title = figure.title.format(*program.args)
            rows[id(figure)] = Row(title, figure, {peer.name: [] for peer in peers})
    turns = [(n, program, peer) for n in range(n_rounds) for program in programs_ for peer in peers]
    for n, program, peer in turns:
        if program.name in peer.without:
            continue
        print(f"round {n + 1} of {n_rounds}: {program.name}, {peer.name}", file=sys.stderr)
        try:
            got = run(peer.command(program.name, program.args), options.workers)
            for figure in program.figures:
                rows[id(figure)].values[peer.name].append(figure.of(got, program.args))
        except Exception as error:  # the other runs are still worth while
            print(f"{program.name}, {peer.name}: {error!r}", file=sys.stderr)
            n_failed += 1
    return list(rows.values()), n_failed


def print_table(peers, rows):
    first, *others = peers
    heads = ["What", "Unit"] + [peer.name for peer in peers] + [f"to {peer.name}" for peer in others]
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for row in rows:
        cells = [row.title, row.figure.unit] + [cell(row.values[peer.name]) for peer in peers]
        cells += [ratio(row.figure, row.values[first.name], row.values[peer.name]) for peer in others]
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="3 by default, 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="a fifth to a tenth of the work")
    parser.add_argument("--only", metavar="PROGRAM,…", help="spawn, idle, ping_pong, …")
    parser.add_argument("--without", default="", metavar="PEER,…", help="erlang, go")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="of each peer")
    parser.add_argument("--moonlet", default=ROOT / "target/release/moonlet", metavar="BINARY")
    options = parser.parse_args()

    chosen = programs(options.workers)
    if options.only:
        chosen = [program for program in chosen if program.name in options.only.split(",")]
    if not chosen:
        parser.error(f"no program of `{options.only}`")
    if options.quick:
        for program in chosen:
            program.args = program.quick_args
    n_rounds = options.rounds or (1 if options.quick else 3)

    with tempfile.TemporaryDirectory() as build:
        unwanted = options.without.lower().split(",")
        peers = [
            moonlet(options.moonlet, options.workers),
            erlang(build, options.workers) if "erlang" not in unwanted else None,
            go(build) if "go" not in unwanted else None,
        ]
        peers = [peer for peer in peers if peer]
        rows, n_failed = measure(peers, chosen, n_rounds, options)

    versions = ", ".join(peer.version for peer in peers)
    print(f"{versions}; {options.workers} workers each, medians of {n_rounds}.\n")
    print_table(peers, rows)
    sys.exit(1 if n_failed else 0)


main()
