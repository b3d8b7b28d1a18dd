//! Tests of the pool.

use std::sync::mpsc;

use counterfoil_core::services::password_hasher::PasswordCheck;

use super::*;
use crate::passwords::hash_queue::STUCK_MARGIN;

const LOW_COST: Argon2Cost = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

fn pool(options: HashPoolOptions) -> HashPool {
    HashPool::start(LOW_COST, options).unwrap()
}

fn password(text: &str) -> PlaintextPassword {
    PlaintextPassword::new(&Secret::new(text.to_owned()))
}

async fn hash(pool: &HashPool, password: PlaintextPassword) -> Result<PasswordHash, HashingError> {
    pool.hash(password, Requester::default()).await
}

async fn verify(
    pool: &HashPool,
    password: PlaintextPassword,
    kept: Option<PasswordHash>,
) -> Result<PasswordCheck, HashingError> {
    Ok(pool.verify(password, kept, Requester::default()).await?.check)
}

fn one_thread() -> HashPoolOptions {
    HashPoolOptions { threads: 1, ..HashPoolOptions::default() }
}

/// Keeps the only thread busy until the returned sender is dropped.
fn occupy(pool: &Arc<HashPool>) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started_sender, started) = mpsc::channel();
    let pool = Arc::clone(pool);
    tokio::spawn(async move {
        let _ = pool
            .hashing
            .run(Requester::default(), move |_| {
                started_sender.send(()).unwrap();
                let _ = released.recv();
                Ok(())
            })
            .await;
    });
    tokio::task::block_in_place(|| started.recv().unwrap());
    release
}

