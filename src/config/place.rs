//! Where backups are: a file, a directory, or object storage.
//!
//! Owns how such a place is written. It must not read or write there.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::addresses::{FilesUrl, files_url};

/// How the names of archives end. In object storage, what ends like this is an archive, and anything else a prefix.
pub const ARCHIVE: &str = ".tar.gz";

/// Where an archive goes to, or comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, or a directory.
    Path(PathBuf),
    /// Object storage.
    S3 {
        /// The bucket.
        bucket: String,
        /// What the names of all objects there begin with.
        prefix: String,
        /// The object; without one, a dated one.
        name: Option<String>,
    },
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be a file, a directory, or s3://BUCKET/PREFIX".to_owned();
        match text.split_once("://") {
            None if text.is_empty() => Err(wrong()),
            None => Ok(Self::Path(text.into())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::Path(path.into())),
            Some(("s3", _)) => {
                let Ok(FilesUrl::S3 { bucket, prefix }) = files_url(text) else { return Err(wrong()) };
                let (above, last) = prefix.rsplit_once('/').unwrap_or(("", &prefix));
                Ok(if last.ends_with(ARCHIVE) {
                    Self::S3 { bucket, prefix: above.to_owned(), name: Some(last.to_owned()) }
                } else {
                    Self::S3 { bucket, prefix, name: None }
                })
            }
            Some(_) => Err(wrong()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix, name } => {
                let parts = [Some(bucket), Some(prefix).filter(|prefix| !prefix.is_empty()), name.as_ref()];
                write!(f, "s3://{}", parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/"))
            }
        }
    }
}

/// Where the server's own backups go: a directory, or a prefix in object storage, where they have dated names.
pub(super) fn backup_to(text: &str) -> Result<Place, String> {
    let wrong = || "must be the path of a directory, such as /var/backups/parlor, or s3://BUCKET/PREFIX".to_owned();
    if !text.contains("://") && !text.starts_with(['/', '.']) {
        return Err(wrong());
    }
    match text.parse::<Place>().map_err(|_| wrong())? {
        place @ (Place::Path(_) | Place::S3 { name: None, .. }) => Ok(place),
        Place::S3 { .. } => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_or_a_bucket() {
        assert_eq!("backups/".parse(), Ok(Place::Path("backups/".into())));
        assert_eq!("file:///srv/x.tar.gz".parse(), Ok(Place::Path("/srv/x.tar.gz".into())));
        for (text, prefix, name) in [
            ("s3://b", "", None),
            ("s3://b/old/parlor", "old/parlor", None),
            ("s3://b/x.tar.gz", "", Some("x.tar.gz")),
            ("s3://b/old/x.tar.gz", "old", Some("x.tar.gz")),
        ] {
            let place = Place::S3 { bucket: "b".into(), prefix: prefix.into(), name: name.map(Into::into) };
            assert_eq!(text.parse(), Ok(place.clone()));
            assert_eq!(place.to_string(), text);
        }
        for wrong in ["", "s3://", "https://example.com/x", "file://"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
