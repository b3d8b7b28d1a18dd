//! The examples of the calls for libraries, services and orchestrators.

use crate::http_reference::examples::Example;

/// Documents in standard formats.
pub(super) const STANDARDS: &[Example] = &[
    Example { call: "GET /.well-known/jwks.json", prepare: "", command: "curl $base/.well-known/jwks.json" },
    Example {
        call: "GET /.well-known/oauth-authorization-server",
        prepare: "",
        command: "curl $base/.well-known/oauth-authorization-server",
    },
    Example { call: "GET /openapi.json", prepare: "", command: "curl $base/openapi.json" },
];

/// Probes.
pub(super) const OPERATIONS: &[Example] = &[
    Example { call: "GET /healthz", prepare: "", command: "curl $base/healthz" },
    Example { call: "GET /readyz", prepare: "", command: "curl $base/readyz" },
];
