"""JupyterLite beside the book: every chapter and exercise sheet runs in the reader's browser.

    python tools/lite.py      (the build of the book does it: `make book`)

`_build/lite` holds JupyterLite with the chapters, what they read, the students' sheets, the core of
Pyodide, the wheel of optlib, the pure Python packages that it and the kernel need, and the front
ends of the widgets; site/lite/pyodide.toml says which Pyodide and where the compiled packages come
from. A chapter's address is `lite/notebooks/index.html?path=chapters/NAME.ipynb`. It is made afresh
when something that goes into it has changed (an incremental `jupyter lite build` loses settings),
and `add` links it into the site.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import environment
import package
from environment import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OUT = ROOT / "_build/lite"
WHEELS = ROOT / "_build/wheels"  # kept: a package is fetched once
NPM = ROOT / "node_modules/pyodide"
CORE = ("pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "package.json")
# What the worker of the kernel would otherwise ask the package index for when it starts.
KERNEL = ("micropip", "piplite", "ipykernel", "comm", "pyodide-kernel", "jedi", "ipython")
FRONT_ENDS = ("@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager",
              "anywidget")  # fmt: skip
# Python packages that only carry the front ends above.
CARRIERS = ("jupyterlab-widgets", "widgetsnbextension")


def settings():
    """What site/lite/pyodide.toml says; an error if another Pyodide is installed."""
    told = tomllib.loads((ROOT / "site/lite/pyodide.toml").read_text(encoding="utf-8"))
    installed = json.loads((NPM / "package.json").read_text(encoding="utf-8"))["version"]
    if not installed == told["version"] == re.search(r"/v([^/]+)/", told["address"])[1]:
        sys.exit(
            f"lite: site/lite/pyodide.toml names Pyodide {told['version']} at {told['address']}, "
            f"package.json installs {installed}: give all three the same version"
        )
    return told


def contents():
    """{path in JupyterLite: bytes} of the chapters, what they read, and the students' sheets."""
    sys.path.insert(0, str(ROOT))  # `exercises` is no installed package
    from exercises import release
    from exercises.__main__ import assignments

    chapters = [*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("chapters/*.toml")]
    files = {f"chapters/{path.name}": path.read_bytes() for path in sorted(chapters)}
    files["CHANGELOG.md"] = (ROOT / "CHANGELOG.md").read_bytes()
    for sheet in assignments():
        release.check(sheet)
        student = release.student_version(sheet)
        release.check_student(sheet, student)
        files[f"exercises/{sheet.name}.ipynb"] = release.to_bytes(student)
    return files


def key():
    """One hash of all that JupyterLite is made of."""
    digest = hashlib.sha256(f"{sys.version} {os.environ.get('DESCENT_PYODIDE')}".encode())
    patterns = (
        "optlib/**/*", "chapters/*.ipynb", "chapters/*.toml", "exercises/*.py", "exercises/*/*.*",
        "site/lite/*", "tools/lite.py", "tools/package.py", "CHANGELOG.md", "README.md", "LICENSE",
        "pyproject.toml", "package-lock.json", "requirements.lock",
    )  # fmt: skip
    paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    for path in (p for p in paths if p.is_file() and "__pycache__" not in p.parts):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


# ---------------------------------------------------------------------------------- the packages


