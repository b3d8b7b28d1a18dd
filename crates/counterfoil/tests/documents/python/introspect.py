"""Introspects, guards a resource and revokes with Authlib.

Arguments: the introspection endpoint, the revocation endpoint, the id and the key of a verifier, and a token that is active.
Prints the answers as JSON.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc7662 import IntrospectTokenValidator


class Session:
    """What Authlib needs of an HTTP session, with the standard library."""

    def post(self, url, data, headers, auth):
        url, headers, body = auth.prepare("POST", url, dict(headers), urllib.parse.urlencode(data))
        request = urllib.request.Request(url, body.encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def main():
    introspection, revocation, client_id, key, token = sys.argv[1:]

    def introspect(method, secret=key):
        client = OAuth2Client(Session(), client_id, secret, token_endpoint_auth_method=method)
        return client.introspect_token(introspection, token, token_type_hint="access_token")

    class Validator(IntrospectTokenValidator):
        def introspect_token(self, token_string):
            status, body = introspect("client_secret_basic")
            assert status == 200 and token_string == token, body
            return json.loads(body)

    def guard(scopes):
        validator = Validator()
        try:
            validator.validate_token(validator.authenticate_token(token), scopes, None)
        except InvalidTokenError:
            return "refused"
        return "allowed"

    answers = {method: introspect(method) for method in ("client_secret_basic", "client_secret_post")}
    answers["wrong_key"] = introspect("client_secret_basic", secret=key[:-8] + "AAAAAAAA")
    answers["guarded"] = guard([])
    public = OAuth2Client(Session(), "default", None, token_endpoint_auth_method="none", revocation_endpoint_auth_method="none")
    answers["revoked"] = public.revoke_token(revocation, token, token_type_hint="access_token")
    answers["guarded_after"] = guard([])
    print(json.dumps(answers))


main()
