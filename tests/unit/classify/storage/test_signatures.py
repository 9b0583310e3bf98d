"""A model is what its signer has signed, in the bytes that are loaded, or it is not served."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from client_programs import run_client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from processes import eventually
from unit.classify.chains import add_chain

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.packing import digest_packed, pack
from meshlens.classify.methods import describe
from meshlens.classify.models import shipped_models
from meshlens.classify.serving.opening import Loaded, open_model
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import State
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.places import Places
from meshlens.classify.storage.signatures import Provenance, SignatureMode, Signatures
from meshlens.classify.storage.source import Source, read_model

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
TYPE = "application/vnd.in-toto+json"
Resources = Mapping[str, bytes]


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = KEY) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(
    files: Resources,
    key: ec.EllipticCurvePrivateKey = KEY,
    *,
    kind: str = TYPE,
    predicate: str = "https://model_signing/signature/v1.0",
    method: str = "files",
    algorithm: str = "sha256",
    digest: hashes.HashAlgorithm | None = None,
) -> bytes:
    """Return a signature as the tool writes it."""
    resources = [
        {"name": name, "algorithm": algorithm, "digest": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    ]
    statement: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model", "digest": {"sha256": "0" * 64}}],
        "predicateType": predicate,
        "predicate": {"resources": resources, "serialization": {"method": method}},
    }
    payload = json.dumps(statement).encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signature = key.sign(signed, ec.ECDSA(digest or hashes.SHA256()))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
    }
    return json.dumps({"dsseEnvelope": envelope}).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The digits that ship, without a signature."""
    shutil.copytree(shipped_models() / "digits", tmp_path / "models/digits")
    return tmp_path / "models"


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "model.sig"
    }


def find(folder: Path) -> Source:
    (source,) = find_models(folder, Places.of("*", folder))
    return source


def load(
    folder: Path,
    mode: SignatureMode = SignatureMode.ENFORCE,
    keys: bytes | None = None,
    *,
    between: Callable[[], object] = lambda: None,
) -> Loaded:
    """Load the only model as the service does; `between` happens once its bytes are read."""
    source = find(folder)
    data = read_model(source)
    between()

    def engine(*args: Any) -> Any:  # noqa: ANN401 - as OpenEngine is called
        return open_engine(*args, workers=1)

    vouch = Signatures(mode, pem() if keys is None else keys).vouch
    loaded = open_model(source, data, engine, folder, vouch=vouch)
    loaded.engine.close()
    return loaded


def test_the_repository_serves_what_is_signed_and_says_why_it_does_not_serve_the_rest(
    folder: Path,
) -> None:
    shutil.copytree(folder / "digits", folder / "unsigned")
    version = folder / "digits/1"
    (version / "model.sig").write_bytes(sign(files_of(version)))
    repository = Repository(
        folder,
        partial(open_engine, workers=1),
        default="digits",
        vouch=Signatures(SignatureMode.ENFORCE, pem()).vouch,
    )
    repository.start(lambda _: None)
    try:
        eventually(
            lambda: {it.state for it in repository.servables()} == {State.AVAILABLE, State.END},
            "both have been tried",
        )
        shown = {
            it.source.model: describe(it, default=False, max_pixels=1).model_dump()
            for it in repository.servables()
        }
    finally:
        repository.stop()
    assert shown["digits"]["signer"] == hashlib.sha256(pem()).hexdigest()
    assert len(shown["digits"]["sha256"]) == 64
    assert shown["unsigned"]["state"] == "END"
    assert "expected a signature of digits.tflite" in shown["unsigned"]["error"]


@pytest.mark.parametrize("place", ["version", "model", "file"])
def test_a_signed_model_is_served_and_its_signer_known(folder: Path, place: str) -> None:
    version = folder / "digits/1"
    where = {
        "version": (version, version / "model.sig"),
        "model": (folder / "digits", folder / "digits/model.sig"),
    }
    if place == "file":
        for path in version.iterdir():
            if path.suffix != ".tflite":
                path.unlink()
        one = {".": (version / "digits.tflite").read_bytes()}
        (version / "digits.tflite.sig").write_bytes(sign(one))
    else:
        base, signature = where[place]
        signature.write_bytes(sign(files_of(base)))
    assert load(folder).provenance == Provenance(hashlib.sha256(pem()).hexdigest())


