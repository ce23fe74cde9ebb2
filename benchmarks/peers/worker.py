"""The peers' half of `Imago.Benchmarks`: answers questions until the input ends."""
import sys
import time


def answer(step):
    """Reads one number of steps per line and writes the seconds of one. Three steps go before."""
    for _ in range(3):
        step()
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        print((time.perf_counter() - start) / steps, flush=True)
