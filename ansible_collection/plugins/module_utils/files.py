# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declaration's files on the managed host: the main file and the drop-ins beside it."""
import contextlib
import errno
import fcntl
import os
import stat
import tempfile
import time

FOLDER = '/etc/knockwork'
MAIN = FOLDER + '/knockwork.yml'
KEY = FOLDER + '/fingerprint.key'
STATE = '/var/lib/knockwork'
DROP_INS = FOLDER + '/conf.d'
HEADER = '# Written by knockwork.nft: what is changed here is lost with the next run of its playbook.\n'

OPTIONS = 'options'  # what diagnostics call the text that a task gave

_LOCK_SECONDS = 120


def read(path):
    """The file's text, None where there is none. Raises ValueError where it is not text, or no file to read."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would be waited for
    except FileNotFoundError:
        if os.path.islink(path):
            raise ValueError('%s is a symbolic link to a file that does not exist: correct or remove it'
                             % path) from None
        return None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise ValueError('%s is not a regular file' % path)
    try:
        with open(number, encoding='utf-8', newline='') as handle:
            return handle.read()
    except UnicodeDecodeError as error:
        raise ValueError('%s: not UTF-8 at byte %d' % (path, error.start)) from None


def drop_in_path(name):
    """Where the drop-in of a sequence is. Raises ValueError for a name that would lead elsewhere."""
    if not name or name.startswith('.') or '/' in name or '\0' in name:
        raise ValueError('name: not a name for a sequence; use letters, digits and . _ - @')
    return '%s/%s.yml' % (DROP_INS, name)


def drop_ins():
    """The paths of this host's drop-ins, in the order in which they are read."""
    try:
        names = os.listdir(DROP_INS)
    except FileNotFoundError:
        return []
    return ['%s/%s' % (DROP_INS, name) for name in sorted(names) if name.endswith('.yml') and not name.startswith('.')]


def purge(module, told):
    """Removes whatever knockwork keeps on a host but its own command. Records it, but for the files `told`."""
    found = []
    for top in (FOLDER, STATE):
        for folder, _names, files in os.walk(top):
            found += [os.path.join(folder, name) for name in files]
    for path in sorted(found):
        if not module.check_mode:
            os.unlink(path)
        if path not in told:
            module.record(dict(kind='remove', object='file', name=path, before='as it was (hidden)', after='',
                               why='purge'))
    if not module.check_mode:
        for folder in (DROP_INS, FOLDER, STATE):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def sources(main, instead=None):
    """What the core is to read: the main file and its drop-ins, some with another text (None: not there).

    Empty where nothing is declared.
    """
    instead = instead or {}
    folder = os.path.join(os.path.dirname(main), 'conf.d')
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        names = []
    paths = set(os.path.join(folder, name) for name in names
                if name.endswith('.yml') and not name.startswith('.'))
    paths.update(path for path in instead if path != main)
    found = []
    for path in [main] + sorted(paths):
        text = instead[path] if path in instead else read(path)
        if text is not None:
            found.append(dict(kind='declaration' if path == main else 'drop_in',
                              name=OPTIONS if path in instead else path, text=text))
    if found and found[0]['kind'] == 'drop_in':
        found.insert(0, dict(kind='declaration', name=main, text='knockwork: 1\n'))
    return found


@contextlib.contextmanager
def locked(check_mode, create=True):
    """Holds off other tasks that write: each would converge the kernel without the other's part."""
    if create and not check_mode:
        for folder in (FOLDER, DROP_INS):  # the mode is that of the last folder only
            os.makedirs(folder, mode=0o700, exist_ok=True)
    if check_mode or not os.path.isdir(FOLDER):
        yield
        return
    with locked_folder(FOLDER):
        yield


@contextlib.contextmanager
def locked_folder(folder):
    """Waits for whoever else holds the folder. Raises OSError after a while."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle, folder):
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            if time.monotonic() > deadline:
                raise OSError(error.errno, "other tasks have written there for %d seconds; run this one again later"
                              % _LOCK_SECONDS, folder)
        time.sleep(0.1)


def _mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Draft:
    """A file as it shall be (None: absent). Nothing is seen of it before commit()."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.before = read(path)
        self.changed = text != self.before or (text is not None and _mode(path) != 0o600)
        self._ready = None

    def change(self):
        """The change as reports have it; the text stays unsaid, it holds ports."""
        kind = 'remove' if self.text is None else 'add' if self.before is None else 'change'
        why = 'mode' if self.text == self.before else 'content' if kind == 'change' else ''
        return dict(kind=kind, object='file', name=self.path,
                    before='' if kind == 'add' else 'as it was (hidden)',
                    after='' if kind == 'remove' else 'as declared (hidden), mode 0600', why=why)

    def prepare(self):
        """Writes what can fail for want of room, before anything else is touched."""
        if self.text is None or not self.changed:
            return
        handle, self._ready = tempfile.mkstemp(prefix='.', suffix='.new', dir=os.path.dirname(self.path))
        with os.fdopen(handle, 'w', encoding='utf-8', newline='') as file:
            file.write(self.text)
            file.flush()
            os.fsync(file.fileno())

    def commit(self):
        """Puts the file in its place, or away."""
        if self._ready:
            os.rename(self._ready, self.path)
            self._ready = None
        elif self.text is None and self.before is not None:
            os.unlink(self.path)
        else:
            return
        folder = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self):
        """Leaves no trace of what was prepared and not committed."""
        if self._ready:
            os.unlink(self._ready)
            self._ready = None
