//! One random history on every store: all give the same answers, and hold the same records.

mod history;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::store::conformance::AlternatingStore;
use counterfoil_core::store::{Change, CommitOutcome, ExpiryEvents, LastSeen, Store, Transaction};
use counterfoil_jose::{HmacKey, random};
use counterfoil_postgres::PostgresStore;
use counterfoil_sqlite::SqliteStore;
use counterfoil_test_support::{PostgresServer, RedisServer, skip};
use counterfoil_verify::{AuthError, Principal};

use crate::fixture::{Node, TestClock, authenticate, server};

use self::history::{Rng, SESSIONS, everything_in, increments, session_id, shop, shown, transaction};

/// How many histories there are, and the seed of the first. The long form, `cargo xtask soak histories`, has more.
const HISTORIES: &str = "COUNTERFOIL_HISTORIES";
const SEED: &str = "COUNTERFOIL_SEED";

/// The number of steps of a history.
const STEPS: u32 = 150;

/// One way to run the store.
struct BackEnd {
    name: &'static str,
    store: Arc<dyn Store>,
    /// The processes with a shared cache; none if the store is asked.
    nodes: Vec<Node>,
}

/// Every back end, with the same history.
struct Installation {
    back_ends: Vec<BackEnd>,
    clock: TestClock,
    tokens: Vec<SessionToken>,
    redis: Option<RedisServer>,
    /// Where a file is, which is deleted at the end.
    _dir: tempfile::TempDir,
}

impl Installation {
    async fn new(postgres: &PostgresServer, database: &str, redis: RedisServer) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
        let open = async |schema: &str| -> Arc<dyn Store> {
            PostgresStore::open(&schema.parse().unwrap()).await.unwrap() as _
        };
        let alone = |name, store| BackEnd { name, store, nodes: Vec::new() };
        let cached = open(&postgres.new_schema(database)).await;
        let shared = postgres.new_schema(database);
        let two = [open(&shared).await, open(&shared).await];
        let alternating: Arc<dyn Store> = Arc::new(AlternatingStore::new(two.clone()));
        let back_ends = vec![
            alone("SQLite in memory", SqliteStore::in_memory().unwrap()),
            alone("SQLite in a file", SqliteStore::open(&dir.path().join("auth.db")).unwrap()),
            alone("PostgreSQL", open(&postgres.new_schema(database)).await),
            BackEnd {
                name: "PostgreSQL and Redis",
                nodes: nodes(&cached, &[Arc::clone(&cached)], &redis, &clock),
                store: cached,
            },
            BackEnd {
                name: "two nodes on PostgreSQL, and Redis",
                nodes: nodes(&alternating, &two, &redis, &clock),
                store: alternating,
            },
        ];
        let token = |number| SessionToken::generate(session_id(number)).unwrap();
        let tokens = (0..SESSIONS).map(token).collect();
        for node in back_ends.iter().flat_map(|back_end| &back_end.nodes) {
            node.until("it is connected", || node.metrics().is_connected()).await;
        }
        let installation = Self { back_ends, clock, tokens, redis: Some(redis), _dir: dir };
        let insert_shop = Transaction::new([Change::insert_client(shop())]);
        for outcome in installation.each(async |store| store.commit(&insert_shop).await.unwrap()).await {
            assert!(matches!(outcome, CommitOutcome::Applied(_)));
        }
        installation
    }

    /// What each store answers, in the order of the back ends.
    async fn each<T>(&self, call: impl AsyncFn(&dyn Store) -> T) -> Vec<T> {
        let mut answers = Vec::new();
        for back_end in &self.back_ends {
            answers.push(call(&*back_end.store).await);
        }
        answers
    }

    fn assert_same<T: PartialEq + Debug>(&self, answers: &[T], what: &str) {
        for (back_end, answer) in self.back_ends.iter().zip(answers) {
            assert_eq!(answer, &answers[0], "{what}: {} and {}", back_end.name, self.back_ends[0].name);
        }
    }

    /// Does one random thing to all stores, and compares what they answer. Returns whether a transaction was applied.
    async fn step(&mut self, rng: &mut Rng, what: &str) -> bool {
        let now = self.clock.now();
        match rng.below(14) {
            0 => {
                let purge =
                    async |store: &dyn Store| store.purge(now, 1000, ExpiryEvents::Record).await.unwrap();
                self.assert_same(&self.each(purge).await, what);
            }
            1 => {
                let uses = [LastSeen { session: session_id(rng.below(SESSIONS)), at: now }; 2];
                self.each(async |store| store.record_last_seen(&uses).await.unwrap()).await;
            }
            2 => {
                let increments = increments(rng);
                let count =
                    async |store: &dyn Store| store.increment_counters(&increments, now).await.unwrap();
                self.assert_same(&self.each(count).await, what);
            }
            3 => self.disturb_redis(rng),
            _ => {
                let transaction = transaction(rng, &*self.back_ends[0].store, &self.tokens, now).await;
                let outcomes = self.each(async |store| store.commit(&transaction).await.unwrap()).await;
                let is_applied = matches!(outcomes[0], CommitOutcome::Applied(_));
                let outcomes: Vec<String> = outcomes.into_iter().map(shown).collect();
                self.assert_same(&outcomes, &format!("{what}: {transaction:?}"));
                return is_applied;
            }
        }
        false
    }

    /// Redis is emptied, evicts what it has, stores nothing until the next disturbance, loses its connections, or is started
    /// again empty.
    fn disturb_redis(&mut self, rng: &mut Rng) {
        let redis = self.redis.as_ref().unwrap();
        redis.cli(&["config", "set", "maxmemory", "0"]);
        match rng.below(8) {
            0 | 1 => drop(redis.cli(&["flushall"])),
            2 | 3 => {
                redis.cli(&["config", "set", "maxmemory-policy", "allkeys-random"]);
                redis.cli(&["config", "set", "maxmemory", "1mb"]);
                redis.cli(&["set", "another", "value"]);
                redis.cli(&["config", "set", "maxmemory", "0"]);
            }
            4 => drop(redis.cli(&["config", "set", "maxmemory", "1mb"])),
            5 | 6 => drop(redis.cli(&["client", "kill", "type", "normal"])),
            _ => {
                let port = redis.port();
                self.redis.take().unwrap().kill();
                self.redis = RedisServer::start_at(port, "");
            }
        }
    }

    /// Presents each token to each back end.
    async fn check(&self, what: &str) {
        let now = self.clock.now();
        for token in &self.tokens {
            let mut reference = None;
            for back_end in &self.back_ends {
                let mut answers = Vec::new();
                for node in &back_end.nodes {
                    answers.push(shown_principal(node.authenticate(token).await));
                }
                if back_end.nodes.is_empty() {
                    answers.push(shown_principal(authenticate(&back_end.store, None, token, now).await));
                }
                for answer in answers {
                    let expected = reference.get_or_insert_with(|| answer.clone());
                    assert_eq!(answer, *expected, "{what}: {}", back_end.name);
                }
            }
        }
    }

    fn hits(&self) -> u64 {
        self.back_ends.iter().flat_map(|back_end| &back_end.nodes).map(Node::hits).sum()
    }

    async fn close(self) {
        self.each(async |store| store.close().await.unwrap()).await;
    }
}

