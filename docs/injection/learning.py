"""Fit and draw the memory encoder's learning curve: `python docs/injection/learning.py`.

Errors (1 - share) of each split are fitted by error = a · steps^b, over the steps in which the task
of training stayed the same. Prints the table of `docs/injection.md`, draws `learning.png`.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
# Before, data and locality changed; after, prompts about anything were told the fact too.
FITTED = (490, 1470)
ASKED = (3200, 6400)
NAMES = {
    "values": "unseen values",
    "phrasing": "unseen phrasing",
    "relations": "unseen relations",
    "together_4": "4 together",
    "together_16": "16 together",
}


def main() -> None:
    with (HERE / "learning.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    for name, label in NAMES.items():
        steps, errors = np.array([(int(r["step"]), 1 - float(r[name])) for r in rows if r[name]]).T
        within = (steps >= FITTED[0]) & (steps <= FITTED[1])
        (exponent, level), covariance = np.polyfit(
            np.log(steps[within]), np.log(errors[within]), 1, cov=True
        )
        line = [np.exp(level) * n**exponent for n in ASKED]
        last = [errors[-1] * (n / steps[-1]) ** exponent for n in ASKED]
        print(
            f"| {label} | {exponent:.2f} ± {covariance[0, 0] ** 0.5:.2f} |",
            " | ".join(f"{1 - a:.2f} to {1 - b:.2f}" for a, b in zip(line, last, strict=True)),
            "|",
        )
        (drawn,) = axes.plot(steps, errors, "o", ms=4, label=label)
        at = np.array([FITTED[0], ASKED[-1]])
        axes.plot(at, np.exp(level) * at**exponent, "--", lw=1, color=drawn.get_color())
    axes.axvspan(*FITTED, color="grey", alpha=0.1, lw=0)
    axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="error: 1 - share of exact replies")
    ticks = [100, 250, 490, 1040, 1610, *ASKED]
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
    levels = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    axes.set_yticks(levels, [f"{n:g}" for n in levels])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    figure.savefig(HERE / "learning.png", dpi=130)


if __name__ == "__main__":
    main()
