# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An AnsibleModule that shows no port, in its result, its invocation or the journal.

Option no_log cannot do it: values under four characters are never masked, and a masked 22 would riddle every
other text. So only options named here are shown at all, and what they may hold is known.
"""
import contextlib
import errno
import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.knockwork.nft.plugins.module_utils.options import COUNTED, NESTED, SHOWN
from ansible_collections.knockwork.nft.plugins.module_utils.words import need_of_root

# Options that are no keys of a declaration; which of those may be shown, the table of keys says.
_SHOWN = SHOWN.union((
    'address', 'allow_absent', 'apply', 'backend', 'boot', 'checksum', 'confirm_within', 'declaration', 'delay',
    'delivered', 'detached', 'drop_in', 'drop_ins', 'exclusive', 'executable', 'expected_epoch', 'family', 'fresh',
    'id', 'interface', 'jitter', 'jump', 'link', 'lint', 'path', 'profile', 'purge', 'retries', 'revoke',
    'revoke_retired', 'save', 'sequence', 'source', 'src', 'state', 'timeout', 'try_first', 'version',
))


_SERVICE = re.compile(r'(\d+)(?:-(\d+))?[/:](?:tcp|udp)', re.IGNORECASE)
_PROTOCOL_FIRST = re.compile(r'(?:tcp|udp)[/:](\d+)(?:-(\d+))?', re.IGNORECASE)
_LIST_ITEM = re.compile(r'[\[,-]\s*["\']?(\d+)(?:-(\d+))?["\']?\s*(?=[],#\n/])')


def without_ports(values, texts):
    """A mapping whose strings lack the ports of the texts: the core tells a user what he wrote."""
    ports = set(port for pattern in (_SERVICE, _PROTOCOL_FIRST, _LIST_ITEM) for text in texts
                for found in pattern.findall(text) for port in found if port)
    if not ports:
        return values
    pattern = re.compile(r'(?<![\w.:])(?:%s)(?![\w.:])' % '|'.join(sorted(ports)))
    return dict((key, pattern.sub('(hidden)', value) if isinstance(value, str) and key != 'file' else value)
                for key, value in values.items())


def without_numbers(text):
    """What may quote a wrongly typed option. Names keep their digits, so do booleans 0 and 1."""
    return re.sub(r'(?<![A-Za-z0-9_.])(?![01]\b)\d+', '(hidden)', text)


def hidden(params):
    """Options as they may be shown: names stay, ports become their number."""
    return dict((key, _hidden(key, value)) for key, value in params.items())


def _hidden(key, value):
    if value is None or (key == 'guards' and value in ('auto', 'none')):
        return value
    if key in _SHOWN:
        return value
    if key in NESTED and isinstance(value, dict):
        return hidden(value)
    if key in NESTED and isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return [hidden(each) for each in value]
    if key in COUNTED and isinstance(value, list):
        return '%d %s%s (hidden)' % (len(value), COUNTED[key], '' if len(value) == 1 else 's')
    return '(hidden)'


class SecretiveModule(AnsibleModule):
    """Beside the secrecy it knows which options the task gave: `given`, their names without the defaults; and what
    was done so far: `done`, which is part of its result however it ends."""

    _checked = False  # until the options are known to be what they should be, their values are not shown

    def __init__(self, argument_spec, **kwargs):
        self.given = frozenset()
        self.done = {}
        super().__init__(argument_spec, **kwargs)
        self._checked = True

    def _load_params(self):
        super()._load_params()
        self.given = frozenset(key for key, value in self.params.items() if value is not None)

    def _log_invocation(self):
        # The constructor's no_log would not do: the controller's own _ansible_no_log overrides it.
        self.log('Invoked with ' + ' '.join('%s=%s' % pair for pair in sorted(hidden(self.params).items())))

    def _invocation(self):
        if self._checked:
            return dict(module_args=hidden(self.params))
        return dict(module_args=dict((key, '(hidden)') for key in self.given))

    def record(self, *changes, **more):
        """Changes that were made or, in check mode, would be."""
        known = self.done.get('changes', []) + list(changes)
        self.done.update(more, changed=bool(known), changes=known)

    def exit_json(self, **kwargs):
        super().exit_json(invocation=self._invocation(), **dict(self.done, **kwargs))

    def fail_json(self, msg, **kwargs):
        if not self._checked:
            msg = without_numbers(msg)
        super().fail_json(msg, invocation=self._invocation(), **dict(self.done, **kwargs))

    @contextlib.contextmanager
    def failures(self):
        """What the system refuses ends the module in one line, not in a traceback that may quote options."""
        try:
            yield
        except OSError as error:
            need = need_of_root(os.geteuid()) if error.errno in (errno.EACCES, errno.EPERM) else ''
            self.fail_json('%s: %s%s' % (error.filename or 'system', error.strerror, need))
        except ValueError as error:
            self.fail_json(str(error))
