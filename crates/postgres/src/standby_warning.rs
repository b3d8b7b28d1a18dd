//! Whether a commit that was confirmed survives the loss of the primary.

use std::sync::Arc;

use crate::connection::Connector;
use crate::error::QueryError;
use crate::statement::Connection;
use crate::url::PostgresUrl;

/// What a failover can lose, and how to avoid it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DurabilityWarning {
    /// The server does not sync to its disk.
    NoSync,
    /// There are standbys, and commits are confirmed before one of them has the commit.
    AsynchronousStandbys,
    /// `synchronous_commit` makes commits not wait for the standbys.
    CommitsDoNotWait,
}

impl DurabilityWarning {
    /// What is wrong.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoSync => {
                "`fsync` is off in PostgreSQL: a crash of its machine can lose commits that were confirmed"
            }
            Self::AsynchronousStandbys => {
                "PostgreSQL confirms commits before a standby has them: after a promotion logins are lost, and sessions \
                 that were ended are active again"
            }
            Self::CommitsDoNotWait => {
                "`synchronous_commit` makes commits not wait for the standbys: after a promotion logins are lost, and \
                 sessions that were ended are active again"
            }
        }
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NoSync => "set `fsync = on`",
            Self::AsynchronousStandbys => "set `synchronous_standby_names`, such as `ANY 1 (*)`",
            Self::CommitsDoNotWait => "set `synchronous_commit = on`",
        }
    }
}

/// What the database server does not keep; `None` if it keeps everything, or cannot be reached now.
pub async fn durability_warning(url: &PostgresUrl) -> Option<DurabilityWarning> {
    let connector = Connector::new(url, Arc::new(|| None)).ok()?;
    let connection = connector.connect().await.ok()?.connection;
    warning_of(&connection, connector.has_several_hosts()).await.ok()?
}

/// What the server of this connection does not keep; `None` if it keeps everything.
pub(crate) async fn warning_of(
    connection: &Connection,
    has_several_hosts: bool,
) -> Result<Option<DurabilityWarning>, QueryError> {
    Ok(Settings::read(connection).await?.warning(has_several_hosts))
}

/// The settings that decide about it.
#[derive(Debug, Clone)]
struct Settings {
    syncs: bool,
    synchronous_commit: String,
    has_synchronous_standbys: bool,
    has_standbys: bool,
}

impl Settings {
    async fn read(connection: &Connection) -> Result<Self, QueryError> {
        let select = "SELECT current_setting('fsync') = 'on', current_setting('synchronous_commit'),
                   current_setting('synchronous_standby_names') <> '',
                   EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'physical')
                   OR EXISTS (SELECT FROM pg_stat_replication)";
        let row = connection.query_one(select, &[]).await?;
        Ok(Self {
            syncs: row.try_get(0)?,
            synchronous_commit: row.try_get(1)?,
            has_synchronous_standbys: row.try_get(2)?,
            has_standbys: row.try_get(3)?,
        })
    }

    /// A URL with several hosts is one for a failover, also while no standby is connected. The writer replaces
    /// `synchronous_commit = off`, which would lose commits without a failover too.
    fn warning(&self, has_several_hosts: bool) -> Option<DurabilityWarning> {
        let is_replicated = self.has_standbys || self.has_synchronous_standbys || has_several_hosts;
        if !self.syncs {
            Some(DurabilityWarning::NoSync)
        } else if !is_replicated {
            None
        } else if !self.has_synchronous_standbys {
            Some(DurabilityWarning::AsynchronousStandbys)
        } else if self.synchronous_commit == "local" {
            Some(DurabilityWarning::CommitsDoNotWait)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_that_a_promotion_loses_are_reported() {
        let alone = Settings {
            syncs: true,
            synchronous_commit: "on".into(),
            has_synchronous_standbys: false,
            has_standbys: false,
        };
        let replicated = Settings { has_standbys: true, ..alone.clone() };
        let synchronous = Settings { has_synchronous_standbys: true, ..replicated.clone() };
        let local = Settings { synchronous_commit: "local".into(), ..synchronous.clone() };

        assert_eq!(alone.warning(false), None);
        assert_eq!(alone.warning(true), Some(DurabilityWarning::AsynchronousStandbys));
        assert_eq!(replicated.warning(false), Some(DurabilityWarning::AsynchronousStandbys));
        assert_eq!(synchronous.warning(true), None);
        assert_eq!(local.warning(true), Some(DurabilityWarning::CommitsDoNotWait));
        assert_eq!(Settings { syncs: false, ..alone }.warning(false), Some(DurabilityWarning::NoSync));
    }
}
