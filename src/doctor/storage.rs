//! The storage of files: an object is written, read and deleted.

use std::io::Write;

use futures_util::TryStreamExt;
use object_store::path::Path;

use super::Finding;
use crate::config::{Config, FilesUrl};
use crate::encoding::random_hex;
use crate::files::storage::{Storage, StorageError};

const CHECK: &str = "storage";
/// What is written.
const PROBE: &[u8] = b"a probe of parlor doctor";

/// Whether files can be stored and read.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let Some(url) = &config.files_url else {
        return vec![Finding::warning(CHECK, "off: nobody can send files", "Set FILES_URL to s3://BUCKET.")];
    };
    if let FilesUrl::Directory(folder) = url
        && !folder.exists()
    {
        return vec![Finding::ok(CHECK, format!("{} is made at the first start", folder.display()))];
    }
    let advice = match url {
        FilesUrl::Directory(_) => "Parlor’s user must be able to read and write the directory of FILES_URL.",
        FilesUrl::S3 { .. } => {
            "Check FILES_URL, AWS_ENDPOINT_URL, AWS_REGION and the keys, and that they may write, read and delete in the bucket."
        }
    };
    match probe(url, config).await {
        Ok(()) => vec![Finding::ok(CHECK, "a file can be written, read and deleted")],
        Err(why) => vec![Finding::failed(CHECK, why, advice)],
    }
}

async fn probe(url: &FilesUrl, config: &Config) -> Result<(), String> {
    let storage = Storage::open(url, config)?;
    let key = Path::from_iter(["probes", &random_hex()]);
    let failed = |step: &'static str| move |error: StorageError| format!("a file cannot be {step}: {}", error.in_short());
    let mut file = storage.temporary_file().map_err(|error| format!("no temporary file can be made: {error}"))?;
    file.write_all(PROBE).map_err(|error| format!("no temporary file can be written: {error}"))?;
    storage.put(&key, file.path(), PROBE.len() as u64).await.map_err(failed("written"))?;
    let read = async {
        let pieces = storage.read(&key, None).await.map_err(failed("read"))?;
        pieces.map_ok(|piece| piece.to_vec()).try_concat().await.map_err(|_| "a file cannot be read".to_owned())
    };
    let read = read.await;
    storage.delete(&key).await.map_err(failed("deleted"))?;
    if read? == PROBE { Ok(()) } else { Err("what is read is not what was written".into()) }
}
