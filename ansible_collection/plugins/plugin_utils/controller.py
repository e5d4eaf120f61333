# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core on the controller, for plugins that run there: the Python package or the command, as for modules."""
from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible_collections.knockwork.nft.plugins.module_utils.core import (
    PROTOCOL, VERSION, complaint, extension)
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import hidden, without_numbers
from ansible_collections.knockwork.nft.plugins.plugin_utils.held import Held, plain, profile_path
from ansible_collections.knockwork.nft.plugins.plugin_utils.settings import NAMES, setting

DEFAULT_PROFILE = '~/.config/knockwork/hosts.yml'

# What every plugin of the controller takes.
COMMON = dict(
    profile=dict(type='path'),
    executable=dict(type='str', default='knockwork'),
    backend=dict(type='str', choices=['auto', 'python', 'cli'], default='auto'),
)
# What those take that knock, beside it.
SECRETS = dict(
    profile_content=dict(type='raw', no_log=True),
    secret=dict(type='str', no_log=True),
)


class Refused(AnsibleError):
    """What the core, or the system, does not do, in words without ports."""


def ask(command: str, backend: str, executable: str, secrets: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """The core's answer. Raises Refused; `secrets` are texts whose ports its message must not repeat."""
    question = json.dumps(plain(dict(more, version=VERSION, protocol=PROTOCOL, command=command)))
    answer = json.loads(_backend(backend, executable)(question))
    if answer['ok']:
        return answer
    raise Refused(complaint(answer['error'], secrets)[0])


@contextlib.contextmanager
def profile_for(params: dict[str, Any], loader: Any) -> Iterator[str | None]:
    """The profile to name in a question, None for the usual one. Whatever is held in memory lives as long as this."""
    held = Held()
    try:
        path = profile_path(held, path_of(params['profile']), params['profile_content'], params['secret'], loader)
    except ValueError as error:
        raise Refused('the profile %s' % error) from None
    if not path.startswith('/proc/'):
        yield params['profile']
        return
    try:
        yield path
    except Refused as error:
        raise Refused(held.by_names(error.message)) from None


def options(action: Any, spec: dict[str, Any], task_vars: dict[str, Any],
            exclusive: Sequence[Sequence[str]] | None = None) -> dict[str, Any]:
    """A task's options, validated, and those that are not given from where settings are.

    Raises Refused in words that quote no option: each might be a port.
    """
    said = plain(action._task.args)
    for name in NAMES:
        if name in spec and said.get(name) is None:
            found = setting(name, task_vars, action._templar)
            said.update({} if found is None else {name: found})
    result = ArgumentSpecValidator(spec, mutually_exclusive=exclusive).validate(said)
    if result.error_messages:
        raise Refused(without_numbers('; '.join(_sentence_of(error, action) for error in result.errors)))
    return result.validated_parameters


def _sentence_of(error: Any, action: Any) -> str:
    """As a module says it; the error's own text is the end of that."""
    if isinstance(error, UnsupportedError):
        return 'Unsupported parameters for (%s) module: %s' % (action._task.action, error.msg)
    return error.msg


def invocation(params: dict[str, Any]) -> dict[str, Any]:
    """How the task was called, as results may show it."""
    return dict(module_args=hidden(params))


def path_of(profile: str | None) -> str:
    """Where a profile is that may not be named."""
    return os.path.expanduser(profile or DEFAULT_PROFILE)


def _backend(wanted: str, executable: str) -> Callable[[str], str]:
    core = extension() if wanted != 'cli' else None
    if core is not None:
        return core.call
    path = shutil.which(executable) if wanted != 'python' else None
    if path:
        return functools.partial(_run, path)
    what = dict(auto='the command %s or the Python package knockwork' % executable,
                python='the Python package knockwork', cli='the command %s' % executable)[wanted]
    raise Refused('cannot find %s: install knockwork on the controller' % what)


def _run(path: str, question: str) -> str:
    """The question goes by standard input: it may hold ports."""
    done = subprocess.run([path, 'call'], input=question, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip() or '%s call ended with status %d' % (path, done.returncode))
    return done.stdout
