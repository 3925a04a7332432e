"""compose.yaml and haproxy.cfg: the nodes that the one starts are those that the other leads to."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from documents import PROJECT

FOLDER = PROJECT / "cockroachdb"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
NODES = {name: service for name, service in COMPOSE["services"].items() if name.startswith("node")}
BALANCER = (FOLDER / "haproxy.cfg").read_text()


def test_each_node_knows_the_others_and_keeps_its_data() -> None:
    assert len(NODES) == 3
    for name, node in NODES.items():
        assert f"--advertise-addr={name} " in node["command"]
        assert f"--join={','.join(NODES)} " in node["command"]
        assert node["volumes"] == [f"{name}:/cockroach/cockroach-data"]
    assert list(COMPOSE["volumes"]) == list(NODES)


def test_the_balancer_leads_to_each_node() -> None:
    assert re.findall(r"server (\w+) (\w+):26257", BALANCER) == [(name, name) for name in NODES]
    for service in ("init", "haproxy"):
        assert COMPOSE["services"][service]["depends_on"] == list(NODES)


def test_the_regions_are_those_of_the_files() -> None:
    regions = {re.findall(r"region=(\w+)", node["command"])[0] for node in NODES.values()}
    assert regions == set(re.findall(r'REGION (?:IF NOT EXISTS )?"(\w+)"', (FOLDER / "regions.sql").read_text()))


def test_it_listens_on_this_machine_alone() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert "127.0.0.1:26257:26257" in ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_haproxy_takes_its_configuration(tmp_path: Path) -> None:
    haproxy = shutil.which("haproxy")
    if not haproxy:
        pytest.skip("haproxy is not installed")
    file = tmp_path / "haproxy.cfg"
    file.write_text(BALANCER)
    done = subprocess.run([haproxy, "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
