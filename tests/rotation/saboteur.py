"""A callback plugin that does harm at one moment of a playbook, named by $SABOTAGE: "TASK WHEN COMMAND".

TASK counts from 1 as tasks begin; WHEN is `begin`, or `end` of its last host. The command runs on the controller.
`kill` in its place ends the playbook with all its processes, as a machine that loses its power does.
"""

import os
import signal
import subprocess
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: saboteur
type: notification
short_description: For tests
description: For tests.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "saboteur"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        number, self._when, self._command = os.environ["SABOTAGE"].split(" ", 2)
        self._number, self._begun = int(number), 0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if task.action.rpartition(".")[2] == "validate_argument_spec":
            return
        if self._begun == self._number and self._when == "end":
            self._strike()
        self._begun += 1
        if self._begun == self._number and self._when == "begin":
            self._strike()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._begun == self._number and self._when == "end":
            self._strike()

    def _strike(self) -> None:
        self._number = 0
        if self._command.startswith("kill"):
            delay = self._command.partition(" ")[2]
            killer = f"sleep {delay or 0}; kill -9 -{os.getpgrp()}"
            subprocess.Popen(["/bin/sh", "-c", killer], start_new_session=True)
            if not delay:
                signal.pause()
        else:
            subprocess.run(["/bin/sh", "-c", self._command], check=True)
