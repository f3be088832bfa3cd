"""A laptop's side of the classroom registry: trusting it, and taking images from it."""

from __future__ import annotations

import re
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path

from labkit.base.addresses import fingerprint_of, is_loopback, split_address
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, MachineLacks, Misuse
from labkit.base.files import read_own, write_atomically
from labkit.lab.cluster_kinds.cluster import Cluster
from labkit.lab.samples.sources import forget as look_again

ENGINE_FOLDER = Path("/etc/docker/certs.d")
NODE_FOLDER = "/etc/containerd/certs.d"
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Mirror:
    """The mirror that a lab takes its images from.

    Args:
        configuration: whose state remembers it.
        engine_folder: where the engine looks for certificates of registries.
    """

    configuration: Configuration
    engine_folder: Path = ENGINE_FOLDER

    @property
    def _file(self) -> Path:
        return self.configuration.state / "mirror"

    @property
    def address(self) -> str:
        """HOST:PORT, empty if none is used."""
        return (read_own(self._file) or "").strip()

    def use(self, address: str, fingerprint: str) -> list[str]:
        """Trust a registry and take images from it.

        Args:
            address: HOST:PORT, as the instructor gives it.
            fingerprint: of its certificate, as sha256:HEX; not needed on loopback.

        Returns:
            The files that were written.

        Raises:
            Misuse: it is not HOST:PORT, or there is no fingerprint.
            LabFailed: nothing answers, or it has another certificate.
            MachineLacks: the engine's folder cannot be written.
        """
        where = split_address(address)
        if where is None:
            raise Misuse(
                f"Using the registry {address!r}", "it is not of the form HOST:PORT", "ask your instructor for it"
            )
        written = [] if is_loopback(address) else [self._trust(address, where, fingerprint)]
        write_atomically(self._file, address + "\n")
        look_again(self.configuration)
        return [*map(str, written), str(self._file)]

    def _trust(self, address: str, where: tuple[str, int], fingerprint: str) -> Path:
        doing = f"Trusting the registry {address}"
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", fingerprint):
            remedy = f"type what `labkit registry up` printed\n  labkit registry use {address} --fingerprint sha256:..."
            raise Misuse(doing, "its fingerprint is missing, which is sha256: and 64 digits", remedy)
        try:
            certificate = ssl.get_server_certificate(where, timeout=_ANSWER_SECONDS)
        except (OSError, ValueError, OverflowError) as error:
            raise LabFailed(doing, str(error), "check that it is up, and that you are on the same network") from error
        if (seen := fingerprint_of(certificate)) != fingerprint:
            remedy = "somebody else may be answering: compare the two with your instructor before you go on"
            raise LabFailed(doing, f"its certificate has another fingerprint, {seen}", remedy)
        file = self.engine_folder / address / "ca.crt"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, certificate, mode=0o644)
        except PermissionError as error:
            remedy = f"run it as root, or copy the certificate there\n  sudo labkit registry use {address} ..."
            raise MachineLacks(doing, f"{file} cannot be written", remedy) from error
        return file

    def configure_node(self, cluster: Cluster) -> bool:
        """Write the mirror's certificate and hosts.toml onto the node; whether there was something to write."""
        address = self.address
        file = self.engine_folder / address / "ca.crt"
        if not address or is_loopback(address) or not file.is_file() or not cluster.exists():
            return False
        folder = f"{NODE_FOLDER}/{address}"
        hosts = (
            f'server = "https://{address}"\n\n[host."https://{address}"]\n'
            f'capabilities = ["pull", "resolve"]\nca = "{folder}/ca.crt"\n'
        )
        cluster.put_files({f"{folder}/ca.crt": file.read_bytes(), f"{folder}/hosts.toml": hosts.encode()})
        return True

    def forget(self, cluster: Cluster | None) -> list[str]:
        """Take images from upstream again, and remove what was written.

        Args:
            cluster: whose node may have been configured; None if none answers.

        Returns:
            What was removed.
        """
        address, gone = self.address, []
        if not address:
            return []
        if not is_loopback(address):
            folder = self.engine_folder / address
            if (folder / "ca.crt").is_file():
                shutil.rmtree(folder)
                gone.append(str(folder))
            if cluster is not None and cluster.exists():
                cluster.execute(["rm", "-rf", f"{NODE_FOLDER}/{address}"])
                gone.append(f"{cluster.node}:{NODE_FOLDER}/{address}")
        self._file.unlink()
        look_again(self.configuration)
        return [*gone, str(self._file)]
