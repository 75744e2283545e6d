"""Make schedulefree.npz: what the authors' own package does with the gradients of torch.npz.

    python tests/oracles/make_schedulefree.py

needs torch and schedulefree and is run by hand, rarely, after make_torch.py. Kept are the points
where gradients are taken (train mode) and the averages (eval mode).
"""

import importlib.metadata
import json
import platform
from pathlib import Path

import numpy as np

try:
    import schedulefree
    import torch
except ImportError:
    raise SystemExit(
        "torch or schedulefree is not installed here. Only making the oracles anew needs them: "
        "pip install torch schedulefree. The tests need only the file that this script wrote."
    ) from None

HERE = Path(__file__).parent
SGD, AdamW = schedulefree.SGDScheduleFree, schedulefree.AdamWScheduleFree
CASES = {
    "sgd": (SGD, dict(lr=0.1)),
    "sgd beta": (SGD, dict(lr=0.5, momentum=0.6)),
    "adamw": (AdamW, dict()),
    "adamw warmup": (AdamW, dict(lr=0.01, warmup_steps=20)),
    "adamw decay": (AdamW, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
}


def main():
    torch.set_default_dtype(torch.float64)
    with np.load(HERE / "torch.npz") as file:
        gradients, x0, kept = file["gradients"], file["x0"], file["kept"]
    paths = {}
    for name, (optimizer, arguments) in CASES.items():
        x = torch.tensor(x0, requires_grad=True)
        opt = optimizer([x], foreach=False, **arguments)
        opt.train()
        path = []
        for g in gradients:
            x.grad = torch.tensor(g)
            opt.step()
            point = x.detach().numpy().copy()
            opt.eval()
            path.append([point, x.detach().numpy().copy()])
            opt.train()
        paths[name] = np.array(path)[kept - 1]
    made_with = dict(
        schedulefree=importlib.metadata.version("schedulefree"),
        torch=torch.__version__,
        numpy=np.__version__,
        python=platform.python_version(),
    )
    np.savez_compressed(HERE / "schedulefree.npz", made_with=json.dumps(made_with), **paths)
    print(f"schedulefree.npz: {len(paths)} trajectories, {made_with}")


if __name__ == "__main__":
    main()
