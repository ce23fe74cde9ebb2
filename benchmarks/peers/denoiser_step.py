"""The other side of `Imago.Benchmarks denoisers`: the same network and step with diffusers and PyTorch.

usage: denoiser_step.py CONFIG_JSON SIDE BATCH THREADS PRECISION OPTIMIZER
Then one number of steps per line on the input; answers with the seconds of one step.
"""
import json
import math
import sys

import diffusers
import torch

from worker import answer


def main():
    config, side, batch, threads = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    precision, optimizer = sys.argv[5], sys.argv[6]
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = getattr(diffusers, config["_class_name"])(**{key: value for key, value in config.items() if not key.startswith("_")})
    x0 = torch.rand(batch, config["in_channels"], side, side)
    if "cross_attention_dim" in config:
        condition = {"encoder_hidden_states": torch.randn(batch, 16, config["cross_attention_dim"])}
    else:
        condition = {"class_labels": torch.randint(0, 10, (batch,))}
    adam = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=optimizer == "fused")

    def step():
        epsilon, t = torch.randn_like(x0), torch.rand(batch)
        alpha = (0.5 * math.pi * t).cos().view(-1, 1, 1, 1)
        sigma = (0.5 * math.pi * t).sin().view(-1, 1, 1, 1)
        adam.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            output = model(alpha * x0 + sigma * epsilon, 1000 * t, **condition).sample
        (output.float() - epsilon).square().mean().backward()
        adam.step()

    answer(step)


main()
