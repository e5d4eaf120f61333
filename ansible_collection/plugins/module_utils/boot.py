# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings the gate up at the next boot: knockwork.service."""
import os
import tempfile

UNIT = 'knockwork.service'
TIMER = 'knockwork-rotate.timer'
REPAIR = 'knockwork-drift.service'
FOLDER = '/etc/systemd/system'
HEADER = '# Written by knockwork.nft, since no package on this host brings it.\n'


def enable(module, core, needs_timer):
    """Enables the unit where systemd runs, and the timer for a declaration that changes with time.

    Returns the changes; warns where nothing would load the gate.
    """
    if not os.path.isdir('/run/systemd/system'):
        module.warn('systemd does not run here, so this module cannot tell what loads the gate at boot; boot: false '
                    'turns this warning off')
        return []
    boot = core.ask('boot')
    changes = _install(module, core, boot['installed'])
    there = boot['installed'] or changes
    if boot['enabled'] or not there:
        _warn(module, boot)
        return changes + (_start_timer(module) if needs_timer and there and not boot['timer'] else [])
    if not module.check_mode:
        status, out, err = module.run_command(['systemctl', 'enable', UNIT])
        if status != 0:
            module.fail_json('the gate is loaded, but it will not be loaded after a reboot: systemctl enable %s: %s'
                             % (UNIT, (err or out).strip() or 'status %d' % status))
    changes.append(dict(kind='change', object='unit', name=UNIT, before='not enabled', after='enabled', why='boot'))
    return changes + (_start_timer(module) if needs_timer and not boot['timer'] else [])


def repair(module):
    """Enables and starts the unit that repairs drift, where systemd runs. Returns the changes."""
    if not os.path.isdir('/run/systemd/system') or _is_enabled(module, REPAIR):
        return []
    _systemctl(module, 'enable', '--now', REPAIR)
    return [dict(kind='change', object='unit', name=REPAIR, before='not enabled', after='enabled', why='repair')]


def _is_enabled(module, unit):
    return module.run_command(['systemctl', 'is-enabled', '--quiet', unit])[0] == 0


def _start_timer(module):
    """Returns the change. What the timer starts needs the unit to be up: it applies what has just been applied."""
    _systemctl(module, 'start', UNIT)
    _systemctl(module, 'enable', '--now', TIMER)
    return [dict(kind='change', object='unit', name=TIMER, before='not enabled', after='enabled',
                 why='tokens or periods')]


def _install(module, core, installed):
    """Where no package brought the units, they are this module's. Returns the changes."""
    ours = _text(os.path.join(FOLDER, UNIT)).startswith(HEADER)
    if installed and not ours:
        return []
    wanted = sorted((name, HEADER + text) for name, text in core.units().items())
    changes = [dict(kind='change' if os.path.exists(os.path.join(FOLDER, name)) else 'add', object='unit', name=name,
                    before='', after='in %s' % FOLDER, why='')
               for name, text in wanted if _text(os.path.join(FOLDER, name)) != text]
    if changes and not module.check_mode:
        for name, text in wanted:
            _write(os.path.join(FOLDER, name), text)
        status, out, err = module.run_command(['systemctl', 'daemon-reload'])
        if status != 0:
            module.fail_json('systemctl daemon-reload: %s' % ((err or out).strip() or 'status %d' % status))
    return changes


def _text(path):
    """Empty where there is no such file."""
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except FileNotFoundError:
        return ''


def _write(path, text):
    handle, draft = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, 'w', encoding='utf-8') as file:
        file.write(text)
        os.fchmod(file.fileno(), 0o644)
    os.rename(draft, path)


def disable(module):
    """Disables the unit where systemd runs, and takes away those that this module wrote. Returns the changes."""
    if not os.path.isdir('/run/systemd/system'):
        return []
    changes = []
    for unit, words in ((REPAIR, ('disable', '--now')), (UNIT, ('disable',))):
        if _is_enabled(module, unit):
            _systemctl(module, *words + (unit,))
            changes.append(dict(kind='change', object='unit', name=unit, before='enabled', after='not enabled',
                                why='purge'))
    ours = [name for name in sorted(os.listdir(FOLDER))
            if name.startswith('knockwork') and _text(os.path.join(FOLDER, name)).startswith(HEADER)]
    for name in ours:
        changes.append(dict(kind='remove', object='unit', name=name, before='in %s' % FOLDER, after='', why='purge'))
        if not module.check_mode:
            os.unlink(os.path.join(FOLDER, name))
    if ours:
        _systemctl(module, 'daemon-reload')
    return changes


def _systemctl(module, *words):
    status, out, err = (0, '', '') if module.check_mode else module.run_command(['systemctl'] + list(words))
    if status != 0:
        module.fail_json('systemctl %s: %s' % (' '.join(words), (err or out).strip() or 'status %d' % status))


def warn_unless_enabled(module, core):
    """For a task that writes a part of the declaration: the unit is up to the one that owns the whole."""
    boot = core.ask('boot')
    if boot['stands'] == 'no' and not boot['enabled']:
        module.warn('after a reboot there is no gate, and its ports are open to everyone: %s; a task with '
                    'knockwork.nft.ruleset enables it' % boot['why'])


def _warn(module, boot):
    if boot['stands'] == 'no':
        module.warn('after a reboot there is no gate, and its ports are open to everyone: %s' % boot['why'])