@pytest.mark.slow
@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_a_signature_of_the_tool_itself_holds(
    folder: Path, tmp_path: Path, curve: ec.EllipticCurve
) -> None:
    key = ec.generate_private_key(curve)
    (tmp_path / "public.pem").write_bytes(pem(key))
    (tmp_path / "private.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    version = folder / "digits/1"
    keys = (str(tmp_path / "private.pem"), str(tmp_path / "public.pem"))
    said = run_client("model_signing_cli", str(version), *keys, str(version / "model.sig"))
    assert said == "Verification succeeded"
    assert load(folder, keys=pem(key)).provenance.signer == hashlib.sha256(pem(key)).hexdigest()
    (version / "digits.tflite").write_bytes((version / "digits.tflite").read_bytes() + b"!")
    with pytest.raises(InvalidModel, match="must have the sha256 that its signature names"):
        load(folder, keys=pem(key))


def unsign(folder: Path) -> None:
    (folder / "model.sig").unlink()


def sign_by_another(folder: Path) -> None:
    (folder / "model.sig").write_bytes(sign(files_of(folder), OTHER))


def change_the_model(folder: Path) -> None:
    (folder / "digits.tflite").write_bytes((folder / "digits.tflite").read_bytes() + b"!")


def add_labels(folder: Path) -> None:
    (folder / "digits_labels.txt").write_text("\n".join("abcdefghij"))


def add_a_card(folder: Path) -> None:
    (folder / "card.yaml").write_text("output: {top: 1}")


def remove_what_is_signed(folder: Path) -> None:
    files = {**files_of(folder), "digits_labels.txt": b"gone"}
    (folder / "model.sig").write_bytes(sign(files))


def change_the_envelope(folder: Path) -> None:
    content = json.loads((folder / "model.sig").read_bytes())
    statement = json.loads(base64.b64decode(content["dsseEnvelope"]["payload"]))
    statement["subject"] = []
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    content["dsseEnvelope"]["payload"] = payload
    (folder / "model.sig").write_text(json.dumps(content))


def link_it_to_a_signature_elsewhere(folder: Path) -> None:
    shutil.move(folder / "model.sig", folder.parents[2] / "model.sig")
    (folder / "model.sig").symlink_to(folder.parents[2] / "model.sig")


FAULTS: Mapping[Callable[[Path], None], str] = {
    unsign: "expected a signature of digits.tflite",
    sign_by_another: "must be made with a key of MODEL_SIGNATURES_KEY",
    change_the_model: "digits.tflite must have the sha256",
    add_labels: "digits_labels.txt must have the sha256",
    add_a_card: "card.yaml must have the sha256",
    remove_what_is_signed: "digits_labels.txt must be there, as it is signed",
    change_the_envelope: "must be made with a key of MODEL_SIGNATURES_KEY",
    link_it_to_a_signature_elsewhere: "expected a signature of digits.tflite",
}


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda it: it.__name__)
def test_a_model_whose_signature_does_not_hold_is_served_by_nobody_who_enforces_it(
    folder: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    version = folder / "digits/1"
    (version / "model.sig").write_bytes(sign(files_of(version)))
    assert load(folder).provenance.signature == "verified"
    spoil(version)
    with pytest.raises(InvalidModel, match=FAULTS[spoil]):
        load(folder)
    provenance = load(folder, SignatureMode.WARN).provenance
    assert FAULTS[spoil] in provenance.fault
    assert (provenance.signer, provenance.signature) == ("", "unverified")
    assert provenance.fault in caplog.text
    unchecked = load(folder, SignatureMode.OFF).provenance
    assert (unchecked, unchecked.signature) == (Provenance(), "unchecked")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"dsseEnvelope": {"payload": "!", "payloadType": "", "signatures": []}}',
        b"[" * 100_000,
        sign({}, kind="application/json"),
        sign({}, predicate="https://example.org"),
        sign({"a": b""}, method="shards"),
        sign({"a": b""}, algorithm="md5"),
    ],
)
def test_what_is_no_signature_is_refused(folder: Path, content: bytes) -> None:
    (folder / "digits/1/model.sig").write_bytes(content)
    with pytest.raises(InvalidModel, match=r"model\.sig must be"):
        load(folder)