def surroundings(python):
    """The environment markers of Pyodide with that version of Python."""
    return {
        "python_version": ".".join(python.split(".")[:2]), "python_full_version": python,
        "sys_platform": "emscripten", "platform_system": "Emscripten", "os_name": "posix",
        "platform_machine": "wasm32", "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }  # fmt: skip


def needed(requirements, markers, extras=("",)):
    """The names that a list of requirements (as in a package's metadata) needs in Pyodide."""
    names = {}
    for text in requirements or ():
        one = Requirement(text)
        name, marker = canonicalize_name(one.name), one.marker
        fits = not marker or any(marker.evaluate(markers | {"extra": extra}) for extra in extras)
        if fits and name not in CARRIERS:
            names[name] = None
    return list(names)


def entry(path, markers, extras=("",)):
    """What pyodide-lock.json says of a wheel."""
    with zipfile.ZipFile(path) as packed:
        names = packed.namelist()
        about = next(n for n in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
        about = Parser().parsestr(packed.read(about).decode())
    modules = {
        name.split("/")[0].removesuffix(".py") for name in names
        if name.endswith(".py") and name.count("/") <= 1
    }  # fmt: skip
    return {
        "name": canonicalize_name(about["Name"]), "version": about["Version"],
        "file_name": path.name, "install_dir": "site", "package_type": "package",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "unvendored_tests": False,
        "imports": sorted(name for name in modules if name.isidentifier()),
        "depends": needed(about.get_all("Requires-Dist"), markers, extras),
    }  # fmt: skip


def pure(names, versions, python):
    """Wheels of these packages in the versions installed here; fetched once, by pip.

    The environment has them unpacked, and a wheel cannot be made from that again; pip knows the
    reader's package index and what to trust there.
    """
    WHEELS.mkdir(parents=True, exist_ok=True)
    wanted = {name: versions.get(name) or metadata.version(name) for name in sorted(names)}

    def held(name):
        start = f"{name.replace('-', '[-_.]')}-{re.escape(wanted[name])}-"
        paths = WHEELS.glob("*-none-any.whl")
        return next((path for path in paths if re.match(start, path.name, re.I)), None)

    missing = [f"{name}=={version}" for name, version in wanted.items() if not held(name)]
    if missing:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--only-binary=:all:", "--implementation", "py", "--abi", "none",
            "--platform", "any", "--python-version", python, "--dest", str(WHEELS), *missing,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode or not all(map(held, wanted)):
            sys.exit(f"lite: pip cannot fetch pure wheels of {', '.join(missing)}:\n{done.stderr}")
    return [held(name) for name in wanted]


def closure(names, depends):
    """The names and all that they need; depends(name) lists what one needs."""
    found, left = {}, list(names)
    while left:
        if (name := left.pop()) not in found:
            found[name] = None
            left += depends(name)
    return list(found)


def fetched(address, package, folder):
    """A compiled package, from the address into `folder` if it is not there; checked."""
    path = folder / package["file_name"]
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(address + path.name, timeout=300) as reply:
            data = reply.read()
        if hashlib.sha256(data).hexdigest() != package["sha256"]:
            sys.exit(f"lite: {address}{path.name} is not the file that Pyodide's lock names")
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
    return path


def pyodide(folder, told, own):
    """Fill `folder` with the core, all wheels and the lock; `own`: compiled packages as well."""
    folder.mkdir(parents=True)
    for name in CORE:
        shutil.copyfile(NPM / name, folder / name)
    lock = json.loads((NPM / "pyodide-lock.json").read_text(encoding="utf-8"))
    stock, markers = lock["packages"], surroundings(lock["info"]["python"])

    compiled = closure(told["compiled"], lambda name: stock[name]["depends"])
    labextension = Path(sys.prefix, "share/jupyter/labextensions", FRONT_ENDS[0], "static/pypi")
    kernels = [path for path in labextension.glob("*.whl") if not path.name.startswith(CARRIERS)]
    library = package.build(WHEELS / "optlib")
    given = [(path, entry(path, markers)) for path in kernels]
    given.append((library, entry(library, markers, ("figures", "widgets"))))
    have = {package["name"]: package["depends"] for _, package in given}

    def depends(name):
        if name in have:
            return have[name]
        if name in stock and name in compiled or name in told["versions"]:
            return stock[name]["depends"]
        return needed(metadata.requires(name), markers)

    names = closure([*KERNEL, *have], depends)
    others = {name for name in names if name not in have and name not in compiled}
    paths = pure(others, told["versions"], markers["python_version"])
    packages = {}
    for name in compiled:
        one = packages[name] = dict(stock[name])
        if own:
            path = fetched(told["address"], one, WHEELS / f"pyodide-{told['version']}")
            shutil.copyfile(path, folder / path.name)
        else:
            one["file_name"] = told["address"] + one["file_name"]
    for path, one in given + [(path, entry(path, markers)) for path in paths]:
        packages[one["name"]] = one
        shutil.copyfile(path, folder / path.name)
    lock["packages"] = dict(sorted(packages.items()))
    (folder / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


# --------------------------------------------------------------------------------------- the site


def configure(work, version):
    """Write what `jupyter lite build` reads in its folder, and the reader's JupyterLite."""
    build_settings = {
        "LiteBuildConfig": {
            "contents": ["contents"], "output_dir": "site", "apps": ["notebooks", "edit", "tree"],
            "no_sourcemaps": True, "no_unused_shared_packages": True, "cache_dir": "cache",
            "ignore_sys_prefix": ["federated_extensions"],  # only the three linked below
        },
        "FederatedExtensionAddon": {"extra_labextensions_path": [str(work / "labextensions")]},
    }  # fmt: skip
    place = "./static/pyodide/"
    kernel = {
        "pyodideUrl": f"{place}pyodide.mjs",
        "loadPyodideOptions": {"lockFileURL": f"{place}pyodide-lock.json", "packages": KERNEL},
    }
    reader = {
        "appName": "Descent",
        # Edited copies stay in the browser and hide newer ones, so each version has a store.
        "contentsStorageName": f"Descent {version}",
        "litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": kernel},
    }
    reader = {"jupyter-lite-schema-version": 0, "jupyter-config-data": reader}
    (work / "jupyter_lite_config.json").write_text(json.dumps(build_settings))
    (work / "jupyter-lite.json").write_text(json.dumps(reader))
    for name in FRONT_ENDS:
        link = work / "labextensions" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(sys.prefix, "share/jupyter/labextensions", name))


def make():
    """Make `_build/lite` if need be; True if it was made."""
    stamp = OUT.with_suffix(".key")
    now = key()
    if OUT.is_dir() and stamp.exists() and stamp.read_text() == now:
        return False
    stamp.unlink(missing_ok=True)
    told, work = settings(), ROOT / "_build/lite.next"
    shutil.rmtree(work, ignore_errors=True)
    for name, data in contents().items():
        path = work / "contents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    pyodide(work / "static/pyodide", told, os.environ.get("DESCENT_PYODIDE") == "self")
    version = re.search(r'__version__ = "(.*?)"', (ROOT / "optlib/__init__.py").read_text())[1]
    configure(work, version)
    done = subprocess.run(
        [sys.executable, "-m", "jupyterlite_core", "build"], cwd=work, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"lite: JupyterLite is not built:\n{done.stdout[-3000:]}")
    shutil.copyfile(ROOT / "site/lite/PYODIDE-LICENSE.txt", work / "site/PYODIDE-LICENSE.txt")
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.move(work / "site", OUT)
    shutil.rmtree(work)
    stamp.write_text(now)
    return True


def add(site):
    """Put JupyterLite into the built site, by links where the file system has them."""
    made = make()
    try:
        shutil.copytree(OUT, site / "lite", copy_function=os.link)
    except shutil.Error:
        shutil.copytree(OUT, site / "lite", dirs_exist_ok=True)
    sizes = [path.stat().st_size for path in OUT.rglob("*") if path.is_file()]
    note = "" if made else " (made earlier)"
    return f"JupyterLite beside it: {len(sizes)} files, {sum(sizes) / 1e6:.2f} MB raw{note}"


if __name__ == "__main__":
    environment.apply()
    print("made" if make() else "unchanged", OUT)
