"""Signatures of models, as OpenSSF Model Signing v1 has them and its tool model_signing makes them.

A signature is a file of JSON beside the model: `model.sig` in its folder or in the one above it,
which signs all files below that, or `<file>.sig`, which signs that file alone. It holds the digest
of each file (an in-toto statement) and was made with a key whose public half the operator has. What
is verified is the bytes that are loaded, not the files, which may change meanwhile.

https://github.com/sigstore/model-transparency; https://github.com/secure-systems-lab/dsse
"""

import base64
import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import decode_card
from meshlens.classify.formats.packing import digest_packed
from meshlens.classify.storage.places import Places
from meshlens.classify.storage.source import Source, read_file
from meshlens.faults import Place

if TYPE_CHECKING:  # megabytes that services without keys never need
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

FOLDER_SIGNATURE = "model.sig"
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT = "https://model_signing/signature/v1.0"
# How the only file of a signature for one file is called.
_ITSELF = "."
_REMEDY = "sign the model: model_signing sign key --private_key KEY --signature model.sig FOLDER"

_log = logging.getLogger(__name__)


class SignatureMode(StrEnum):
    """What happens to models without a signature that holds."""

    OFF = "off"
    """No signature is looked at."""
    WARN = "warn"
    """They are served, with a warning."""
    ENFORCE = "enforce"
    """They are not loaded."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of who made a model.

    Attributes:
        signer: sha256 of the public key that its signature holds for; empty without one.
        fault: why no signature holds, where such models are served nevertheless.
    """

    signer: str = ""
    fault: str = ""

    @property
    def signature(self) -> Literal["verified", "unverified", "unchecked"]:
        """Whether a signature holds; unchecked if none was looked at."""
        if self.signer:
            return "verified"
        return "unverified" if self.fault else "unchecked"


class Signatures:
    """Verifies models as they are loaded.

    Args:
        mode: what happens to those without a signature that holds.
        keys: PEM of the public keys, or certificates, of those who may sign, one after the other.

    Raises:
        ValueError: there is none among them, or one that is no key of an elliptic curve.
    """

    def __init__(self, mode: SignatureMode, keys: bytes = b"") -> None:
        self._mode = mode
        self._keys = dict(_load_keys(keys)) if mode is not SignatureMode.OFF else {}

    def vouch(self, source: Source, data: bytes) -> tuple[Source, Provenance]:
        """Return the source, which from now on reads what is signed only, and its provenance.

        Args:
            source: of a model.
            data: its bytes, as they will be opened.

        Raises:
            InvalidModel: no signature holds for them, and one must.
        """
        if self._mode is SignatureMode.OFF:
            return source, Provenance()
        try:
            signer, signed = self._read(source)
            _compare(signed, _digest_model(source, data))
            places = source.places
            sealed = _Sealed(places.folders, places.addresses, signed)
            _check_beside(source, sealed)
        except InvalidModel as error:
            if self._mode is SignatureMode.ENFORCE:
                raise
            _log.warning("model %s version %s: %s", source.model, source.version, error)
            return source, Provenance(fault=str(error))
        if self._mode is SignatureMode.WARN:
            return source, Provenance(signer)
        return replace(source, places=sealed), Provenance(signer)

    def _read(self, source: Source) -> tuple[str, dict[Path, str]]:
        """Return who signed the files of a model, and the digest of each that is signed."""
        for path, folder in _candidates(source.path):
            if source.places.allow(path) and path.is_file():
                signer, digests = self._verify(path, read_file(path, source.places))
                one = source.path if set(digests) == {_ITSELF} else None
                return signer, {one or folder / name: digests[name] for name in digests}
        raise InvalidModel(
            f"expected a signature of {source.path.name}, {FOLDER_SIGNATURE} in its folder",
            got="none",
            remedy=_REMEDY,
        )

    def _verify(self, path: Path, content: bytes) -> tuple[str, dict[str, str]]:
        try:
            envelope = json.loads(content)["dsseEnvelope"]
            payload = base64.b64decode(envelope["payload"], validate=True)
            kind = str(envelope["payloadType"])
            signatures = [
                base64.b64decode(it["sig"], validate=True) for it in envelope["signatures"]
            ]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise _unusable(path, f"{type(error).__name__}: {error}") from None
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        for signer, key in self._keys.items():
            if any(_holds(key, signature, signed) for signature in signatures):
                return signer, _read_statement(path, kind, payload)
        raise InvalidModel(
            f"{path.name} must be made with a key of MODEL_SIGNATURES_KEY",
            got="one that holds for none of them",
            remedy="sign it with that key, or add the signer's public key there",
            places=[Place(file=path.name)],
        )


