"""Two network namespaces joined by a veth pair: clients in this process's, the server in another. Both end with their last process, so
nothing can be left behind. Needed because Firefox and GStreamer do not reach a server on 127.0.0.1."""
import os
import subprocess
import sys
import time

CLIENT, SERVER = ("10.77.0.1", "fd77::1"), ("10.77.0.2", "fd77::2")
INSIDE = "PLM_INTEROP_INSIDE"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def inside():
    return INSIDE in os.environ


def enter():
    """Run this program again in a namespace of its own, unless it is there already. @return why that is impossible, or None"""
    if inside():
        return None
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    try:
        if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL).returncode:
            return "network namespaces are not allowed here"
    except FileNotFoundError:
        return "unshare (util-linux) is not installed"
    os.environ[INSIDE] = "1"
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])


def addresses(device, pair):
    ip("address", "add", pair[0] + "/24", "dev", device)
    ip("address", "add", pair[1] + "/64", "dev", device, "nodad")
    ip("link", "set", "lo", "up")
    ip("link", "set", device, "up")


def start(command, env, log):
    """Start the server's program in the second namespace, joined to this one. @return its process"""
    read, write = os.pipe()
    script = 'read -r _ && exec "$@"'
    child = subprocess.Popen(["unshare", "--net", "sh", "-c", script, "sh", *command], stdin=read, stdout=log, stderr=log, env=env)
    os.close(read)
    wait_for_namespace(child.pid)
    ip("link", "add", "client", "type", "veth", "peer", "name", "server", "netns", str(child.pid))
    addresses("client", CLIENT)
    # browsers look for the address that leads to the rest of the world
    ip("route", "add", "default", "via", SERVER[0])
    ip("-6", "route", "add", "default", "via", SERVER[1])
    subprocess.run(["nsenter", "--net", "--target", str(child.pid), sys.executable, __file__], check=True)
    os.write(write, b"\n")
    os.close(write)
    return child


def wait_for_namespace(pid):
    own = os.readlink("/proc/self/ns/net")
    for _ in range(200):
        if os.readlink(f"/proc/{pid}/ns/net") != own:
            return
        time.sleep(0.01)
    raise RuntimeError("the server got no namespace")


if __name__ == "__main__":
    addresses("server", SERVER)
