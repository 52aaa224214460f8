"""Runs one `tocsin` command in a process of its own; `processes.start` puts in the globals.

`arguments`: of the command; `folder`: takes its `stdout` and `stderr`; `environment`: what to
change in the environment, None for a variable to remove.
"""

import os
import sys

os.setsid()  # a process group of its own, which a test can kill with everything it has started
for name, descriptor in (("stdout", 1), ("stderr", 2)):
    opened = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)  # noqa: F821
    os.dup2(opened, descriptor)
sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
for variable, value in environment.items():  # noqa: F821
    os.environ.pop(variable, None)
    if value is not None:
        os.environ[variable] = value
sys.argv = ["tocsin", *arguments]  # noqa: F821

from tocsin.cli import main  # noqa: E402

main()
