"""The other side of `Imago.Benchmarks stable-diffusion`: the same network at full size with diffusers, channels-last.

usage: stable_diffusion_step.py CONFIG_JSON SIDE TOKENS THREADS PRECISION
Then one question per line on the input: `run` is answered with the seconds of one step, `memory` with the most megabytes that the process has held, `flops` with the
floating-point operations of a step. With FIRST instead of a precision: one step in float32, then the end.
"""
import json
import sys
import time

import diffusers
import torch
from torch.utils.flop_counter import FlopCounterMode


def inputs(config, side, tokens, dtype, device):
    def draw(*shape):
        return torch.randn(*shape, dtype=dtype, device=device)

    if tokens == 0:
        return (draw(1, config["latent_channels"], side, side).contiguous(memory_format=torch.channels_last),), {}
    x, time_ = draw(2, config.get("in_channels", 4), side, side), torch.full((2,), 500.0, device=device)
    if config["_class_name"] == "SD3Transformer2DModel":
        return (x, draw(2, tokens, config["joint_attention_dim"]), draw(2, config["pooled_projection_dim"]), time_), {}
    x = x.contiguous(memory_format=torch.channels_last)
    added = {"text_embeds": draw(2, 1280), "time_ids": torch.full((2, 6), 1024.0, device=device)}
    return (x, time_, draw(2, tokens, config["cross_attention_dim"])), {"added_cond_kwargs": added}


def build(config, dtype):
    with torch.device("meta"):
        model = getattr(diffusers, config["_class_name"])(**{key: value for key, value in config.items() if not key.startswith("_")})
    return model.to(dtype).eval()


@torch.inference_mode()
def main():
    config, side, tokens, threads, precision = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    torch.set_num_threads(threads)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32

    def call(model, device="cpu"):
        given, named = inputs(config, side, tokens, dtype, device)
        run = model.decode if tokens == 0 else model
        return lambda: run(*given, **named)

    model = build(config, dtype).to_empty(device="cpu").to(memory_format=torch.channels_last)
    for tensor in [*model.parameters(), *model.buffers()]:
        tensor.uniform_(-0.02, 0.02)
    step = call(model)
    step()
    if precision == "FIRST":
        return
    for line in sys.stdin:
        question = line.strip()
        if question == "memory":
            with open("/proc/self/status") as status:
                print(next(int(row.split()[1]) / 1e3 for row in status if row.startswith("VmHWM")), flush=True)
        elif question == "flops":
            with FlopCounterMode(display=False) as counter:
                call(build(config, dtype), "meta")()
            print(counter.get_total_flops(), flush=True)
        else:
            start = time.perf_counter()
            step()
            print(time.perf_counter() - start, flush=True)


main()
