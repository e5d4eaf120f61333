# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core on the controller, for plugins that run there: the Python package or the command, as for modules."""
from __future__ import annotations

import json
import shutil
import subprocess

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.knockwork.nft.plugins.module_utils.core import VERSION, complaint, extension
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import hidden, without_numbers

# What every plugin of the controller takes, and the variables that serve the connection plugin as well.
COMMON = dict(
    profile=dict(type='path'),
    executable=dict(type='str', default='knockwork'),
    backend=dict(type='str', choices=['auto', 'python', 'cli'], default='auto'),
)
_VARIABLES = dict(
    profile='ansible_knockwork_profile',
    executable='ansible_knockwork_executable',
)


class Refused(AnsibleError):
    """What the core, or the system, does not do, in words without ports."""


def ask(command, backend='auto', executable='knockwork', secrets=(), **more):
    """The core's answer. Raises Refused; `secrets` are texts whose ports its message must not repeat."""
    question = json.dumps(dict(more, version=VERSION, command=command))
    answer = json.loads(_backend(backend, executable)(question))
    if answer['ok']:
        return answer
    raise Refused(complaint(answer['error'], secrets)[0])


def options(action, spec, task_vars):
    """A task's options, validated, and those that are not given from its host's variables.

    Raises Refused in words that quote no option: each might be a port.
    """
    said = dict(action._task.args)
    for name, variable in _VARIABLES.items():
        if name in spec and said.get(name) is None and variable in task_vars:
            said[name] = action._templar.template(task_vars[variable])
    result = ArgumentSpecValidator(spec).validate(said)
    if result.error_messages:
        raise Refused(without_numbers('; '.join(result.error_messages)))
    return result.validated_parameters


def invocation(params):
    """How the task was called, as results may show it."""
    return dict(module_args=hidden(params))


def _backend(wanted, executable):
    core = extension() if wanted != 'cli' else None
    if core is not None:
        return core.call
    path = shutil.which(executable) if wanted != 'python' else None
    if path:
        return lambda question: _run(path, question)
    what = dict(auto='the command %s or the Python package knockwork' % executable,
                python='the Python package knockwork', cli='the command %s' % executable)[wanted]
    raise Refused('cannot find %s: install knockwork on the controller' % what)


def _run(path, question):
    """The question goes by standard input: it may hold ports."""
    done = subprocess.run([path, 'call'], input=question, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip() or '%s call ended with status %d' % (path, done.returncode))
    return done.stdout
