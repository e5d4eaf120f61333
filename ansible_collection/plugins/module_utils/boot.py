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

_NOT_AT_BOOT = 'the gate is loaded, but it will not be loaded after a reboot'
_NOT_AFTER_RELOAD = 'the gate is loaded, but a reload of nftables.service will remove it'
_NOT_IN_TIME = 'the gate is loaded, but its tokens and periods will not be renewed'
_NOTHING_RENEWS = ('sequences with `token` or `period` change with time, and nothing applies them again: they will '
                   'stop opening anything. A task with knockwork.nft.ruleset installs and enables %s' % TIMER)
_NOT_REPAIRED = 'the gate is loaded, but its drift will not be repaired'
_NOT_DISABLED = 'the gate is removed, but systemd still has units of it'


def enable(module, core, needs_timer):
    """Enables and starts the unit where systemd runs, and the timer for a declaration that changes with time.

    Warns where nothing would load the gate.
    """
    if not os.path.isdir('/run/systemd/system'):
        module.warn('systemd is not running, so this module cannot tell what loads the gate at boot; boot: false '
                    'turns this warning off')
        return
    boot = core.ask('boot')
    there = _install(module, core, boot['installed']) or boot['installed']
    if there and not boot['enabled']:
        _systemctl(module, _NOT_AT_BOOT, 'enable', '--now', UNIT)
        module.record(_enabled(UNIT, 'boot'))
    else:
        _warn(module, boot)
        if there and not _is(module, 'active', UNIT):  # such a unit does not follow nftables.service
            _systemctl(module, _NOT_AFTER_RELOAD, 'start', UNIT)
            module.record(dict(kind='change', object='unit', name=UNIT, before='not active', after='active',
                               why='nftables.service'))
    if needs_timer:
        _renew(module, boot, there)


def _renew(module, boot, there):
    """Enables and starts the timer, if its unit is there."""
    if boot['timer']:
        return
    if not there:
        module.warn(_NOTHING_RENEWS)
        return
    _systemctl(module, _NOT_IN_TIME, 'enable', '--now', TIMER)
    module.record(_enabled(TIMER, 'tokens or periods'))


def repair(module):
    """Enables and starts the unit that repairs drift, where systemd runs."""
    if os.path.isdir('/run/systemd/system') and not _is(module, 'enabled', REPAIR):
        _systemctl(module, _NOT_REPAIRED, 'enable', '--now', REPAIR)
        module.record(_enabled(REPAIR, 'repair'))


def _is(module, state, unit):
    return module.run_command(['systemctl', 'is-%s' % state, '--quiet', unit])[0] == 0


def _enabled(unit, why):
    return dict(kind='change', object='unit', name=unit, before='not enabled', after='enabled', why=why)


def _install(module, core, installed):
    """Where no package brought the units, they are this module's. Whether it has written any."""
    ours = _text(os.path.join(FOLDER, UNIT)).startswith(HEADER)
    if installed and not ours:
        return False
    wanted = sorted((name, HEADER + text) for name, text in core.units().items())
    changes = [dict(kind='change' if os.path.exists(os.path.join(FOLDER, name)) else 'add', object='unit', name=name,
                    before='', after='in %s' % FOLDER, why='')
               for name, text in wanted if _text(os.path.join(FOLDER, name)) != text]
    if changes:
        if not module.check_mode:
            for name, text in wanted:
                _write(os.path.join(FOLDER, name), text)
        module.record(*changes)
        _systemctl(module, _NOT_AT_BOOT, 'daemon-reload')
    return bool(changes)


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
    """Stops and disables the units where systemd runs, and takes away those that this module wrote."""
    if not os.path.isdir('/run/systemd/system'):
        return
    for unit in (TIMER, REPAIR, UNIT):
        if _is(module, 'enabled', unit):
            _systemctl(module, _NOT_DISABLED, 'disable', '--now', unit)
            module.record(dict(kind='change', object='unit', name=unit, before='enabled', after='not enabled',
                               why='purge'))
    ours = [name for name in sorted(os.listdir(FOLDER))
            if name.startswith('knockwork') and _text(os.path.join(FOLDER, name)).startswith(HEADER)]
    for name in ours:
        if not module.check_mode:
            os.unlink(os.path.join(FOLDER, name))
        module.record(dict(kind='remove', object='unit', name=name, before='in %s' % FOLDER, after='', why='purge'))
    if ours:
        _systemctl(module, _NOT_DISABLED, 'daemon-reload')


def _systemctl(module, otherwise, *words):
    """Ends the module where it fails, saying what is `otherwise`."""
    status, out, err = (0, '', '') if module.check_mode else module.run_command(['systemctl'] + list(words))
    if status != 0:
        module.fail_json('%s: systemctl %s: %s' % (otherwise, ' '.join(words),
                                                   (err or out).strip() or 'status %d' % status))


def enable_for_part(module, core, needs_timer):
    """For a task that writes a part of the declaration: the gate's unit is up to the one that owns the whole."""
    boot = core.ask('boot')
    if boot['stands'] == 'no' and not boot['enabled']:
        module.warn('no gate will be loaded after a reboot, and its ports will be open to everyone: %s; a task with '
                    'knockwork.nft.ruleset enables it' % boot['why'])
    if needs_timer and os.path.isdir('/run/systemd/system'):
        _renew(module, boot, boot['installed'])


def _warn(module, boot):
    if boot['stands'] == 'no':
        module.warn('no gate will be loaded after a reboot, and its ports will be open to everyone: %s' % boot['why'])
