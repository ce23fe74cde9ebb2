"""The other side of `Imago.Benchmarks train`: the same networks and steps in PyTorch.

usage: train_step.py NETWORK BATCH THREADS PRECISION OPTIMIZER
Then one number of steps per line on the input; answers with the seconds of one step.
"""
import sys

import torch
from torch import nn
from torch.nn import functional as F

from worker import answer


class Mlp(nn.Module):
    """Burda et al. 2016: 784-200-200-50 and back."""

    shape = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh())
        self.mu, self.logvar = nn.Linear(200, 50), nn.Linear(200, 50)
        self.decoder = nn.Sequential(nn.Linear(50, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, 784))

    def encode(self, x):
        h = self.encoder(x.flatten(1))
        return self.mu(h), self.logvar(h)

    def decode(self, z):
        return self.decoder(z).view(-1, *self.shape)


class Conv(nn.Module):
    """Burgess et al. 2018 at 64x64 in colour: four 4x4 convolutions of stride 2, two linear layers, and back."""

    shape = (3, 64, 64)

    def __init__(self):
        super().__init__()
        down, up = [], []
        for i, o in ((3, 32), (32, 32), (32, 32), (32, 32)):
            down += [nn.Conv2d(i, o, 4, 2, 1), nn.ReLU()]
        for i, o in ((32, 32), (32, 32), (32, 32), (32, 3)):
            up += [nn.ConvTranspose2d(i, o, 4, 2, 1), nn.ReLU()]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 64))
        self.decoder = nn.Sequential(
            nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Unflatten(1, (32, 4, 4)), *up[:-1])

    def encode(self, x):
        moments = self.encoder(x)
        return moments[:, 0::2], moments[:, 1::2]

    def decode(self, z):
        return self.decoder(z)


class Kl(nn.Module):
    """A small AutoencoderKL at 64x64 in colour."""

    shape = (3, 64, 64)

    def __init__(self):
        super().__init__()
        from diffusers import AutoencoderKL

        self.vae = AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3, block_out_channels=[32, 64, 64],
            layers_per_block=1, latent_channels=4, norm_num_groups=8, sample_size=64)

    def encode(self, x):
        posterior = self.vae.encode(x).latent_dist
        return posterior.mean, posterior.logvar

    def decode(self, z):
        return self.vae.decode(z).sample


def main():
    network, batch, threads, precision, optimizer = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = {"mlp": Mlp, "conv": Conv, "kl": Kl}[network]()
    x = torch.rand(batch, *model.shape)
    adam = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=optimizer == "fused")

    def step():
        adam.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            mu, logvar = model.encode(x)
            z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
            out = model.decode(z)
        mu, logvar, out = mu.float(), logvar.float(), out.float()
        reconstruction = 0.5 * F.mse_loss(out, x, reduction="sum") if network == "kl" else F.binary_cross_entropy_with_logits(out, x, reduction="sum")
        kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum()
        ((reconstruction + kl) / batch).backward()
        adam.step()

    answer(step)


main()
