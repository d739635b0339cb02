"""Runs trials without a process of their own, for tests that ask what becomes of them: a process takes seconds."""

from senet.study.runners.attempt import attempt_in_process, notify


class Here:
    def run(self, trials, folder, watcher):
        for trial in trials:
            notify(trial, attempt_in_process(trial, folder), watcher)
