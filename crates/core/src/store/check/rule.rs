//! What holds between the records of a store.

/// A rule between the records of a store. The transactions of the program keep each of them; what breaks one is another
/// program, a damaged disk, or a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsistencyRule {
    /// The user of a session exists.
    SessionHasUser,
    /// The client of a session exists.
    SessionHasClient,
    /// The session of session data exists.
    DataHasSession,
    /// The administrator who created an admin key exists.
    AdminKeyHasCreator,
    /// No entry of the revocation log is above its head.
    EntryNotAboveHead,
    /// No cutoff is above the head of the revocation log.
    CutoffNotAboveHead,
    /// No session was opened above the head of the revocation log: a cutoff would not end it.
    SessionNotAboveHead,
    /// A disabled user has no session that would be active again when the user is enabled.
    DisabledUserHasNoSession,
    /// No two sessions have the same index in the status lists: to revoke one would show the other as revoked.
    StatusIndexIsUnique,
    /// Every index in the status lists was assigned before.
    StatusIndexIsAssigned,
    /// No free index in the status lists is that of a session.
    FreeStatusIndexIsUnused,
    /// No revision is negative.
    RevisionIsValid,
}

/// Every rule.
pub const RULES: [ConsistencyRule; 12] = [
    ConsistencyRule::SessionHasUser,
    ConsistencyRule::SessionHasClient,
    ConsistencyRule::DataHasSession,
    ConsistencyRule::AdminKeyHasCreator,
    ConsistencyRule::EntryNotAboveHead,
    ConsistencyRule::CutoffNotAboveHead,
    ConsistencyRule::SessionNotAboveHead,
    ConsistencyRule::DisabledUserHasNoSession,
    ConsistencyRule::StatusIndexIsUnique,
    ConsistencyRule::StatusIndexIsAssigned,
    ConsistencyRule::FreeStatusIndexIsUnused,
    ConsistencyRule::RevisionIsValid,
];

impl ConsistencyRule {
    /// Its name in the output of programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionHasUser => "session_without_user",
            Self::SessionHasClient => "session_without_client",
            Self::DataHasSession => "data_without_session",
            Self::AdminKeyHasCreator => "admin_key_without_creator",
            Self::EntryNotAboveHead => "entry_above_head",
            Self::CutoffNotAboveHead => "cutoff_above_head",
            Self::SessionNotAboveHead => "session_above_head",
            Self::DisabledUserHasNoSession => "session_of_disabled_user",
            Self::StatusIndexIsUnique => "status_index_used_twice",
            Self::StatusIndexIsAssigned => "status_index_not_assigned",
            Self::FreeStatusIndexIsUnused => "free_status_index_in_use",
            Self::RevisionIsValid => "revision_negative",
        }
    }

    /// What is wrong with the records that violate it.
    pub const fn violation(self) -> &'static str {
        match self {
            Self::SessionHasUser => "sessions refer to users that do not exist",
            Self::SessionHasClient => "sessions refer to clients that do not exist",
            Self::DataHasSession => "session data refers to sessions that do not exist",
            Self::AdminKeyHasCreator => "admin keys refer to creators that do not exist",
            Self::EntryNotAboveHead => "entries of the revocation log are above its head",
            Self::CutoffNotAboveHead => "cutoffs are above the head of the revocation log",
            Self::SessionNotAboveHead => "sessions are above the head of the revocation log",
            Self::DisabledUserHasNoSession => "sessions of disabled users have not ended",
            Self::StatusIndexIsUnique => "indexes in the status lists belong to two sessions",
            Self::StatusIndexIsAssigned => "indexes in the status lists were never assigned",
            Self::FreeStatusIndexIsUnused => "free indexes in the status lists belong to sessions",
            Self::RevisionIsValid => "revisions are negative",
        }
    }
}
