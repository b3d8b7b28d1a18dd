"""Reads authorization server metadata with Authlib and its key set with joserfc. Arguments: issuer, metadata, JWKS.

Authlib requires an `https` issuer.
"""

import json
import sys
from pathlib import Path

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from joserfc.jwk import KeySet

# Authlib requires a token endpoint and a response type. This issuer has neither an endpoint for tokens nor one for
# authorization, so it names none.
NOT_SUPPORTED = {"token_endpoint", "response_types_supported"}

# Of Token Status List (draft-ietf-oauth-status-list, section 9.2), which Authlib does not know yet.
OF_STATUS_LISTS = {"status_list_aggregation_endpoint"}


def main():
    issuer, metadata, jwks = sys.argv[1], *(json.loads(Path(file).read_text(encoding="utf-8")) for file in sys.argv[2:])
    server = AuthorizationServerMetadata(metadata)
    for name in AuthorizationServerMetadata.REGISTRY_KEYS:
        if name not in NOT_SUPPORTED:
            getattr(server, f"validate_{name}")()
    assert server["issuer"] == issuer and not any(server.get(name) for name in NOT_SUPPORTED)
    unregistered = metadata.keys() - set(AuthorizationServerMetadata.REGISTRY_KEYS) - OF_STATUS_LISTS
    assert not unregistered, unregistered
    keys = KeySet.import_key_set(jwks)
    kids = [key.kid for key in keys.keys]
    assert len(set(kids)) == len(kids) >= 2 and not any(key.is_private for key in keys.keys), jwks
    for key in keys.keys:
        assert key.kid == key.thumbprint(), "RFC 7638"
    print(json.dumps(get_well_known_url(issuer, external=True)))


main()