@dataclass(frozen=True, slots=True)
class _Sealed(Places):
    """Places from which only signed bytes are read.

    Attributes:
        signed: the digest of each signed file.
    """

    signed: Mapping[Path, str] = field(default_factory=dict)

    def read(self, path: Path) -> bytes:
        """Return the bytes of a file, if they are the signed ones.

        Raises:
            InvalidModel: they are not, or the file is where no files may be.
            OSError: it cannot be read.
        """
        data = Places.read(self, path)
        _compare(self.signed, {path: hashlib.sha256(data).hexdigest()})
        return data


def _candidates(model: Path) -> Iterator[tuple[Path, Path]]:
    """Yield where a model's signature may be, and the folder whose files it signs then."""
    folder = model if model.is_dir() else model.parent
    if folder != model:
        yield model.with_name(f"{model.name}.sig"), folder
    yield folder / FOLDER_SIGNATURE, folder
    yield folder.parent / FOLDER_SIGNATURE, folder.parent


def _digest_model(source: Source, data: bytes) -> dict[Path, str]:
    if source.path.is_dir():
        packed = digest_packed(data)
        packed.pop(FOLDER_SIGNATURE, None)
        return {source.path / name: sha256 for name, sha256 in packed.items()}
    return {source.path: hashlib.sha256(data).hexdigest()}


def _check_beside(source: Source, sealed: _Sealed) -> None:
    """Check what is read beside a model, and that nothing is missing that was signed with it."""
    beside = [source.card_path, source.subject_file]
    with suppress(IndexError):
        beside.append(source.label_file(sealed.folders[0] if sealed.folders else Path("/")))
    for path in beside:
        if path and path.is_file():
            content = read_file(path, sealed)
            if path == source.card_path and decode_card(content) != source.card:
                raise InvalidModel(
                    f"{path.name} has changed while the model was loaded",
                    remedy="wait: the model is loaded again",
                )
    folder = source.path if source.path.is_dir() else source.path.parent
    for path in sealed.signed:
        if path.is_relative_to(folder) and path != source.path and not path.exists():
            raise InvalidModel(
                f"{path.name} must be there, as it is signed", got="nothing", remedy=_REMEDY
            )


def _compare(signed: Mapping[Path, str], digests: Mapping[Path, str]) -> None:
    for path, sha256 in digests.items():
        if signed.get(path) != sha256:
            raise InvalidModel(
                f"{path.name} must have the sha256 that its signature names,"
                f" {signed.get(path, 'which names none for it')}",
                got=sha256,
                remedy="put the signed file there, or sign the model again",
                places=[Place(file=path.name)],
            )


def _read_statement(path: Path, kind: str, payload: bytes) -> dict[str, str]:
    """Return the digests in a statement whose signature holds."""
    try:
        statement: dict[str, Any] = json.loads(payload)
        form = (kind, statement["predicateType"])
        way = statement["predicate"]["serialization"]["method"]
        resources = statement["predicate"]["resources"]
        algorithms = {str(it["algorithm"]) for it in resources}
        digests = {str(it["name"]): str(it["digest"]) for it in resources}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from None
    if form != (_PAYLOAD, _STATEMENT) or way != "files" or algorithms != {"sha256"}:
        raise _unusable(path, f"{form}, {way} by {', '.join(sorted(algorithms)) or 'nothing'}")
    return digests


def _unusable(path: Path, got: str) -> InvalidModel:
    return InvalidModel(
        f"{path.name} must be a signature of OpenSSF Model Signing v1 with sha256 of each file",
        got=got,
        remedy=_REMEDY,
        places=[Place(file=path.name)],
    )


def _holds(key: "EllipticCurvePublicKey", signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - see the top
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415 - the same

    digest = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]
    try:
        key.verify(signature, signed, ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def _load_keys(text: bytes) -> Iterable[tuple[str, "EllipticCurvePublicKey"]]:
    from cryptography import x509  # noqa: PLC0415 - see the top
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - the same

    end = b"-----END "
    blocks = [b"-----BEGIN " + part for part in text.split(b"-----BEGIN ")[1:] if end in part]
    for block in blocks:
        is_certificate = block.startswith(b"-----BEGIN CERTIFICATE")
        key = (
            x509.load_pem_x509_certificate(block).public_key()
            if is_certificate
            else serialization.load_pem_public_key(block)
        )
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size not in {256, 384, 521}:
            raise ValueError("expected keys of the curves P-256, P-384 or P-521")
        pem = key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        yield hashlib.sha256(pem).hexdigest(), key
    if not blocks:
        raise ValueError("expected PEM of a public key or a certificate")
