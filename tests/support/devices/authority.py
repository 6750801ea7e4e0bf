"""A certificate authority of the tests: what Apple gives a developer, and a server's certificate for this machine."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """Writes ``ca.pem`` and, for each name, ``NAME.pem`` and ``NAME.key`` into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        made = self._begun(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        (folder / "ca.pem").write_bytes(made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def gives(self, name: str, *, signing: bool = True) -> tuple[Path, Path]:
        """A certificate and its key: of who signs passes and may push them, or of a server on this machine."""
        key = rsa.generate_private_key(65537, 2048)
        made = self._begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
        usage = (
            [ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CLIENT_AUTH]
            if signing
            else [ExtendedKeyUsageOID.SERVER_AUTH]
        )
        made = made.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        made = made.add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        certificate, private = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, private

    def _begun(self, name: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
        )
        return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
