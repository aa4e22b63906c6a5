//! A batch of any length: on SQLite its rows are parameters of statements that are compiled for powers of two.

use std::collections::BTreeSet;

use parlor::db::ledger::{LARGEST_BATCH, SnapshotKeys, Writes};
use parlor::model::Message;

use super::store::{Store, line, word};
use crate::both;

#[apply(both)]
async fn a_batch_of_any_length_is_written_whole_and_found_again(db: &Store) {
    let (author, general) = (db.author("ada").await, db.general().await);
    let mut all: Vec<Message> = Vec::new();
    for length in [1, 2, 3, 4, 5, 63, 64, 65, LARGEST_BATCH - 1, LARGEST_BATCH] {
        let batch: Vec<_> = (1..=length)
            .map(|nth| {
                let seq = (all.len() + nth) as i64;
                Message {
                    html: format!("<p>{seq}</p>"),
                    nonce: (seq % 5 != 0).then(|| format!("n{seq}")),
                    reply_to: (seq % 7 == 0).then(|| seq - 1),
                    mentions: if seq % 3 == 0 { vec!["ada".into(), "@here".into()] } else { Vec::new() },
                    ..line(&author, seq, format!("it's \"{seq}\" \\ {{}} w{seq}x"))
                }
            })
            .collect();
        db.write(general, batch.clone()).await.expect("nothing is wrong with it");
        all.extend(batch);
    }
    let stored = db.messages(general, &"general".into(), 1, i64::MAX, i64::MAX).await.expect("it can be read");
    assert_eq!(stored.len(), all.len());
    for (stored, written) in stored.iter().zip(&all) {
        assert_eq!(format!("{stored:?}"), format!("{written:?}"));
    }
    // Every word is in the index, at its message.
    db.catch_up().await.expect("there is room");
    for seq in [1, 2, 3, 6, 10, 15, 79, 143, 208, 700, all.len()] {
        let hits = db.search(&word(author.id, &format!("w{seq}x")), i64::MAX, 9, None).await.expect("it can be asked").hits;
        assert_eq!(hits.iter().map(|hit| hit.seq).collect::<Vec<_>>(), [seq as i64]);
    }
}

#[apply(both)]
async fn nonces_are_known_again_however_many_are_asked_for(db: &Store) {
    let (ada, bob, general) = (db.author("ada").await, db.author("bob").await, db.general().await);
    let said =
        (1..=LARGEST_BATCH as i64).map(|seq| Message { nonce: Some(format!("n{seq}")), ..line(&ada, seq, "words".into()) });
    db.write(general, said.collect()).await.expect("nothing is wrong with it");
    for count in [0, 1, 2, 3, 64, 65, LARGEST_BATCH as i64] {
        // Half of them are another's, who used none.
        let nonces: BTreeSet<_> =
            (1..=count).map(|nth| (if nth % 2 == 0 { ada.id } else { bob.id }, format!("n{nth}"))).collect();
        let wanted = SnapshotKeys { pairs: BTreeSet::from([(general, ada.id)]), nonces, ..SnapshotKeys::default() };
        let known = db.commit_batch(&wanted, |known| (format!("{:?}", known.nonces), known, Writes::default())).await;
        let expected: Vec<_> =
            (1..=count).filter(|nth| nth % 2 == 0).map(|nth| ((ada.id, format!("n{nth}")), (general, nth))).collect();
        let expected: std::collections::BTreeMap<_, _> = expected.into_iter().collect();
        assert_eq!(known.expect("it can be asked"), format!("{expected:?}"));
    }
}
