#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: core
short_description: Copy the controller's knockwork command to a host
version_added: 0.1.0
description:
  - Copies the command C(knockwork) of the controller to C(/usr/local/lib/knockwork) on the host, in a directory named
    after its version and digest, and links C(/usr/local/lib/knockwork/knockwork) to it. Other copies of the same
    version are removed. Nothing is sent if the command is already there.
  - All users may run the command. To knock and connect with it, they need no privileges.
  - On a host without knockwork, the other modules of this collection do the same automatically, unless the variable
    C(knockwork_deliver) is C(never). Use this module to do it in a task of its own, or to put the command on PATH.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
options:
  state:
    description:
      - C(absent) removes every copy, and the link that I(link) names.
    type: str
    choices: [present, absent]
    default: present
  src:
    description:
      - The command on the controller. Defaults to the variable C(knockwork_deliver_file) or
        C(ansible_knockwork_executable), or else to C(knockwork) next to Ansible's own Python or on PATH.
      - A relative path is searched as in M(ansible.builtin.copy).
    type: path
  checksum:
    description:
      - The expected SHA-256 digest of the command, in hexadecimal. The task fails if it differs.
    type: str
  version:
    description:
      - The command's version. Set by the action plugin.
    type: str
  link:
    description:
      - A symbolic link to create, for example C(/usr/local/bin/knockwork), so that the command is on PATH. If the path
        exists and is not a link, it is not changed and the task fails.
    type: path
seealso:
  - module: knockwork.nft.ruleset
'''

EXAMPLES = r'''
- name: Install the command, and put it on PATH
  knockwork.nft.core:
    link: /usr/local/bin/knockwork
'''

RETURN = r'''
path:
  description: The path of the command on the host.
  returned: success, with C(state=present)
  type: str
  sample: /usr/local/lib/knockwork/0.1.0-1f5f6ad7c3b19e02/knockwork
'''

import hashlib  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402

from ansible_collections.knockwork.nft.plugins.module_utils.core import DELIVERED  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402


def digest(path):
    """In hexadecimal, None where there is no such file."""
    try:
        with open(path, 'rb') as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return None


def put(module, path, name):
    """The command in its place: whole, or not at all."""
    folder = os.path.dirname(path)
    make_public(folder)
    draft = path + '.new'
    shutil.copyfile(module.params['src'], draft)
    os.chmod(draft, 0o755)
    if digest(draft) != module.params['checksum']:
        os.unlink(draft)
        module.fail_json('the command was damaged in transfer: its digest differs')
    os.rename(draft, path)
    label(module, path)
    status, out, err = module.run_command([path, '--version'])
    if status != 0:
        shutil.rmtree(folder)
        module.fail_json("the controller's command does not start on this host: %s"
                         % ((err or out).strip() or 'status %d' % status))
    for other in os.listdir(DELIVERED):
        if other != name and other.startswith(module.params['version'] + '-'):
            shutil.rmtree(os.path.join(DELIVERED, other))


def make_public(folder):
    """For all users, whatever this user's umask: also the folders above, where they are missing."""
    before = os.umask(0o022)
    try:
        os.makedirs(folder, exist_ok=True)
    finally:
        os.umask(before)


def label(module, path):
    """Where SELinux runs, systemd may start no program among libraries unless its label says that it is one."""
    asked = module.get_bin_path('selinuxenabled')
    if not asked or module.run_command([asked])[0] != 0:
        return
    status, out, err = module.run_command(['chcon', '--type=bin_t', path])
    if status != 0:
        module.warn('SELinux may stop systemd from loading the gate at boot: chcon --type=bin_t %s: %s'
                    % (path, (err or out).strip() or 'status %d' % status))


def lead(module, link, target):
    """Whether the link had to be made."""
    if os.path.lexists(link) and not os.path.islink(link):
        module.fail_json('link: %s exists and is not a link: remove it first' % link)
    if os.path.islink(link) and os.readlink(link) == target:
        return False
    if not module.check_mode:
        draft = link + '.new'
        if os.path.lexists(draft):
            os.unlink(draft)
        os.symlink(target, draft)
        os.rename(draft, link)
    return True


def present(module):
    name = '%s-%s' % (module.params['version'], module.params['checksum'][:16])
    path = os.path.join(DELIVERED, name, 'knockwork')
    needed = digest(path) != module.params['checksum'] or not os.access(path, os.X_OK)
    if needed and not module.check_mode:
        if not module.params['src']:
            module.exit_json(changed=False, needed=True)  # the action plugin sends it, and asks again
        put(module, path, name)
    changed = lead(module, os.path.join(DELIVERED, 'knockwork'), os.path.join(name, 'knockwork')) or needed
    if module.params['link']:
        changed = lead(module, module.params['link'], os.path.join(DELIVERED, 'knockwork')) or changed
    module.exit_json(changed=changed, path=path)


def absent(module):
    link = module.params['link']
    linked = bool(link) and os.path.islink(link) and os.readlink(link).startswith(DELIVERED + '/')
    there = os.path.isdir(DELIVERED)
    if not module.check_mode:
        if linked:
            os.unlink(link)
        if there:
            shutil.rmtree(DELIVERED)
    module.exit_json(changed=linked or there)


def main():
    module = SecretiveModule(
        argument_spec=dict(
            state=dict(type='str', choices=['present', 'absent'], default='present'),
            src=dict(type='path'),
            checksum=dict(type='str'),
            version=dict(type='str'),
            link=dict(type='path'),
        ),
        supports_check_mode=True,
    )
    with module.failures():
        if module.params['state'] == 'absent':
            absent(module)
        if not module.params['checksum'] or not module.params['version']:
            module.fail_json('checksum and version are missing: the action plugin of this module did not run')
        present(module)


if __name__ == '__main__':
    main()
