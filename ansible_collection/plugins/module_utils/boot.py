# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings the gate up at the next boot: knockwork.service."""
from __future__ import annotations

import os

UNIT = 'knockwork.service'


def enable(module, core):
    """Enables the unit where systemd runs. Returns the changes; warns where nothing would load the gate."""
    if not os.path.isdir('/run/systemd/system'):
        module.warn('systemd does not run here: nothing that this module knows of loads the gate at boot; '
                    'boot: false ends this warning')
        return []
    boot = core.ask('boot')
    if boot['enabled']:
        _warn(module, boot)
        return []
    if not boot['installed']:
        _warn(module, boot)
        return []
    if not module.check_mode:
        status, out, err = module.run_command(['systemctl', 'enable', UNIT])
        if status != 0:
            module.fail_json('the gate stands, but a reboot would bring up none: systemctl enable %s: %s'
                             % (UNIT, (err or out).strip() or 'status %d' % status))
    return [dict(kind='change', object='unit', name=UNIT, before='not enabled', after='enabled', why='boot')]


def warn_unless_enabled(module, core):
    """For a task that writes a part of the declaration: the unit is up to the one that owns the whole."""
    boot = core.ask('boot')
    if boot['stands'] == 'no' and not boot['enabled']:
        module.warn('after a reboot there is no gate, and its ports are open to all: %s; a task of '
                    'knockwork.nft.ruleset enables it' % boot['why'])


def _warn(module, boot):
    if boot['stands'] == 'no':
        module.warn('after a reboot there is no gate, and its ports are open to all: %s' % boot['why'])
