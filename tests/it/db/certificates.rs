//! Attempts for a certificate, as they are counted.

use parlor::clock::Millis;
use parlor::db::certificates::{CertificateKey, StoredCertificate};

use super::store::{NOW, Store};
use crate::both;

/// In milliseconds.
const MINUTE: i64 = 60 * 1000;

#[apply(both)]
async fn an_order_that_is_cut_off_counts_as_one_that_failed(store: &Store) {
    let key = CertificateKey { directory: "https://ca.example/".into(), domains: "chat.example".into() };
    let found = async || -> StoredCertificate {
        store.find_certificate(&key).await.expect("the database answers").expect("somebody has asked for it")
    };
    let claim = async |claim: &str, tried_at: Millis, now: Millis| {
        let times = (now.plus(MINUTE), now.plus(5 * MINUTE));
        store.claim_certificate(key.clone(), claim.into(), tried_at, now, times).await.expect("the database answers")
    };
    assert!(claim("one", Millis(0), NOW).await);
    let stored = found().await;
    assert_eq!((stored.failures, stored.due_at), (1, NOW.plus(5 * MINUTE)), "as if it never ended");
    let renewal = NOW.plus(100 * MINUTE);
    assert!(store.store_certificate(&key, "one", "a chain", "a key", renewal).await.expect("it can be written"));
    let stored = found().await;
    assert_eq!((stored.failures, stored.due_at, stored.tried_at), (0, renewal, NOW));

    // One that fails is counted once; one that is cut off then, as well.
    assert!(claim("two", NOW, renewal).await);
    assert!(!claim("three", renewal, renewal).await, "somebody has it");
    let due = renewal.plus(9 * MINUTE);
    store.fail_certificate(&key, "two", "no", due).await.expect("it can be written");
    let stored = found().await;
    assert_eq!((stored.failures, stored.due_at, stored.last_error.as_deref()), (1, due, Some("no")));
    assert!(claim("four", renewal, due).await);
    let stored = found().await;
    assert_eq!((stored.failures, stored.due_at, stored.chain.as_deref()), (2, due.plus(5 * MINUTE), Some("a chain")));
}