def test_what_changes_between_the_look_and_the_load_does_not_slip_through(folder: Path) -> None:
    version = folder / "digits/1"
    honest = (version / "digits.tflite").read_bytes()
    (version / "digits_labels.txt").write_text("\n".join("0123456789"))
    (version / "model.sig").write_bytes(sign(files_of(version)))
    change_the_model(version)
    with pytest.raises(InvalidModel, match=r"digits\.tflite must have the sha256"):
        load(folder, between=lambda: (version / "digits.tflite").write_bytes(honest))
    source = find(folder)
    sealed, _ = Signatures(SignatureMode.ENFORCE, pem()).vouch(source, read_model(source))
    (version / "digits_labels.txt").write_text("\n".join("9876543210"))
    with pytest.raises(InvalidModel, match=r"digits_labels\.txt must have the sha256"):
        sealed.labels(folder)


def test_every_file_of_a_saved_model_is_signed(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    saved = folder / "model/1"
    (saved / "variables").mkdir(parents=True)
    (saved / "saved_model.pb").write_bytes(b"a graph")
    (saved / "variables/variables.index").write_bytes(b"values")
    (saved / "model.sig").write_bytes(sign(files_of(saved)))
    signatures, source = Signatures(SignatureMode.ENFORCE, pem()), find(folder)
    assert signatures.vouch(source, read_model(source))[1].signer
    (saved / "variables/more").write_bytes(b"unsigned")
    with pytest.raises(InvalidModel, match="more must have the sha256"):
        signatures.vouch(source, read_model(source))


def test_the_digests_of_a_packed_folder_are_those_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_bytes(b"content")
    assert digest_packed(pack(tmp_path)) == {"a/b": hashlib.sha256(b"content").hexdigest()}
    with pytest.raises(InvalidModel, match="damaged"):
        digest_packed(b"no archive")


def test_one_of_several_keys_or_a_certificate_is_enough(folder: Path) -> None:
    version = folder / "digits/1"
    (version / "model.sig").write_bytes(sign(files_of(version), OTHER))
    assert load(folder, keys=pem() + pem(OTHER)).provenance.signer
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]), datetime.now(UTC)
    until = now + timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, OTHER.public_key(), 1, now, until)
    certificate = builder.sign(OTHER, hashes.SHA256())
    keys = certificate.public_bytes(serialization.Encoding.PEM)
    assert load(folder, keys=keys).provenance.signer == hashlib.sha256(pem(OTHER)).hexdigest()


@pytest.mark.parametrize(
    "keys",
    [
        b"",
        b"no key",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        pem(rsa.generate_private_key(65537, 2048)),
    ],
)
def test_what_is_no_key_of_a_signer_is_refused(keys: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Signatures(SignatureMode.WARN, keys)


def test_a_chain_is_signed_by_its_card(tmp_path: Path) -> None:
    add_chain(tmp_path, "both", "detect: a, classify: b")
    version = tmp_path / "both/1"
    with pytest.raises(InvalidModel, match=r"expected a signature of card\.yaml"):
        load(tmp_path)
    (version / "model.sig").write_bytes(sign(files_of(version)))
    assert load(tmp_path).provenance.signature == "verified"
    (version / "card.yaml").write_text("chain: {detect: a, classify: c}")
    with pytest.raises(InvalidModel, match=r"card\.yaml must have the sha256"):
        load(tmp_path)
