"""Holds a proxy to a part of a core, by a control group of its own, so that load beside it has room."""

import contextlib
import os
import pathlib
import time

from .stage import Trouble, session

GROUPS = pathlib.Path("/sys/fs/cgroup")
# Short, so that a queue of connections outlasts the time without processor.
PERIOD = 10_000


@contextlib.contextmanager
def held(child, part):
    """The processes of a child may use `part` of one core, 1.0 being all of it."""
    quota = str(int(PERIOD * part))
    if (GROUPS / "cgroup.controllers").exists():
        parent, settings = GROUPS, {"cpu.max": f"{quota} {PERIOD}"}
    elif (GROUPS / "cpu/cpu.cfs_quota_us").exists():
        parent, settings = GROUPS / "cpu", {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": quota}
    else:
        raise Trouble(f"no control groups for processors in {GROUPS}")
    group = parent / f"multicode-bench-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise Trouble(f"{group}: {error.strerror}; quotas need root") from None
    try:
        for name, value in settings.items():
            (group / name).write_text(value)
        for process in session(child.pid):
            (group / "cgroup.procs").write_text(str(process))
        yield
    except OSError as error:
        raise Trouble(f"{error.filename or group}: {error.strerror}") from None
    finally:
        for process in session(child.pid):
            with contextlib.suppress(OSError):
                (parent / "cgroup.procs").write_text(str(process))
        for _ in range(50):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)
