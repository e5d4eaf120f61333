# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core on the managed host: the Python extension or the command. Both take a request and answer it."""
import json
import os
import platform
import sys

from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import without_ports
from ansible_collections.knockwork.nft.plugins.module_utils.words import in_playbooks, need_of_root

VERSION = '0.1.0'  # of the collection: a core of another minor version says so and does nothing
PROTOCOL = 1  # what a request and an answer mean
# How a module reaches the core; every module on the host takes these.
CORE = dict(
    backend=dict(type='str', choices=['auto', 'python', 'cli'], default='auto'),
    delivered=dict(type='path'),
    detached=dict(type='bool', default=False),
)
# Commands that a controller brought along, and a link to the last one. All users may run them: no secret lies there.
DELIVERED = '/usr/local/lib/knockwork'

_VALUES = ('report', 'status', 'declared', 'boot', 'lint', 'units')
_LIBRARY = 'libnftables'
_SYSTEM_PYTHON = '/usr/bin/python3'
# The respawned process gets its arguments through a pipe that nobody reads yet, inside a Python literal.
_RESPAWN_LIMIT = 32768


class Core:
    """Looks for the core at once: that may start the module anew, which must not happen under a lock."""

    def __init__(self, module):
        self._module = module
        self._call = _backend(module)

    def units(self):
        """The systemd units by their names, starting the command of this host. Empty where it has none."""
        command = os.path.join(DELIVERED, 'knockwork') if delivered(self._module) else installed(self._module)
        return self.ask('units', program=command) if command else {}

    def ask(self, command, **more):
        """The answer's value, whatever was asked for. Ends the module where the core refuses."""
        value, error = self.try_ask(command, **more)
        if error is None:
            return value
        message, diagnostics = complaint(error, [source['text'] for source in more.get('sources', ())])
        if error['kind'] == 'system':
            message += need_of_root(os.geteuid())
        self._module.fail_json(message, diagnostics=diagnostics, unproved=error['kind'] == 'proof')

    def try_ask(self, command, **more):
        """The answer's value, and None; or None, and the answer's error."""
        question = dict(more, version=VERSION, protocol=PROTOCOL, command=command, check=self._module.check_mode,
                        reveal=False)
        answer = json.loads(self._call(json.dumps(question)))
        if not answer['ok']:
            return None, answer['error']
        return next(answer[key] for key in _VALUES if key in answer), None


def complaint(error, texts):
    """An answer's error as (message, diagnostics), without the ports of the texts it is about.

    A diagnostic has none: its remedies are examples, whatever ports the texts have.
    """
    diagnostics = error.get('diagnostics') or []
    message = in_playbooks(without_ports(dict(message=error['message']), texts)['message'])
    return '\n'.join([message] + ['  ' + _line(each) for each in diagnostics]), diagnostics


def _line(diagnostic):
    """Options are known by their path, files by their lines."""
    where = diagnostic['path']
    if diagnostic['file'].startswith('/'):
        where = '%(file)s:%(line)d:%(column)d' % diagnostic
    text = '%s: %s' % (where, diagnostic['message']) if where else diagnostic['message']
    return '%s; %s' % (text, diagnostic['remedy']) if diagnostic['remedy'] else text


def _backend(module):
    wanted = module.params['backend']
    if wanted != 'cli':
        core = extension()
        if core is not None:
            return _in_process(module, core)
        _respawn(module)
    if wanted != 'python':
        path = installed(module) or delivered(module)
        if path:
            return _by_command(module, path)
    unloadable = _why_unloadable()
    if wanted == 'python' and unloadable:
        module.fail_json('the Python package knockwork cannot be loaded: %s' % unloadable)
    python = 'the Python package knockwork for %s' % sys.executable
    command = 'the command knockwork'
    missing = dict(auto='%s or %s' % (command, python), python=python, cli=command)[wanted]
    asked = {} if module.params['detached'] else dict(core_missing=dict(machine=platform.machine(), wanted=wanted))
    module.fail_json('cannot find %s: install knockwork on this host' % missing, **asked)


def installed(module):
    """The command on this host's PATH, but for a link to one that was delivered: that one goes by its digest."""
    path = module.get_bin_path('knockwork')
    if path and os.path.realpath(path).startswith(DELIVERED + '/') and delivered(module):
        return None
    return path


def delivered(module):
    """The command that the controller has brought along, None where it is not here."""
    path = module.params['delivered']
    return path if path and os.access(path, os.X_OK) else None


def extension():
    """The compiled module of this interpreter, None where there is none."""
    try:
        from knockwork import _core
    except ImportError:
        return None
    return _core


def _why_unloadable():
    """Of a compiled module that is there; None where there is none."""
    try:
        import knockwork._core  # noqa: F401  pylint: disable=unused-import
    except ImportError as error:
        return _with_remedy(str(error)) if _LIBRARY in str(error) else None
    return None


def _with_remedy(text):
    return '%s; install nftables on this host' % text if _LIBRARY in text else text


def _in_process(module, core):
    def ask(question):
        try:
            return core.call(question)
        except RuntimeError as error:
            module.fail_json(str(error))
    return ask


def _by_command(module, path):
    def ask(question):
        status, out, err = module.run_command([path, 'call'], data=question)
        if status != 0:
            module.fail_json(_with_remedy(err.strip()) or '%s call ended with status %d' % (path, status))
        return out
    return ask


def _respawn(module):
    """Starts the module anew under the system's Python where that one has the extension; else returns."""
    if has_respawned() or sys.executable == _SYSTEM_PYTHON:
        return
    arguments = json.dumps(module.params)
    if len(arguments) > _RESPAWN_LIMIT or '\\' in arguments:
        return
    found = probe_interpreters_for_module([_SYSTEM_PYTHON], 'knockwork._core')
    if found:
        respawn_module(found)
