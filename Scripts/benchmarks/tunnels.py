"""Ways to reach two local ports, each started as its users would, on free ports of loopback."""

import json
import os
import socket
import subprocess
import time

HAWSER = os.environ["HAWSER"]


class Tunnel:
    """`ports` are where the targets are reached, in their order; `processes` is what it runs."""

    def __init__(self, folder, targets):
        self.folder = folder
        self.processes = []
        self.ports = list(targets)
        self.start(targets)
        for port in self.ports:
            wait_for_port(port)

    def start(self, targets):
        pass

    def run(self, *command):
        log = open(os.path.join(self.folder, f"{len(self.processes)}.log"), "wb")
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self.processes.append(process)
        return process

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)

    def cpu_seconds(self):
        """CPU time of all processes and their children so far."""
        return sum(sum(_times(pid)) for pid in self._pids()) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self):
        """The sum of the processes' peak resident sets."""
        return sum(_peak(pid) for pid in self._pids())

    def _pids(self):
        """The processes and all that they have started and that still run."""
        pids = [process.pid for process in self.processes]
        for pid in pids:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children") as file:
                    pids += [int(child) for child in file.read().split()]
        return pids


class Direct(Tunnel):
    name = "direct"


class SecureShell(Tunnel):
    name = "ssh -R"

    def start(self, targets):
        for key in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key],
                cwd=self.folder,
                check=True,
            )
        os.makedirs("/run/sshd", exist_ok=True)
        port = free_port()
        config = self.write(
            "sshd.conf",
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/user.pub\nStrictModes no\nUsePAM no\n"
            "PermitRootLogin yes\nPidFile none\nUseDNS no\n",
        )
        self.run("/usr/sbin/sshd", "-D", "-e", "-f", config)
        wait_for_port(port)
        self.ports = [free_port() for _ in targets]
        forwards = []
        for public, target in zip(self.ports, targets):
            forwards += ["-R", f"127.0.0.1:{public}:127.0.0.1:{target}"]
        self.run(
            "ssh", "-N", "-F", "none", "-i", f"{self.folder}/user", "-p", str(port),
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            *forwards, "127.0.0.1",
        )


class ProxyPair(Tunnel):
    name = "haproxy TLS pair"

    def start(self, targets):
        subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            " -subj /CN=bench -keyout key.pem -out chain.pem && cat chain.pem key.pem > both.pem",
            shell=True, check=True, cwd=self.folder, stderr=subprocess.DEVNULL,
        )
        common = (
            "global\n nbthread 1\n"
            "defaults\n mode tcp\n timeout connect 10s\n timeout client 1h\n timeout server 1h\n"
        )
        near, far = common, common
        self.ports = [free_port() for _ in targets]
        for public, target in zip(self.ports, targets):
            middle = free_port()
            near += (
                f"listen p{public}\n bind 127.0.0.1:{public}\n"
                f" server far 127.0.0.1:{middle} ssl verify none\n"
            )
            far += (
                f"listen p{middle}\n bind 127.0.0.1:{middle} ssl crt {self.folder}/both.pem\n"
                f" server target 127.0.0.1:{target}\n"
            )
        self.run("haproxy", "-db", "-f", self.write("far.cfg", far))
        self.run("haproxy", "-db", "-f", self.write("near.cfg", near))


class Hawser(Tunnel):
    name = "hawser tcp"
    transport = "tcp"

    def start(self, targets):
        server, provider = f"{self.folder}/server.json", f"{self.folder}/provider.json"
        self.run(
            HAWSER, "server", "--address", "127.0.0.1", "--control", "0", "--listen", "0",
            "--public-host", "127.0.0.1", "--state", f"{self.folder}/state",
            "--ready-file", server,
        )
        read_json(server)
        services = []
        for target in targets:
            services += ["--tcp", f"0=127.0.0.1:{target}"]
        self.run(
            HAWSER, "provider", "--join-file", server, "--transport", self.transport, *services,
            "--ready-file", provider,
        )
        self.ports = [entry["port"] for entry in read_json(provider)["entries"]]


ALL = [Direct, SecureShell, ProxyPair, Hawser]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, seconds=15):
    wait(lambda: _answers(port), f"port {port}", seconds)


def read_json(path, seconds=15):
    wait(lambda: os.path.exists(path) and os.path.getsize(path) > 0, path, seconds)
    with open(path) as file:
        return json.load(file)


def wait(condition, what, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} is not there after {seconds} s")
        time.sleep(0.02)


def _answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def _times(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    # utime, stime, and those of children that have ended (proc(5)).
    return [int(value) for value in fields[11:15]]


def _peak(pid):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0
