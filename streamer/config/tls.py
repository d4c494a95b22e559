"""TLS from files in PEM form: whom we trust, and what we show of ourselves."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from streamer.config.secrets import Secret


def client_context(
    cafile: Path | None, certfile: Path | None, keyfile: Path | None, password: Secret | None
) -> ssl.SSLContext:
    """Return a client's context that trusts the issuers in a file, and shows a certificate if there is one.

    Raises:
        ValueError: a file or the key's password can't be used; the message says why.

    """
    context = trusting(cafile)
    if certfile is not None:
        show(context, certfile, keyfile, password.reveal() if password else None)
    return context


def check_key(certfile: Path | None, keyfile: Path | None, password: Secret | None) -> None:
    """Check that a key is not stated without its certificate.

    Raises:
        ValueError: it is.

    """
    if keyfile and not certfile:
        raise ValueError("ssl_keyfile needs ssl_certfile — add it")
    if password and not certfile:
        raise ValueError("ssl_password is that of a key — add ssl_certfile and ssl_keyfile, or leave it out")


def trusting(cafile: Path | None) -> ssl.SSLContext:
    """Return a client's context that trusts the issuers in a file, or those that this machine trusts.

    Raises:
        ValueError: the file can't be used; the message says why.

    """
    try:
        return ssl.create_default_context(cafile=cafile)
    except ssl.SSLError:
        raise ValueError(f"no certificate, in PEM form, in ssl_cafile {cafile} — check what it holds") from None
    except OSError as error:
        raise ValueError(f"ssl_cafile {cafile} cannot be read: {error.strerror} — check path and permissions") from None


def show(context: ssl.SSLContext, certfile: Path, keyfile: Path | None, password: str | None) -> None:
    """Give a context the certificate that it shows to who asks for one, with its key.

    Raises:
        ValueError: it can't be used; the message says why.

    """
    asked = False

    def answer() -> str:  # without an answer of ours OpenSSL would ask at the terminal, and wait
        nonlocal asked
        asked = True
        return password or ""

    key = f"ssl_keyfile {keyfile}" if keyfile else f"the key in ssl_certfile {certfile}"
    try:
        context.load_cert_chain(certfile, keyfile, answer)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            why = f"{key} is not that of the certificate in ssl_certfile — take the pair that was made together"
        elif asked and password is None:
            why = f"{key} is encrypted — add ssl_password"
        elif asked:
            why = f"{key} can't be decrypted — is it the right ssl_password?"
        else:
            where = f"ssl_certfile {certfile}" + (f" and ssl_keyfile {keyfile}" if keyfile else "")
            why = f"no certificate with its key, in PEM form, in {where} — check what they hold"
        raise ValueError(why) from None
    except OSError as error:
        where = " and ".join(str(each) for each in (certfile, keyfile) if each)
        raise ValueError(f"{where} cannot be read: {error.strerror} — check paths and permissions") from None
