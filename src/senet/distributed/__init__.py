"""Several processes, one a device, that train one model: torch's DDP through Accelerate."""
