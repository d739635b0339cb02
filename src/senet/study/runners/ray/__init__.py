"""A Ray cluster as a runner: :class:`senet.study.runners.ray.backend.RayRunner`."""
