"""Mail over SMTP, against a real server on this machine."""

import datetime as dt
import email
import ipaddress
import socket
import ssl
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from watchword.foundation.secrets import Secret
from watchword.foundation.settings import SMTP
from watchword.outbox.mail import DeliveryError, Mail
from watchword.outbox.smtp import SMTPTransport

AT = 1_800_000_000_000
MAIL = Mail("ann@example.org", "Bestätige deine Adresse", "Code: 12345678\n", "<p>Code: <b>12345678</b></p>", "confirm")


class Inbox:
    """Takes mail, or answers each command with what the test says."""

    def __init__(self):
        self.envelopes = []
        self.recipient_answer = self.data_answer = "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append((envelope, session.ssl is not None))
        return self.data_answer

    def message(self):
        (envelope, _), *_ = self.envelopes
        return email.message_from_bytes(envelope.content, policy=default)


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def serve(inbox):
    """Start a server with these options and give its port."""
    controllers = []

    def start(**options):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
        controller.start()
        controllers.append(controller)
        return port

    yield start
    for controller in controllers:
        controller.stop()


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path / "certificate.pem"
    key_text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(built.public_bytes(Encoding.PEM) + key_text)
    return file


@pytest.fixture
def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate, monkeypatch):
    """The machine trusts the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def transport(port, **options):
    settings = {"host": "127.0.0.1", "sender": "Watchword <auth@example.com>", "port": port, "security": "none"}
    return SMTPTransport(SMTP(**{**settings, **options}))


def test_a_mail_arrives_with_both_bodies_and_all_headers(serve, inbox):
    transport(serve()).send(MAIL, "out_abc", AT)
    message = inbox.message()
    assert message["From"] == "Watchword <auth@example.com>"
    assert message["To"] == "ann@example.org"
    assert message["Subject"] == "Bestätige deine Adresse"
    assert message["Message-ID"] == "<out_abc@example.com>"
    assert message["Date"] == "Fri, 15 Jan 2027 08:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), text.get_content().splitlines()) == ("text/plain", MAIL.text.splitlines())
    assert (html.get_content_type(), html.get_content().strip()) == ("text/html", MAIL.html)
    assert inbox.envelopes[0][0].mail_from == "auth@example.com"
    assert inbox.envelopes[0][0].rcpt_tos == ["ann@example.org"]


def test_each_try_carries_the_same_message_id(serve, inbox):
    sender = transport(serve())
    sender.send(MAIL, "out_abc", AT)
    sender.send(MAIL, "out_abc", AT)
    first, second = (envelope.content for envelope, _ in inbox.envelopes)
    assert first.count(b"<out_abc@example.com>") == second.count(b"<out_abc@example.com>") == 1


def test_starttls_encrypts_and_signs_in(serve, inbox, server_context, trusted):
    def authenticate(server, session, envelope, mechanism, data):
        right = (data.login, data.password) == (b"auth", b"mail password")
        return AuthResult(success=right, handled=right)

    port = serve(tls_context=server_context, auth_required=True, authenticator=authenticate, require_starttls=True)
    sender = transport(port, security="starttls", username="auth", password=Secret("mail password"))
    sender.send(MAIL, "out_abc", AT)
    assert [encrypted for _, encrypted in inbox.envelopes] == [True]
    with pytest.raises(DeliveryError, match="SMTPAuthenticationError 535") as failed:
        transport(port, security="starttls", username="auth", password=Secret("other")).send(MAIL, "out_abc", AT)
    assert not failed.value.permanent


def test_tls_from_the_start(serve, inbox, server_context, trusted):
    transport(serve(ssl_context=server_context), security="tls").send(MAIL, "out_abc", AT)
    assert len(inbox.envelopes) == 1


def test_a_certificate_that_nobody_vouches_for_gets_no_mail(serve, inbox, server_context):
    port = serve(tls_context=server_context)
    with pytest.raises(DeliveryError, match="SSLCertVerificationError") as failed:
        transport(port, security="starttls").send(MAIL, "out_abc", AT)
    assert not failed.value.permanent
    assert inbox.envelopes == []


def test_a_server_that_hides_starttls_gets_neither_password_nor_mail(serve, inbox):
    with pytest.raises(DeliveryError, match="SMTPNotSupportedError") as failed:
        transport(serve(), security="starttls", username="u", password=Secret("p")).send(MAIL, "out_abc", AT)
    assert not failed.value.permanent
    assert inbox.envelopes == []


@pytest.mark.parametrize(
    ("recipient", "data", "cause", "permanent"),
    [
        ("550 no such user ann@example.org", "250 OK", "SMTPRecipientsRefused 550", True),
        ("451 try later", "250 OK", "SMTPRecipientsRefused 451", False),
        ("250 OK", "554 spam", "SMTPDataError 554", True),
        ("250 OK", "452 full", "SMTPDataError 452", False),
    ],
)
def test_a_refusal_is_permanent_or_temporary_and_quotes_nobody(serve, inbox, recipient, data, cause, permanent):
    inbox.recipient_answer, inbox.data_answer = recipient, data
    with pytest.raises(DeliveryError) as failed:
        transport(serve()).send(MAIL, "out_abc", AT)
    assert str(failed.value) == cause
    assert failed.value.permanent is permanent
    assert failed.value.__suppress_context__


def test_a_server_that_is_not_there_is_a_temporary_failure():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DeliveryError, match="ConnectionRefusedError") as failed:
        transport(port).send(MAIL, "out_abc", AT)
    assert not failed.value.permanent


@pytest.mark.parametrize(
    "to",
    ["ann@example.org, eve@example.org", "Ann <ann@example.org>", "ann@example.org,", "", "ann", "a:b;", "@", "a b@c"],
)
def test_a058_a_recipient_that_is_not_one_bare_address_gets_nothing(serve, inbox, to):
    with pytest.raises(DeliveryError) as failed:
        transport(serve()).send(Mail(to, "s", "t", "h", "k"), "out_abc", AT)
    assert failed.value.permanent
    assert inbox.envelopes == []


def test_an_address_outside_ascii_reaches_a_server_that_speaks_smtputf8(serve, inbox):
    transport(serve(enable_SMTPUTF8=True)).send(Mail("jörg@example.org", "s", "t", "h", "k"), "out_abc", AT)
    assert inbox.envelopes[0][0].rcpt_tos == ["jörg@example.org"]


def test_an_address_outside_ascii_fails_cleanly_elsewhere(serve, inbox):
    with pytest.raises(DeliveryError):
        transport(serve(enable_SMTPUTF8=False)).send(Mail("jörg@example.org", "s", "t", "h", "k"), "out_abc", AT)
    assert inbox.envelopes == []
