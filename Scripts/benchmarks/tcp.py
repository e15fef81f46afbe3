"""Hawser over `tcp` beside its peers on loopback: `Scripts/bench tcp`."""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile

import origin
import tunnels

ECHOES = 2000
OPENS = 300
UPLOAD_MEGABYTES = 256
WRK_CONNECTIONS = 64


def start_nginx(folder):
    """An nginx that serves one kilobyte; returns its port and the process."""
    port = tunnels.free_port()
    os.makedirs(f"{folder}/www")
    with open(f"{folder}/www/index.html", "wb") as page:
        page.write(b"x" * 1024)
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(
            "daemon off; master_process off; worker_processes 1; pid nginx.pid;"
            f"error_log {folder}/error.log;\n"
            "events { worker_connections 1024; }\n"
            "http { access_log off; keepalive_requests 1000000; tcp_nodelay on;"
            " client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;"
            " uwsgi_temp_path uwsgi; scgi_temp_path scgi;"
            f" server {{ listen 127.0.0.1:{port}; root {folder}/www; }} }}\n"
        )
    command = ["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]
    process = subprocess.Popen(command)
    tunnels.wait_for_port(port)
    return port, process


def requests_per_second(port, seconds):
    command = ["wrk", "-t1", f"-c{WRK_CONNECTIONS}", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    return float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(tunnel, seconds):
    """One round of one tunnel: a figure for each column."""
    load, web = tunnel.ports
    figures = {}
    echoes = origin.echoes(load, ECHOES)
    figures["echo_p50"] = quantile(echoes, 0.5) * 1e6
    figures["echo_p99"] = quantile(echoes, 0.99) * 1e6
    figures["open_p50"] = quantile(origin.opens(load, OPENS), 0.5) * 1e6
    figures["requests"] = requests_per_second(web, seconds)
    cpu = tunnel.cpu_seconds()
    figures["bulk_1"] = origin.download(load, 1, seconds) / 1e6
    used = tunnel.cpu_seconds() - cpu
    # The start-up, a fifth of the time more, is counted as running at the same speed.
    figures["cpu"] = used / (figures["bulk_1"] * seconds * 1.2 / 1e3)
    figures["bulk_16"] = origin.download(load, 16, seconds) / 1e6
    figures["upload"] = origin.upload(load, UPLOAD_MEGABYTES) / 1e6
    figures["peak"] = tunnel.peak_bytes() / (1 << 20)
    return figures


COLUMNS = [
    ("bulk_1", "bulk, 1 stream, MB/s", "{:.0f}"),
    ("bulk_16", "16 streams, MB/s", "{:.0f}"),
    ("upload", "upload, MB/s", "{:.0f}"),
    ("cpu", "CPU s/GB", "{:.2f}"),
    ("requests", "wrk, requests/s", "{:.0f}"),
    ("echo_p50", "echo p50, µs", "{:.0f}"),
    ("echo_p99", "echo p99, µs", "{:.0f}"),
    ("open_p50", "open + echo p50, µs", "{:.0f}"),
    ("peak", "peak RSS, MiB", "{:.0f}"),
]


def table(results):
    """Medians over the rounds, and their ratio to `ssh -R` in brackets."""
    medians = {
        name: {key: statistics.median(r[key] for r in rounds) for key, _, _ in COLUMNS}
        for name, rounds in results.items()
    }
    names = list(medians)
    lines = ["| | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    base = medians.get(tunnels.SecureShell.name)
    for key, title, form in COLUMNS:
        cells = []
        for name in names:
            value = medians[name][key]
            text = form.format(value)
            if base and base[key] and name != tunnels.SecureShell.name and value:
                text += f" ({value / base[key]:.2f})"
            cells.append(text)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def main():
    parser = argparse.ArgumentParser(prog="Scripts/bench tcp")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    wanted = [kind for kind in tunnels.ALL if not options.only or kind.name in options.only.split(",")]
    results = {kind.name: [] for kind in wanted}
    with tempfile.TemporaryDirectory(prefix="hawser-bench-") as folder:
        load = origin.serve()
        web, nginx = start_nginx(os.path.join(folder, "web"))
        try:
            for number in range(options.rounds):
                for kind in wanted:
                    print(f"round {number + 1}: {kind.name}", file=sys.stderr)
                    place = os.path.join(folder, f"{number}-{kind.__name__}")
                    os.makedirs(place)
                    tunnel = kind(place, [load, web])
                    try:
                        results[kind.name].append(measure(tunnel, options.seconds))
                    finally:
                        tunnel.stop()
        finally:
            nginx.terminate()
            nginx.wait()
    print(table(results))
    print()
    print(
        f"Medians of {options.rounds} rounds, one after the other; in brackets the ratio to "
        f"{tunnels.SecureShell.name}. {os.cpu_count()} × {processor()}, "
        f"Linux {platform.release()}; load before the run and after it: "
        f"{LOAD_BEFORE:.1f}, {os.getloadavg()[0]:.1f}."
    )


LOAD_BEFORE = os.getloadavg()[0]

if __name__ == "__main__":
    main()
