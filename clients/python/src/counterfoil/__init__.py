"""Authenticates the requests of an application with the credentials of a Counterfoil issuer."""

from ._auth import Auth, CredentialKind, EndReason, missing_requirement
from ._contract import AuditEventKind, ProblemCode
from ._feed import Freshness
from ._options import Algorithm, StalePolicy
from ._problem import Problem
from ._verifier import Verifier

__all__ = [
    "Algorithm", "AuditEventKind", "Auth", "CredentialKind", "EndReason", "Freshness", "Problem", "ProblemCode",
    "StalePolicy", "Verifier", "missing_requirement",
]