/// Nodes with these stores, of which each hears of every commit.
fn nodes(
    all: &Arc<dyn Store>,
    of_each: &[Arc<dyn Store>],
    redis: &RedisServer,
    clock: &TestClock,
) -> Vec<Node> {
    let key = random::bytes::<32>().unwrap();
    let start = |store: &Arc<dyn Store>| {
        let node = Node::start(store, &redis.url(), clock, HmacKey::new(&key));
        all.subscribe(Arc::clone(&node.shared) as _);
        node
    };
    of_each.iter().map(start).collect()
}

/// What an application sees. A cached session may know of an earlier last use, so its end is not compared.
fn shown_principal(answer: Result<Principal, AuthError>) -> Result<String, AuthError> {
    answer.map(|principal| {
        let (user, session) = (principal.username(), principal.session_id());
        format!("{user:?} {:?} {session:?} {:?}", principal.roles(), principal.position())
    })
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_random_history_has_the_same_answers_on_every_store() {
    let Some(postgres) = PostgresServer::own() else { return skip("PostgreSQL is not installed") };
    let (first, mut hits) = (setting(SEED, 1), 0);
    for seed in first..first + setting(HISTORIES, 2) {
        let Some(redis) = server("") else { return };
        let database = postgres.new_database();
        let mut installation = Installation::new(&postgres, &database, redis).await;
        let (mut rng, mut applied) = (Rng::new(seed), 0);
        for number in 0..STEPS {
            let what = format!("{SEED}={seed}, step {number}");
            applied += u32::from(installation.step(&mut rng, &what).await);
            installation.check(&what).await;
            // Values are written that no request waits for, and are not used at once.
            installation.clock.pass(Duration::from_secs(u64::from(rng.below(30))));
            installation.check(&what).await;
            if number % 10 == 0 {
                let now = installation.clock.now();
                let all = installation.each(async |store| everything_in(store, now).await).await;
                installation.assert_same(&all, &what);
            }
        }
        assert!((STEPS / 8..STEPS * 3 / 4).contains(&applied), "{applied} transactions were applied");
        println!("seed {seed}: {applied} transactions, {} answers from Redis", installation.hits());
        hits += installation.hits();
        installation.close().await;
    }
    assert!(hits > 20, "the cache is asked, and it answers: {hits}");
}
