"""What training is compared with: batches, input and steps as plain code over whole tensors."""

from collections import OrderedDict

import torch
import torch.nn.functional as F

from senet.data import generator
from senet.data.loader.memory_feed import crop_and_flip, draw_crops_and_flips
from senet.data.sampling.batch_order import batch_indices
from senet.training.step.lr_schedule import learning_rate


def normalised(images, mean, std):
    """(B, C, H, W) uint8 -> float32 with mean 0 and deviation 1 per channel."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return images.float().div_(255).sub_(mean).div_(std)


def training_batches(split, augmentation, batch_size, seed, epoch):
    """Yield the batches of one epoch, images (B, C, H, W) uint8 and labels (B,)."""
    order = torch.randperm(len(split), generator=generator(seed, "order", epoch))
    offsets, flips = draw_crops_and_flips(len(split), augmentation, generator(seed, "augmentation", epoch))
    for index in batch_indices(order, batch_size):
        images = crop_and_flip(split.images[index], offsets[index], flips[index], augmentation.padding)
        yield images, split.labels[index]


def trained(model, data, recipe, seed, decayed, rates=None, waiting=frozenset()):
    """Train by SGD with Nesterov's momentum, written out.

    By name: what weight decay reaches, what the learning rate is multiplied with, what the frozen epochs leave alone.
    """
    velocity = OrderedDict((name, torch.zeros_like(p)) for name, p in model.named_parameters())
    model.train()
    for epoch in range(1, recipe.epochs + 1):
        batches = list(training_batches(data.train, data.augmentation, recipe.batch_size, seed, epoch))
        for step, (images, labels) in enumerate(batches):
            lr = learning_rate(recipe, epoch - 1 + step / len(batches))
            torch.manual_seed(generator(seed, "model", epoch, step + 1).initial_seed())
            loss = F.cross_entropy(model(normalised(images, data.mean, data.std)), labels)
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for (name, p), gradient in zip(model.named_parameters(), gradients, strict=True):
                    if name in waiting and epoch <= recipe.freeze_trunk:
                        continue
                    gradient = gradient + recipe.weight_decay * p * (name in decayed)
                    velocity[name] = recipe.momentum * velocity[name] + gradient
                    p -= lr * (rates or {}).get(name, 1.0) * (gradient + recipe.momentum * velocity[name])
    return model.eval()
