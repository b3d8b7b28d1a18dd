//! The rules of the protocol that the model can leave out, one at a time.

/// A rule of the protocol. Without it the checker finds a credential that is accepted after its revocation was in force.
///
/// Only the model leaves rules out: the decisions of `counterfoil-core` that it calls have no such switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The issuer counts a lease a quarter longer than the verifier.
    LeaseMargin,
    /// After a start a wait lasts until the leases of the former process have run out.
    WaitAfterStart,
    /// Leases and acknowledgements belong to one process, not to the verifier key.
    AcknowledgementPerInstance,
    /// A verifier merges a snapshot into what it holds, instead of replacing it.
    MergeOfSnapshots,
    /// A verifier counts its lease from the sending of the poll, not from the arrival of the response.
    LeaseFromSending,
    /// A verifier discards a response that is not the one to its last poll.
    OwnResponsesOnly,
    /// A verifier renews its lease only if the response reaches the head of the log.
    CompleteResponsesOnly,
    /// The issuer reads the head for a response after it has recorded the lease, not before.
    LeaseBeforeHead,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 8] = [
        Self::LeaseMargin,
        Self::WaitAfterStart,
        Self::AcknowledgementPerInstance,
        Self::MergeOfSnapshots,
        Self::LeaseFromSending,
        Self::OwnResponsesOnly,
        Self::CompleteResponsesOnly,
        Self::LeaseBeforeHead,
    ];
}