#[tokio::test]
async fn a_hash_matches_its_password_and_no_other() {
    let pool = pool(one_thread());

    let hash = hash(&pool, password("correct horse")).await.unwrap();

    assert_eq!(verify(&pool, password("correct horse"), Some(hash.clone())).await, Ok(PasswordCheck::Match));
    assert_eq!(verify(&pool, password("wrong horse"), Some(hash)).await, Ok(PasswordCheck::Mismatch));
    assert_eq!(verify(&pool, password("correct horse"), None).await, Ok(PasswordCheck::Mismatch));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_uses_no_more_than_the_threads_and_the_queue() {
    let pool = Arc::new(pool(HashPoolOptions { queue_size: 8, ..one_thread() }));
    let release = occupy(&pool);

    let mut pending: Vec<_> = (0..1000)
        .map(|_| {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move { verify(&pool, password("guess"), None).await })
        })
        .collect();
    let mut finished = Vec::new();
    // All but the eight that fit into the queue are rejected while the only thread is still busy.
    while finished.len() < 992 {
        let (done, open): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(tokio::task::JoinHandle::is_finished);
        finished.extend(done);
        pending = open;
        tokio::task::yield_now().await;
    }
    for check in finished {
        assert_eq!(check.await.unwrap(), Err(HashingError::Busy));
    }
    assert_eq!((pending.len(), pool.allocated_threads()), (8, 1));
    assert_eq!(pool.check_capacity(&Requester::default()), Err(HashingError::Busy));
    assert_eq!(pool.metrics().rejected_queue_full.get(), 993);
    drop(release);

    for check in pending {
        assert_eq!(check.await.unwrap(), Ok(PasswordCheck::Mismatch));
    }
    assert_eq!(pool.check_capacity(&Requester::default()), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_client_ip_gets_a_place_in_a_queue_that_a_few_others_fill() {
    let pool = Arc::new(pool(HashPoolOptions { queue_size: 4, ..one_thread() }));
    let release = occupy(&pool);
    let verify_from = |ip: u8| {
        let (pool, requester) = (Arc::clone(&pool), Requester { client_ip: Some([ip; 17]), account: None });
        tokio::spawn(async move { pool.verify(password("guess"), None, requester).await.map(|_| ()) })
    };
    let of_two: Vec<_> = [1, 1, 2, 2].map(verify_from).into();
    while pool.queue_length() < 4 {
        tokio::task::yield_now().await;
    }

    let of_another = verify_from(3);

    while !of_two.iter().any(tokio::task::JoinHandle::is_finished) {
        tokio::task::yield_now().await;
    }
    drop(release);
    assert_eq!(of_another.await.unwrap(), Ok(()));
    let mut rejected = Vec::new();
    for request in of_two {
        rejected.extend(request.await.unwrap().err());
    }
    assert_eq!(rejected, [HashingError::ShareExceeded]);
    assert_eq!((pool.metrics().rejected_share.get(), pool.metrics().rejected_queue_full.get()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_waited_longer_than_the_timeout_is_not_hashed() {
    let pool = pool(HashPoolOptions { queue_timeout: Duration::ZERO, ..one_thread() });

    assert_eq!(hash(&pool, password("correct horse")).await, Err(HashingError::Busy));
    assert_eq!(pool.allocated_threads(), 0, "no memory was allocated for it");
    assert_eq!(pool.metrics().rejected_timeout.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_whose_threads_take_no_work_is_stuck() {
    let pool = Arc::new(pool(one_thread()));
    let release = occupy(&pool);
    let waiting = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { hash(&pool, password("correct horse")).await }
    });
    while pool.queue_length() == 0 {
        tokio::task::yield_now().await;
    }
    let timeout = HashPoolOptions::default().queue_timeout;
    let late = Instant::now() + 2 * timeout + STUCK_MARGIN + Duration::from_secs(1);

    assert!(!pool.is_stuck() && pool.hashing.queue.is_stuck_at(late));

    drop(release);
    assert!(waiting.await.unwrap().is_ok());
    assert!(!pool.hashing.queue.is_stuck_at(late), "the queue is empty");
    assert_eq!(pool.metrics().queue_time.snapshot().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_hashed_for_a_request_that_has_ended() {
    let pool = Arc::new(pool(one_thread()));
    let release = occupy(&pool);
    let (hashed, was_hashed) = mpsc::channel();
    let request = {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move {
            pool.hashing
                .run(Requester::default(), move |_| {
                    hashed.send(()).unwrap();
                    Ok(())
                })
                .await
        })
    };
    while pool.queue_length() == 0 {
        tokio::task::yield_now().await;
    }

    request.abort();
    let _ = request.await;
    drop(release);

    hash(&pool, password("the next one")).await.unwrap();
    assert!(was_hashed.try_recv().is_err());
}

#[tokio::test]
async fn an_idle_thread_releases_its_memory() {
    let pool = pool(HashPoolOptions { idle_timeout: Duration::from_millis(1), ..one_thread() });

    hash(&pool, password("correct horse")).await.unwrap();

    let released = async {
        while pool.allocated_threads() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), released).await.unwrap();
    assert!(hash(&pool, password("allocated again")).await.is_ok());
}

#[tokio::test]
async fn a_thread_survives_a_panic() {
    let pool = pool(one_thread());

    let result =
        pool.hashing.run(Requester::default(), |_| -> Result<(), _> { panic!("a panic on purpose") }).await;

    assert_eq!(result, Err(HashingError::Busy));
    assert!(hash(&pool, password("correct horse")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_pool_ends_its_threads() {
    let pool = pool(HashPoolOptions { threads: 3, ..one_thread() });
    hash(&pool, password("correct horse")).await.unwrap();
    let queue = Arc::clone(&pool.hashing.queue);

    tokio::task::block_in_place(|| drop(pool));

    assert_eq!(Arc::strong_count(&queue), 1);
}

fn from(ip: u8) -> Requester {
    Requester { client_ip: Some([ip; 17]), account: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fills_its_share_leaves_the_rest_of_the_queue_to_others() {
    let pool = Arc::new(pool(HashPoolOptions { queue_size: 11, ..one_thread() }));
    let release = occupy(&pool);
    let verify = |requester| {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move { pool.verify(password("guess"), None, requester).await })
    };

    let waiting: Vec<_> = (0..3).map(|_| verify(from(1))).collect();
    while pool.queue_length() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(verify(from(1)).await.unwrap(), Err(HashingError::ShareExceeded));
    assert_eq!(pool.check_capacity(&from(1)), Err(HashingError::ShareExceeded));
    assert_eq!(pool.metrics().rejected_share.get(), 2);
    let other = verify(from(2));
    drop(release);

    assert_eq!(other.await.unwrap().map(|done| done.check), Ok(PasswordCheck::Mismatch));
    for done in waiting {
        assert!(done.await.unwrap().is_ok());
    }
    assert_eq!(pool.check_capacity(&from(1)), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_validation_of_new_passwords_keeps_no_login_waiting() {
    let pool = Arc::new(pool(one_thread()));
    let (release, released) = mpsc::channel::<()>();
    let busy = Arc::clone(&pool);
    let validation = tokio::spawn(async move {
        let wait = move |_: &mut HashMemory| {
            let _ = released.recv();
            Ok(())
        };
        busy.validation.run(Requester::default(), wait).await
    });

    assert!(hash(&pool, password("correct horse")).await.is_ok());

    drop(release);
    assert_eq!(validation.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_is_counted_before_its_caller_is_answered() {
    let pool = pool(one_thread());
    for count in 1..=500 {
        pool.hashing.run(Requester::default(), |_| Ok(())).await.unwrap();

        assert_eq!(pool.metrics().duration.snapshot().count(), count);
    }
}

#[tokio::test]
async fn a_refusal_is_delayed_to_the_time_of_the_slowest_scheme() {
    let pool = pool(one_thread());
    pool.schemes.record("$2b$12", Duration::from_millis(80), Instant::now());
    let delay = async |verified_in| {
        let since = Instant::now();
        pool.delay_refusal(verified_in, from(1)).await;
        since.elapsed()
    };

    assert!(delay(None).await >= Duration::from_millis(80));
    assert!(delay(Some(Duration::from_millis(30))).await >= Duration::from_millis(50));
    assert!(delay(Some(Duration::from_millis(80))).await < Duration::from_millis(50));
}

#[tokio::test]
async fn one_source_has_only_its_share_of_the_delayed_refusals() {
    let pool = pool(HashPoolOptions { max_delayed_refusals: 8, ..one_thread() });
    pool.schemes.record("$2b$12", Duration::from_secs(10), Instant::now());
    let pool = Arc::new(pool);
    let delay = |requester| {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move { pool.delay_refusal(None, requester).await })
    };

    let waiting: Vec<_> = (0..2).map(|_| delay(from(1))).collect();
    tokio::task::yield_now().await;
    delay(from(1)).await.unwrap();
    let other = delay(from(2));
    tokio::time::sleep(Duration::from_millis(20)).await;

    assert_eq!(pool.refusals_not_delayed(), 1);
    assert!(!other.is_finished() && !waiting.iter().any(tokio::task::JoinHandle::is_finished));
    for task in waiting.into_iter().chain([other]) {
        task.abort();
    }
}
