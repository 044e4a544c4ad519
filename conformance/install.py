"""Directus by npm, each version once, in `.conformance/` of this project.

Needed: Node 20, npm, and a C++ compiler for what has no ready build for this machine.
"""

import json
import shutil
import subprocess
from pathlib import Path

HOME = Path(__file__).parent.parent / ".conformance"
VERSIONS = ("9.23.1", "11.3.5")  # what ImagineAPI ships, and a current one
INSTALLED = "installed"  # this file is written last: without it a folder is begun again

# what would ask a registry for newer versions whenever a server starts, and does not
SILENCED = {
    "node_modules/update-check/index.js": "module.exports = async () => null;\n",
    "node_modules/@directus/update-check/dist/index.js": "export async function updateCheck() {}\n",
}


class NotInstalled(Exception):
    """npm failed, or is not there."""


def installed(version: str) -> Path:
    """The folder of that version of Directus, installed now unless it is there; minutes, once.

    Raises NotInstalled with npm's last lines.
    """
    folder = HOME / f"directus-{version}"
    done = folder / INSTALLED
    if done.exists() and done.read_text() == manifest(version):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(manifest(version))
    _npm("install", "--no-audit", "--no-fund", "--loglevel=error", folder=folder)
    _silence(folder)
    done.write_text(manifest(version))
    return folder


def manifest(version: str) -> str:
    """The package.json: Directus, the two databases' drivers, and what is put in place of what."""
    return json.dumps(
        {
            "name": "conformance",
            "private": True,
            "dependencies": {"directus": version, "pg": "^8.9.0", "sqlite3": "5.1.7"},
            "overrides": {
                # the older one downloads a library from outside of npm when it is installed
                "sharp": "0.33.5",
                "sqlite3": "$sqlite3",
            },
        },
        indent=2,
    )


def _silence(folder: Path) -> None:
    files = {folder / name: text for name, text in SILENCED.items() if (folder / name).exists()}
    if not files:
        raise NotInstalled(f"Directus' check for updates is not where it was, in {folder}.")
    for file, text in files.items():
        file.write_text(text)


def _npm(*arguments: str, folder: Path) -> None:
    try:
        ran = subprocess.run(
            ["npm", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise NotInstalled("npm is not there: install Node 20 or newer.") from None
    if ran.returncode:
        last = "\n".join(ran.stderr.splitlines()[-15:])
        raise NotInstalled(f"npm {arguments[0]} failed in {folder}:\n{last}")
