//! The cryptographic primitive of each algorithm, with its parameters in aws-lc-rs.

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

/// A cryptographic primitive with its parameters.
#[derive(Clone, Copy)]
pub(crate) enum Primitive {
    Hmac(HmacParameters),
    Ecdsa(Curve),
    Ed25519,
    Rsa(RsaScheme),
    MlDsa(MlDsaParameters),
}

/// HMAC with a hash function.
#[derive(Clone, Copy)]
pub(crate) struct HmacParameters {
    pub(crate) hash: hmac::Algorithm,
    /// The minimum length of a secret in bytes: the length of the hash (RFC 7518, section 3.2).
    pub(crate) min_secret_len: usize,
}

/// A curve for ECDSA, with its hash function (RFC 7518, section 3.4).
#[derive(Clone, Copy)]
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    /// The length of a coordinate in bytes.
    pub(crate) coordinate_len: usize,
    pub(crate) verifying: &'static EcdsaVerificationAlgorithm,
    pub(crate) signing: &'static EcdsaSigningAlgorithm,
}

/// RSA with a hash function and a padding.
#[derive(Clone, Copy)]
pub(crate) struct RsaScheme {
    pub(crate) verifying: &'static RsaParameters,
    pub(crate) signing: &'static RsaSignatureEncoding,
}

/// A parameter set of ML-DSA (FIPS 204, section 4).
#[derive(Clone, Copy)]
pub(crate) struct MlDsaParameters {
    pub(crate) verifying: &'static PqdsaVerificationAlgorithm,
    pub(crate) signing: &'static PqdsaSigningAlgorithm,
}

const P256: Curve = Curve {
    name: "P-256",
    coordinate_len: 32,
    verifying: &ECDSA_P256_SHA256_FIXED,
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
};
const P384: Curve = Curve {
    name: "P-384",
    coordinate_len: 48,
    verifying: &ECDSA_P384_SHA384_FIXED,
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
};
const P521: Curve = Curve {
    name: "P-521",
    coordinate_len: 66,
    verifying: &ECDSA_P521_SHA512_FIXED,
    signing: &ECDSA_P521_SHA512_FIXED_SIGNING,
};

impl Algorithm {
    /// The primitive of the algorithm.
    pub(crate) const fn primitive(self) -> Primitive {
        match self {
            Self::Es256 => Primitive::Ecdsa(P256),
            Self::Es384 => Primitive::Ecdsa(P384),
            Self::Es512 => Primitive::Ecdsa(P521),
            Self::Ed25519 | Self::EdDsa => Primitive::Ed25519,
            Self::Hs256 => Primitive::Hmac(HmacParameters { hash: hmac::HMAC_SHA256, min_secret_len: 32 }),
            Self::Hs384 => Primitive::Hmac(HmacParameters { hash: hmac::HMAC_SHA384, min_secret_len: 48 }),
            Self::Hs512 => Primitive::Hmac(HmacParameters { hash: hmac::HMAC_SHA512, min_secret_len: 64 }),
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

const fn rsa(verifying: &'static RsaParameters, signing: &'static RsaSignatureEncoding) -> Primitive {
    Primitive::Rsa(RsaScheme { verifying, signing })
}

const fn ml_dsa(
    verifying: &'static PqdsaVerificationAlgorithm,
    signing: &'static PqdsaSigningAlgorithm,
) -> Primitive {
    Primitive::MlDsa(MlDsaParameters { verifying, signing })
}
