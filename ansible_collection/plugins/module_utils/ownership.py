# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a sequence is: a task that owns a drop-in neither takes others' sequences away nor leaves its own elsewhere."""
from ansible_collections.knockwork.nft.plugins.module_utils.files import HEADER, MAIN, read, sources


def check_ownership(module, core, path):
    """Ends the module where the drop-in is not this sequence's alone, or the sequence stands in another file too."""
    name = module.params['name']
    places = core.ask('declared', sources=sources(MAIN))
    others = sorted(set(each['name'] for each in places if each['file'] == path and each['name'] != name))
    if others:
        module.fail_json('%s contains sequences that this task does not manage and that would be lost: %s; '
                         'move each to its own file' % (path, ', '.join(others)))
    elsewhere = [each for each in places if each['file'] != path and each['name'] == name]
    if elsewhere:
        module.fail_json('sequence %s is already declared in %s, line %d, which is not this task\'s file: %s' % (
            name, elsewhere[0]['file'], elsewhere[0]['line'], _remedy(elsewhere[0]['file'])))


def _remedy(path):
    if path == MAIN and (read(path) or '').startswith(HEADER):
        return 'remove it from the task of knockwork.nft.ruleset that writes that file'
    return 'remove it there'


def command_for_the_rest(module, core):
    """What is to be asked where no file declares anything: a table that still has the sequence goes with it."""
    live = set(each['name'].split('#')[0] for each in core.ask('status')['sequences'])
    name = module.params['name']
    if name not in live:
        return None
    if live == {name}:
        return 'remove'
    module.fail_json('sequence %s is in the live table, but no file on this host declares it: it was applied by a task '
                     'with save: false, or from another file; remove it there' % name)
