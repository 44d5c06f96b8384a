"""A Slurm of one node on this machine, for tests and for trying the profile out.

    PYTHONPATH=tests python tests/cluster/slurm.py up FOLDER      install if need be, start, wait until the node is idle
    PYTHONPATH=tests python tests/cluster/slurm.py down FOLDER    stop all of it

`up` prints the line that points Slurm's commands at it. Everything but Debian's packages lies in FOLDER: keys, state,
logs. No daemon of the system is touched. It has no accounting, and kills jobs over their memory by polling, since
control groups are not to be had everywhere.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from timing import RUN, START, run_within, wait_until

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "munged")
SETTINGS = """\
ClusterName=batterymi
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
ReturnToService=2
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SlurmdTimeout=10
SlurmdParameters=config_overrides
KillWait=5
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb}
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class NoSlurmError(Exception):
    """Slurm is not to be had here; the message says why."""


@dataclass(frozen=True)
class Slurm:
    """A Slurm whose files lie in one folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What points Slurm's commands at it.

        Inside a job, the executor hides most variables of Slurm from srun, so that srun gets them from a wrapper.
        """
        return {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }

    def ask(self, *command: str) -> str:
        """Answer of one of Slurm's commands; nothing where it is not installed, fails or takes too long."""
        environment = {**os.environ, **self.environment}
        try:
            done = run_within(START, command, env=environment, stderr=subprocess.DEVNULL)
        except (FileNotFoundError, TimeoutError):
            return ""
        return done.stdout if done.returncode == 0 else ""

    def up(self) -> None:
        """Configure and start all three daemons, and wait until the node takes jobs.

        Raises:
            NoSlurmError: if it does not come up.
        """
        for part in ("state", "spool", "bin"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        if not key.exists():
            key.touch(mode=0o400)
            key.write_bytes(os.urandom(128))
        ports = free_ports(2)
        text = SETTINGS.format(
            folder=self.folder,
            host=socket.gethostname().split(".")[0],
            ctld_port=ports[0],
            slurmd_port=ports[1],
            cpus=max(4, os.cpu_count() or 1),  # jobs that only wait must not hold up the others
            memory_mb=max(8192, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 9 // 10 // 2**20),
        )
        (self.folder / "slurm.conf").write_text(text)
        wrapper = self.folder / "bin/srun"
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF="{self.folder}/slurm.conf" exec {shutil.which("srun")} "$@"\n')
        wrapper.chmod(0o755)
        self.start_munged()
        self.start("slurmctld")
        self.start("slurmd")
        self.wait_until_idle()

    def start_munged(self) -> None:
        """Start the daemon that signs messages, with a key and a socket of its own."""
        options = {name: self.folder / f"munge.{name}" for name in ("socket", "pid", "seed", "log")}
        command = [
            *("munged", "--force", f"--key-file={self.folder}/munge.key", f"--socket={options['socket']}"),
            *(f"--pid-file={options['pid']}", f"--seed-file={options['seed']}", f"--log-file={options['log']}"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoSlurmError(f"munged does not start: {last_line(done.stderr)}")

    def start(self, daemon: str) -> None:
        """Start slurmctld or slurmd."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run([daemon], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoSlurmError(f"{daemon} does not start: {last_line(done.stderr)}")

    def node_state(self) -> str:
        """What the node does."""
        return self.ask("sinfo", "--noheader", "--format", "%T").strip()

    def wait_until_idle(self) -> None:
        """Wait until the node takes jobs."""
        if not wait_until(lambda: self.node_state() in {"idle", "mixed", "allocated"}, RUN):
            raise NoSlurmError(f"the node stays {self.node_state() or 'unknown'}; see {self.folder}/slurmctld.log")

    def process(self, daemon: str) -> int:
        """Process id of a daemon, or 0; an old file may name a process of somebody else by now."""
        name = "munge" if daemon == "munged" else daemon
        file = self.folder / f"{name}.pid"
        text = file.read_text().strip() if file.exists() else ""
        return int(text) if text and is_alive(int(text)) and command_of(int(text)) == daemon else 0

    def kill(self, daemon: str) -> None:
        """Kill a daemon as a crash would, and wait until it is gone."""
        process = self.process(daemon)
        assert process, f"{daemon} does not run"
        os.kill(process, signal.SIGKILL)
        wait_for_end(process)

    def down(self) -> None:
        """Cancel what runs, wait until it has ended, and stop all daemons."""
        self.ask("scancel", "--user", "root", "--signal", "KILL", "--full")
        self.ask("scancel", "--user", "root")
        wait_until(lambda: not self.ask("squeue", "--noheader"), START)
        for daemon in ("slurmctld", "slurmd", "munged"):
            if process := self.process(daemon):
                os.kill(process, signal.SIGTERM)
                wait_for_end(process)


def is_alive(process: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_of(process: int) -> str:
    """Name of the program that a process runs; nothing where there is no such process."""
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def wait_for_end(process: int) -> None:
    """Wait until a process is gone; kill it if it takes too long."""
    if not wait_until(lambda: not is_alive(process), START):
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: not is_alive(process), START)


def last_line(text: str) -> str:
    """The last line that says something."""
    return (text.strip().splitlines() or ["it says nothing"])[-1]


def free_ports(number: int) -> list[int]:
    """Ports of the loopback device that nothing listens on."""
    listeners = [socket.socket() for _ in range(number)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def lacks() -> list[str]:
    """Programs of Slurm that are not installed."""
    return [program for program in PROGRAMS if not shutil.which(program)]


def install() -> None:
    """Install Debian's packages, unless they are there; start none of them.

    Raises:
        NoSlurmError: where that cannot be done, with the reason.
    """
    if os.geteuid() != 0:
        raise NoSlurmError("a Slurm of one's own needs root")
    if not lacks():
        return
    if not shutil.which("apt-get"):
        raise NoSlurmError(f"Slurm is not installed ({', '.join(lacks())}), and there is no apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=-1", "-o", "Dpkg::Options::=--force-unsafe-io"]
    policy = Path("/usr/sbin/policy-rc.d")
    forbids = not policy.exists()
    if forbids:  # no daemon of the system shall start
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        for step in (["install"], ["update"], ["install"]):
            command = [*apt, *step, *(["--yes", "--no-install-recommends", *PACKAGES] if step == ["install"] else [])]
            done = run_within(RUN, command, env=environment, stdin=subprocess.DEVNULL)
            if step == ["install"] and done.returncode == 0:
                break
    except TimeoutError as error:
        raise NoSlurmError(f"apt-get did not install Slurm: {last_line(str(error))}") from error
    finally:
        if forbids:
            policy.unlink()
    if lacks():
        raise NoSlurmError(f"apt-get cannot install Slurm: {last_line(done.stdout)}")


def main() -> None:
    """Start or stop from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["up", "down"])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    slurm = Slurm(arguments.folder.resolve())
    if arguments.what == "down":
        slurm.down()
        return
    try:
        install()
        slurm.up()
    except NoSlurmError as error:
        sys.exit(f"no Slurm: {error}")
    print(f'export SLURM_CONF={slurm.folder}/slurm.conf PATH="{slurm.folder}/bin:$PATH"')


if __name__ == "__main__":
    main()
