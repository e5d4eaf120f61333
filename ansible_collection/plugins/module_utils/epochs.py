# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of knockwork.nft.epoch, for the host and for the controller."""
from ansible_collections.knockwork.nft.plugins.module_utils.core import CORE

# Those of master secrets and the profile are the controller's, which sends none of them to the host.
SPEC = dict(
    state=dict(type='str', choices=['published', 'used', 'retired'], required=True),
    epoch=dict(type='int', required=True),
    expected_epoch=dict(type='int'),
    fresh=dict(type='bool', default=True),
    revoke=dict(type='bool', default=False),
    master_secret=dict(type='str', no_log=True),
    master_secret_file=dict(type='path', no_log=False),
    secret_file=dict(type='path', default='/etc/knockwork/secret', no_log=False),
    host=dict(type='str'),
    profile=dict(type='path'),
    host_key=dict(type='str', no_log=True),
    **CORE
)
LAST = 2147483647  # that a declaration or a profile may name
EXCLUSIVE = [('master_secret', 'master_secret_file')]


def fault_of(params):
    """What a type cannot say, None where nothing is wrong."""
    for name in ('epoch', 'expected_epoch'):
        if params[name] is not None and params[name] < 0:
            return '%s: not the number of an epoch: write a whole number, 0 or greater' % name
        if params[name] is not None and params[name] > LAST:
            return '%s: too large: the last epoch is %d' % (name, LAST)
    for name in ('master_secret', 'master_secret_file', 'host_key'):
        if params[name] is not None and params['state'] != 'published':
            return '%s: only with `state: published`' % name
    return None
