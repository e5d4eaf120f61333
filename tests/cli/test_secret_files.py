"""Files that decide who comes in: nobody else may have a hand in them while they are written."""

import pytest

from bed.cli import Knockwork

FOLDER = "/run/shared"
SECRET = FOLDER + "/secret"


def _folder(knockwork: Knockwork, mode: str, owner: str = "root:root") -> None:
    knockwork.host.output(["sh", "-c", f"rm -rf {FOLDER}; mkdir -p {FOLDER}; chown {owner} {FOLDER}; "
                                       f"chmod {mode} {FOLDER}"])


def test_no_name_can_be_taken_in_advance(knockwork: Knockwork) -> None:
    """Where all may make files: what waits under a name made of the process's id is not written to."""
    _folder(knockwork, "1777")
    knockwork.host.output(["sh", "-c", f"umask 0; for name in {SECRET}.$$ {FOLDER}/.secret.$$; do : > $name; "
                                       "chown 65534 $name; chmod 666 $name; done; "
                                       f"exec {knockwork.command()[0]} derive new-secret {SECRET}"])
    assert knockwork.host.output(["stat", "-c", "%a %u", SECRET]) == "600 0\n"
    assert knockwork.host.output(["sh", "-c", f"find {FOLDER} -type f ! -name secret -size +0"]) == ""
    assert knockwork.host.output(["sh", "-c", f"find {FOLDER} -user root -type f"]) == SECRET + "\n"


def test_no_link_is_followed(knockwork: Knockwork) -> None:
    """Neither under the process's id, nor the name itself."""
    _folder(knockwork, "1777")
    knockwork.host.output(["sh", "-c", f"echo kept > /run/target; ln -s /run/target {SECRET}.$$; "
                                       f"exec {knockwork.command()[0]} derive new-secret {SECRET}"])
    assert knockwork.host.read("/run/target") == "kept\n"
    knockwork.host.output(["sh", "-c", f"rm {SECRET}; ln -s /run/nothing {SECRET}"])
    assert knockwork.refused("derive", "new-secret", SECRET) == (
        f"knockwork: error: cannot write {SECRET}: File exists\n")
    assert knockwork.host.run(["test", "-e", "/run/nothing"]).returncode == 1


@pytest.mark.parametrize("mode, owner, why", [
    ("777", "root:root",
     f"others can replace the contents of the directory {FOLDER}: `chmod go-w {FOLDER}`, or choose another"),
    ("770", "root:daemon",
     f"others can replace the contents of the directory {FOLDER}: `chmod go-w {FOLDER}`, or choose another"),
    ("755", "daemon:root", f"the directory {FOLDER} belongs to another user, who could replace its contents: choose a "
                           f"directory of your own"),
    ("1777", "daemon:root", f"the directory {FOLDER} belongs to another user, who could replace its contents: choose a "
                            f"directory of your own"),
])
def test_a_folder_of_others(knockwork: Knockwork, mode: str, owner: str, why: str) -> None:
    """A secret that somebody else can replace is his secret: refused, and nothing is left there."""
    _folder(knockwork, mode, owner)
    assert knockwork.refused("derive", "new-secret", SECRET) == f"knockwork: error: {why}\n"
    assert knockwork.host.output(["ls", "-A", FOLDER]) == ""


def test_a_folder_of_the_own_group(knockwork: Knockwork) -> None:
    """As a umask of 002 makes it; a path without a folder means the one where the command runs."""
    _folder(knockwork, "775")
    done = knockwork.run("derive", "new-secret", "secret", cwd=FOLDER)
    assert (done.returncode, done.stderr) == (0, "")
    assert knockwork.host.output(["stat", "-c", "%a %u", SECRET]) == "600 0\n"
