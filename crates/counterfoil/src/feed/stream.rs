//! The feed as server-sent events, for dashboards and simple clients. It gives no lease and takes no acknowledgement.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::timeout;

use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::services::revocation_feed::{Start, VerifierPosition};
use counterfoil_verify::{RevocationLogId, RevocationPosition};

use crate::feed::Feed;
use crate::feed::error::FeedError;
use crate::feed::recent_entries::EncodedEntries;
use crate::limits::open_streams::StreamLimits;
use crate::runtime::stream_body::{AskedPermission, Ending, SEND_TIMEOUT, SHUTDOWN_TIMEOUT, StreamBody};

/// How often a comment is sent while nothing is revoked, so that proxies keep the connection, and how often the key is checked while the
/// client does not read.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The client of a stream, as the task that sends to it knows it.
struct StreamClient {
    key: VerifierKeyId,
    parts: mpsc::Sender<Bytes>,
    keep_alive: Duration,
}

/// The JSON of one event: the members of a poll's response that are not about a lease.
#[derive(Serialize)]
struct EventData<'a> {
    log: RevocationLogId,
    now: u64,
    head: RevocationPosition,
    next: RevocationPosition,
    snapshot: bool,
    keys: &'a str,
    entries: [(); 0],
}

impl Feed {
    /// Starts a stream after the position of the last event that the client has got.
    ///
    /// # Errors
    ///
    /// If the key has too many streams.
    pub(crate) fn open_stream(
        self: &Arc<Self>,
        key: VerifierKeyId,
        position: VerifierPosition,
    ) -> Result<StreamBody, FeedError> {
        self.open_stream_with(KEEP_ALIVE_INTERVAL, key, position)
    }

    /// As [`open_stream`](Self::open_stream), with this interval of the keep-alive.
    pub(super) fn open_stream_with(
        self: &Arc<Self>,
        keep_alive: Duration,
        key: VerifierKeyId,
        position: VerifierPosition,
    ) -> Result<StreamBody, FeedError> {
        let limits = StreamLimits { per_owner: self.settings.max_streams_per_key, total: usize::MAX };
        let open = self.streams.open(key, limits).map_err(|_| FeedError::TooManyStreams)?;
        let feed = Arc::clone(self);
        let asked = Arc::clone(self);
        let ask = move || {
            let feed = Arc::clone(&asked);
            async move { if feed.may_send(key).await { Ok(()) } else { Err(()) } }
        };
        // A client of the feed continues it after the last event that it has got.
        let permission = AskedPermission::new(ask, |(), _| None);
        Ok(StreamBody::from_task(Box::new(permission), open, move |parts| async move {
            let client = StreamClient { key, parts, keep_alive };
            let mut closing = feed.publication.subscribe();
            let patience = tokio::select! {
                biased;
                // Also while the client does not read.
                _ = closing.wait_for(|published| published.is_closed) => SHUTDOWN_TIMEOUT,
                sent = feed.send_events(&client, position) => match sent {
                    // It is gone, or may read nothing more.
                    Ok(()) => Duration::ZERO,
                    Err(error) => {
                        tracing::warn!(%error, "a stream of the feed ended; its client can continue it");
                        SEND_TIMEOUT
                    }
                },
            };
            Ending::new(patience, |_| None)
        }))
    }

    /// Sends events until the client is gone or its key is removed.
    async fn send_events(&self, client: &StreamClient, position: VerifierPosition) -> Result<(), FeedError> {
        self.catch_up_with(position).await?;
        let (mut after, mut is_snapshot) = match position.evaluate(&self.log_state(), None) {
            Start::After(after) => (after, false),
            Start::Snapshot(_) => (RevocationPosition::START, true),
        };
        // The first event is sent in any case: it names the log and the keys.
        let mut is_due = true;
        let mut published = self.publication.subscribe();
        loop {
            let head = published.borrow_and_update().head;
            while is_due || after < head {
                let (entries, next) = self.entries_after(after, head).await?;
                self.check_node_lease()?;
                if !self.send_event(client, head, next, is_snapshot, entries).await? {
                    return Ok(());
                }
                (after, is_snapshot, is_due) = (next, false, false);
            }
            let news = async {
                let _ = published.wait_for(|published| published.head > after).await;
            };
            tokio::select! {
                () = client.parts.closed() => return Ok(()),
                news = timeout(client.keep_alive, news) => {
                    if news.is_err() && !self.send_part(client, Bytes::from_static(b":\n\n")).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether the connection may take the next part: an attacker with a removed key reads no further revocations, also not those that
    /// wait for a client that reads slowly.
    async fn may_send(&self, key: VerifierKeyId) -> bool {
        match self.store.verifier_key(key).await {
            Ok(found) => found.is_some() && self.check_node_lease().is_ok(),
            Err(error) => {
                tracing::warn!(%error, "a stream of the feed ended; its client can continue it");
                false
            }
        }
    }

    /// Sends one event; `false` if the client is gone or its key is removed.
    async fn send_event(
        &self,
        client: &StreamClient,
        head: RevocationPosition,
        next: RevocationPosition,
        is_snapshot: bool,
        entries: EncodedEntries,
    ) -> Result<bool, FeedError> {
        let keys = self.key_set.without(&entries.revoked_keys).await;
        let now = self.clock.checkpoint().unix_seconds();
        let data =
            EventData { log: self.log, now, head, next, snapshot: is_snapshot, keys: &keys, entries: [] };
        let json = serde_json::to_string(&data).expect("numbers and texts always serialize");
        // The entries are the last member, and are encoded already.
        let beginning = json.strip_suffix("]}").unwrap_or(&json);
        let beginning = format!("id: {}.{next}\nevent: revocations\ndata: {beginning}", self.log);
        for part in [beginning.into(), entries.json, Bytes::from_static(b"]}\n\n")] {
            if !self.send_part(client, part).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends a part. While the client does not read it, the key is checked at intervals; `false` if it is removed or the
    /// client is gone.
    async fn send_part(&self, client: &StreamClient, part: Bytes) -> Result<bool, FeedError> {
        loop {
            match timeout(client.keep_alive, client.parts.reserve()).await {
                Ok(Ok(permit)) => {
                    permit.send(part);
                    return Ok(true);
                }
                Ok(Err(_)) => return Ok(false),
                Err(_) if !self.has_key(client).await? => return Ok(false),
                Err(_) => {}
            }
        }
    }

    async fn has_key(&self, client: &StreamClient) -> Result<bool, FeedError> {
        Ok(self.store.verifier_key(client.key).await?.is_some())
    }
}

/// Parses the `Last-Event-ID` of a client that continues: the log and the position.
pub(crate) fn parse_event_id(text: &str) -> Option<VerifierPosition> {
    let (log, position) = text.split_once('.')?;
    let after = position.parse().ok().map(RevocationPosition::new)?;
    Some(VerifierPosition { after: Some(after), log: Some(log.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_names_the_log_and_the_position() {
        let log = RevocationLogId::from_bytes([1; 16]);
        let position = VerifierPosition { after: Some(RevocationPosition::new(8)), log: Some(log) };

        assert_eq!(parse_event_id(&format!("{log}.8")), Some(position));
        for text in ["", "8", ".8", "x.8", &format!("{log}."), &format!("{log}.-1"), &format!("{log}.8.9")] {
            assert_eq!(parse_event_id(text), None, "{text}");
        }
    }
}
