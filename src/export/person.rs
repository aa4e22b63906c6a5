//! What only a person's own export has: what is stored about them besides their messages.
//!
//! Owns the file `person.json`. Lists are written as they are read, so that memory does not depend on their length.

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use serde::Serialize;

use super::ExportError;
use super::folder::{Folder, Output};
use crate::db::export::Reader;
use crate::model::UserId;

/// The name of the file.
pub const PERSON: &str = "person.json";

/// Writes it.
pub async fn write(reader: &mut Reader, folder: &Folder, person: UserId) -> Result<(), ExportError> {
    let mut out = folder.file(PERSON).await?;
    let account = reader.account(person).try_next().await?;
    out.write(b"{\n\"account\": ").await?;
    out.write(&serde_json::to_vec(&account)?).await?;
    macro_rules! lists {
        ($($name:ident),*) => { $(list(&mut out, stringify!($name), reader.$name(person)).await?;)* };
    }
    lists!(
        sessions,
        memberships,
        room_bans,
        drafts,
        reactions,
        pins,
        replied_to,
        uploads,
        blocks,
        reports,
        invites,
        identities,
        passkeys,
        reminders,
        notifications,
        mails,
        devices,
        tokens,
        bots,
        feeds,
        hooks,
        pending_emails,
        origins,
        audit
    );
    out.write(b"\n}\n").await?;
    out.finish().await
}

/// Writes a list, an element a line.
async fn list<T: Serialize>(out: &mut Output, name: &str, mut rows: BoxStream<'_, sqlx::Result<T>>) -> Result<(), ExportError> {
    out.write(format!(",\n\"{name}\": [").as_bytes()).await?;
    let mut comma = "\n  ";
    while let Some(row) = rows.try_next().await? {
        out.write(comma.as_bytes()).await?;
        out.write(&serde_json::to_vec(&row)?).await?;
        comma = ",\n  ";
    }
    out.write(b"]").await
}
