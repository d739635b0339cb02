"""The equations of the blocks in torch's plain operators, from the parameters of a block, for the random shapes."""

import torch
import torch.nn.functional as F


def over(rows, x):
    """Rows (B, C) over a map (B, C, *S)."""
    return rows.reshape(*rows.shape, *[1] * (x.ndim - 2))


def mlp(block, z):
    return block.fc2(F.relu(block.fc1(z)))


def se(block, x):
    return over(torch.sigmoid(mlp(block, x.flatten(2).mean(2))), x)


def se_max(block, x):
    return over(torch.sigmoid(mlp(block, x.flatten(2).amax(2))), x)


def no_squeeze(block, x):
    return torch.sigmoid(mlp(block, x.movedim(1, -1))).movedim(-1, 1)


def eca(block, x):
    taps, y = block.conv.weight.flatten(), x.flatten(2).mean(2)
    seen = F.pad(y, (len(taps) // 2, len(taps) // 2)).unfold(1, len(taps), 1)
    return over(torch.sigmoid(seen @ taps), x)


def channel(gate, x):
    flat = x.flatten(2)
    return over(torch.sigmoid(mlp(gate, flat.mean(2)) + mlp(gate, flat.amax(2))), x)


def spatial(gate, x):
    pooled = torch.stack([x.amax(1), x.mean(1)], 1)
    bn, y = gate.bn, F.conv2d(pooled, gate.conv.weight, padding=gate.conv.padding)
    return torch.sigmoid((y - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias)


def cbam(block, x):
    c = channel(block.channel, x)
    return c * spatial(block.spatial, c * x)


def cbam_spatial_first(block, x):
    s = spatial(block.spatial, x)
    return s * channel(block.channel, s * x)


def cbam_parallel(block, x):
    return channel(block.channel, x) * spatial(block.spatial, x)


def branches(block, x):
    return torch.stack([F.relu(branch.bn(branch.conv(x))) for branch in block.branches], 1)


def summed(block, x):
    return branches(block, x).sum(1)


def sk(block, x):
    u = branches(block, x)
    z = F.relu(block.bn1(block.fc1(u.sum(1).mean((2, 3)))))
    a = block.fc2(z).unflatten(1, u.shape[1:3]).softmax(1).to(u.dtype)
    return (u * a[..., None, None]).sum(1)


def gc(block, x):
    pool, transform = block.context.pool, block.context.transform
    flat = x.flatten(2)
    alpha = (flat.transpose(1, 2) @ pool.mask.weight[0] + pool.mask.bias).softmax(1)
    g = torch.einsum("bcn,bn->bc", flat, alpha)
    return over(transform.last(F.relu(transform.norm(transform.fc1(g)))), x)
