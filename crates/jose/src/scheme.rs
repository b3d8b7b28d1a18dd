//! What an algorithm is made of: the kind of key that it needs, and the primitives of the library.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65,
    ML_DSA_65_SIGNING, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaParameters, RsaSignatureEncoding,
};

use crate::algorithm::Algorithm;

/// The kind of key that an algorithm needs, with the primitives that use it.
#[derive(Clone, Copy)]
pub(crate) enum Scheme {
    Hmac(Mac),
    Ecdsa(Curve),
    Ed25519,
    Rsa(Rsa),
    MlDsa(MlDsa),
}

/// HMAC with one hash.
#[derive(Clone, Copy)]
pub(crate) struct Mac {
    pub(crate) hash: hmac::Algorithm,
    /// The fewest bytes that a secret has: as many as the hash (RFC 7518, section 3.2).
    pub(crate) secret_len: usize,
}

/// ECDSA on one curve, with the hash that belongs to it (RFC 7518, section 3.4).
#[derive(Clone, Copy)]
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    /// How many bytes a coordinate has.
    pub(crate) coordinate: usize,
    pub(crate) verifying: &'static EcdsaVerificationAlgorithm,
    pub(crate) signing: &'static EcdsaSigningAlgorithm,
}

/// RSA with one hash and one padding.
#[derive(Clone, Copy)]
pub(crate) struct Rsa {
    pub(crate) verifying: &'static RsaParameters,
    pub(crate) signing: &'static RsaSignatureEncoding,
}

/// ML-DSA with one set of parameters (FIPS 204, section 4).
#[derive(Clone, Copy)]
pub(crate) struct MlDsa {
    pub(crate) verifying: &'static PqdsaVerificationAlgorithm,
    pub(crate) signing: &'static PqdsaSigningAlgorithm,
}

const P256: Curve = Curve {
    name: "P-256",
    coordinate: 32,
    verifying: &ECDSA_P256_SHA256_FIXED,
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
};
const P384: Curve = Curve {
    name: "P-384",
    coordinate: 48,
    verifying: &ECDSA_P384_SHA384_FIXED,
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
};
const P521: Curve = Curve {
    name: "P-521",
    coordinate: 66,
    verifying: &ECDSA_P521_SHA512_FIXED,
    signing: &ECDSA_P521_SHA512_FIXED_SIGNING,
};

impl Algorithm {
    /// What the algorithm is made of.
    pub(crate) const fn scheme(self) -> Scheme {
        match self {
            Self::Es256 => Scheme::Ecdsa(P256),
            Self::Es384 => Scheme::Ecdsa(P384),
            Self::Es512 => Scheme::Ecdsa(P521),
            Self::Ed25519 | Self::EdDsa => Scheme::Ed25519,
            Self::Hs256 => Scheme::Hmac(Mac { hash: hmac::HMAC_SHA256, secret_len: 32 }),
            Self::Hs384 => Scheme::Hmac(Mac { hash: hmac::HMAC_SHA384, secret_len: 48 }),
            Self::Hs512 => Scheme::Hmac(Mac { hash: hmac::HMAC_SHA512, secret_len: 64 }),
            Self::Rs256 => rsa(&RSA_PKCS1_2048_8192_SHA256, &RSA_PKCS1_SHA256),
            Self::Rs384 => rsa(&RSA_PKCS1_2048_8192_SHA384, &RSA_PKCS1_SHA384),
            Self::Rs512 => rsa(&RSA_PKCS1_2048_8192_SHA512, &RSA_PKCS1_SHA512),
            Self::Ps256 => rsa(&RSA_PSS_2048_8192_SHA256, &RSA_PSS_SHA256),
            Self::Ps384 => rsa(&RSA_PSS_2048_8192_SHA384, &RSA_PSS_SHA384),
            Self::Ps512 => rsa(&RSA_PSS_2048_8192_SHA512, &RSA_PSS_SHA512),
            Self::MlDsa44 => ml_dsa(&ML_DSA_44, &ML_DSA_44_SIGNING),
            Self::MlDsa65 => ml_dsa(&ML_DSA_65, &ML_DSA_65_SIGNING),
        }
    }
}

const fn rsa(verifying: &'static RsaParameters, signing: &'static RsaSignatureEncoding) -> Scheme {
    Scheme::Rsa(Rsa { verifying, signing })
}

const fn ml_dsa(
    verifying: &'static PqdsaVerificationAlgorithm,
    signing: &'static PqdsaSigningAlgorithm,
) -> Scheme {
    Scheme::MlDsa(MlDsa { verifying, signing })
}
