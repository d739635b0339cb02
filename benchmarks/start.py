"""How long `import senet` and `senet --help` take: milliseconds, medians of interleaved fresh processes.

python benchmarks/start.py [ROUNDS]
"""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "import torch": [sys.executable, "-c", "import torch"],
    "import senet": [sys.executable, "-c", "import senet"],
    "import senet, all names": [
        sys.executable,
        "-c",
        "import senet; [getattr(senet, n) for n in senet.__all__]",
    ],
    "senet --help": [sys.executable, "-m", "senet", "--help"],
    "senet compare --help": [sys.executable, "-m", "senet", "compare", "--help"],
}


def milliseconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds + 1):
        for name, command in COMMANDS.items():
            times[name].append(milliseconds(command))
    print("| command | median ms | least | most |\n|---|---|---|---|")
    for name, series in times.items():
        counted = series[1:]  # the first round fills the file cache
        print(f"| `{name}` | {statistics.median(counted):.0f} | {min(counted):.0f} | {max(counted):.0f} |")


if __name__ == "__main__":
    main()
