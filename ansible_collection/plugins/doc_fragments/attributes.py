# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r'''
options: {}
requirements:
  - Linux with nftables 1.0.6 or later on the managed host, and root privileges there
attributes:
  check_mode:
    description: Can run in check mode, and then reports what would change without changing files or the kernel.
    support: full
  diff_mode:
    description: Shows changes with C(--diff), by names and fingerprints, never ports.
    support: full
  idempotent:
    description: Running the same task again changes nothing.
    support: full
  platform:
    description: The supported platforms.
    platforms: linux
    support: full
'''

    # Beside the standard fragment, for modules that only read.
    INFO = r'''
options: {}
attributes:
  check_mode:
    support: full
    details: This module changes nothing.
  diff_mode:
    support: N/A
    details: This module changes nothing.
  idempotent:
    support: full
    details: This module changes nothing.
'''

    # Instead of the standard fragment, for what the controller does itself. Were it called CONTROLLER, Ansible would
    # take the file controller.py for it.
    ON_CONTROLLER = r'''
options: {}
attributes:
  check_mode:
    description: Can run in check mode, and changes nothing then.
    support: full
  diff_mode:
    description: Shows changes with C(--diff), never ports.
    support: full
  idempotent:
    description: Running the same task again changes nothing.
    support: full
  platform:
    description: The supported platforms of the controller.
    platforms: linux
    support: full
  connection:
    description: Needs no connection to the host.
    support: none
  action:
    description: Runs on the controller.
    support: full
'''
