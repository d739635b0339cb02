"""Runs trials without a process of their own, for tests that ask what becomes of them: a process takes seconds."""

from senet.study.runners.attempt import attempt_here, tell


class Here:
    def run(self, trials, folder, watcher):
        for trial in trials:
            tell(trial, attempt_here(trial, folder), watcher)
