"""The same surroundings for every kernel, build and test, whatever the user's own settings are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def apply():
    """Set the environment of this process and of all that it starts."""
    # In place of the user's own settings: a private matplotlibrc changes figures.
    own = ROOT / ".venv" / "settings"
    os.environ.update(
        PYTHONHASHSEED="0",
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
        MPLBACKEND="agg",
        MPLCONFIGDIR=str(own / "matplotlib"),
        IPYTHONDIR=str(own / "ipython"),
        JUPYTER_CONFIG_DIR=str(own / "jupyter"),
        JUPYTER_DATA_DIR=str(own / "jupyter-data"),
        JUPYTER_PREFER_ENV_PATH="1",
        JUPYTER_PLATFORM_DIRS="1",
        SOURCE_DATE_EPOCH=os.environ.get("SOURCE_DATE_EPOCH", "1767225600"),
    )
    os.environ.pop("OPTLIB_FIGURES", None)  # only the book's build asks for its kind of figure
    for folder in ("matplotlib", "ipython"):
        (own / folder).mkdir(parents=True, exist_ok=True)
