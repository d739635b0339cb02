"""Run what is missing of a small study, without prices and report: ``ray_run.py FOLDER EPOCHS ON``."""

import sys
from pathlib import Path

from senet.cli.compare.job import make_runner
from senet.data import DataConfig, resolved
from senet.distributed.process_group import SingleProcess
from senet.errors import SenetError
from senet.study.build_variants import variants_from_specs
from senet.study.plan import Plan
from senet.study.results_csv import write_results
from senet.study.trials.result_files import read_result
from senet.training import Recipe, open_feed
from senet.utils.environment import environment

DATA = resolved(DataConfig("digits", train_fraction=0.05))
VARIANTS = ("none", "SE(reduction=4)")


def trials(epochs):
    recipe = Recipe(epochs=epochs, batch_size=16, precision="float32", threads=1)
    return Plan("resnet8", variants_from_specs(VARIANTS), 2, DATA, recipe).trials(
        open_feed(DATA, recipe).fingerprint(), environment()
    )


class Printed:
    def finished(self, trial, result):
        print("finished", trial.variant, trial.seed, flush=True)

    def failed(self, trial, failure):
        print("failed", trial.variant, trial.seed, failure.reason, flush=True)

    def notice(self, message):
        print("note:", message, flush=True)

    def running(self, paces):
        pass


def run(folder, epochs, on):
    planned = trials(epochs)
    missing = [trial for trial in planned if read_result(folder, trial) is None]
    make_runner(on, 1, SingleProcess()).run(missing, folder, Printed())
    found = [(trial, result) for trial in planned if (result := read_result(folder, trial))]
    write_results(folder, [trial for trial, _ in found], [result for _, result in found])


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    except SenetError as error:
        print(f"error: {error}")
        sys.exit(error.exit_code)
