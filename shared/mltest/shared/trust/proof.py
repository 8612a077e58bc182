"""How an agent shows that it knows the secret of its invitation, without showing the secret.

The proof holds for the two keys of one connection and one question only: who passes it on, or stands between, has
another key and gains nothing.
"""

import hashlib
import hmac
import secrets

NONCE_BYTES = 32
_LABEL = b"mltest pairing 1\0"


def new_nonce() -> bytes:
    """Return a question that was never asked before."""
    return secrets.token_bytes(NONCE_BYTES)


def proof_of(secret: bytes, *, agent_key: bytes, coordinator_key: bytes, nonce: bytes) -> bytes:
    """Return the proof.

    Args:
        secret: of the invitation.
        agent_key: SubjectPublicKeyInfo of the agent.
        coordinator_key: that of the coordinator.
        nonce: what the coordinator asked with.

    """
    content = b"".join(len(part).to_bytes(4, "big") + part for part in (agent_key, coordinator_key, nonce))
    return hmac.new(secret, _LABEL + content, hashlib.sha256).digest()


def is_proof(answer: bytes, secret: bytes, *, agent_key: bytes, coordinator_key: bytes, nonce: bytes) -> bool:
    """Return whether `answer` is the proof."""
    expected = proof_of(secret, agent_key=agent_key, coordinator_key=coordinator_key, nonce=nonce)
    return hmac.compare_digest(answer, expected)
