"""The Python side of the talk with the benchmark program: a line 'go' asks for a round, a line '@ name value ...' answers, with tabs between, with tabs between."""

import argparse
import sys
import time


def require(*modules):
    """Imports modules by name; where one is missing the process ends with the code that says so."""
    import importlib

    try:
        found = [importlib.import_module(name) for name in modules]
    except ImportError as problem:
        print(problem, file=sys.stderr)
        sys.exit(3)
    return found[0] if len(found) == 1 else found


def seconds(work):
    """How long work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def seconds_over(least, piece):
    """How long a piece takes that is played over and over for so many seconds, or once where once takes longer."""
    start, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - start < least:
        piece()
        count += 1
    return (time.perf_counter() - start) / count


def _status(name):
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(name + ":"):
                return 1024.0 * float(line.split()[1])
    return float("nan")


def resident():
    """Resident memory, bytes."""
    return _status("VmRSS")


def peak():
    """The most that was resident since the start or since forget_peak, bytes."""
    return _status("VmHWM")


def forget_peak():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def serve(set_up):
    """set_up(quick, threads, arguments) answers a function that plays a round and answers a dictionary of numbers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("arguments", nargs="*")
    given = parser.parse_args()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(given.threads)
    play = set_up(given.quick, given.threads, given.arguments)
    print("@ ready", flush=True)
    for _ in sys.stdin:
        answer = "\t".join(f"{name}\t{value!r}" for name, value in play().items())
        # OpenBLAS' threads go on looking for work for some 25 ms, on a core that the next contestant wants.
        time.sleep(0.05)
        print("@", answer, flush=True)
