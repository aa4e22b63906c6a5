//! Reads the database of a Campfire: a SQLite file that Rails has written.
//!
//! Owns what is asked of it. It changes nothing there, and must not know what becomes of it here.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, FromRow, SqliteConnection};

use crate::clock::Millis;

/// Rows of one page.
const PAGE: i64 = 500;

/// An open database.
#[derive(Debug)]
pub struct Campfire {
    connection: SqliteConnection,
    /// Earlier versions had another column for who is still there.
    has_status: bool,
    has_bio: bool,
}

/// A person.
#[derive(Clone, Debug, FromRow)]
pub struct CampfirePerson {
    /// The id.
    pub id: i64,
    /// The name.
    pub name: String,
    /// The address, which nobody has confirmed.
    pub email: Option<String>,
    /// bcrypt's hash of the password.
    pub password: Option<String>,
    /// 0: a member, 1: an administrator, 2: a bot.
    pub role: i64,
    /// Whether they can log in.
    pub is_active: bool,
    /// What they say of themselves.
    pub bio: Option<String>,
    /// Since when they are there.
    pub created_at: Millis,
    /// The key of their picture.
    pub photo: Option<String>,
}

/// A room.
#[derive(Clone, Debug, FromRow)]
pub struct CampfireRoom {
    /// The id.
    pub id: i64,
    /// The name; none for direct messages.
    pub name: Option<String>,
    /// `Rooms::Open`, `Rooms::Closed` or `Rooms::Direct`.
    pub kind: String,
    /// Who made it.
    pub creator: i64,
    /// When.
    pub created_at: Millis,
}

/// A message.
#[derive(Clone, Debug, FromRow)]
pub struct CampfireMessage {
    /// The id.
    pub id: i64,
    /// Who wrote it.
    pub creator: i64,
    /// When.
    pub created_at: Millis,
    /// The text, as HTML.
    pub html: Option<String>,
    /// The id of the text.
    pub text: Option<i64>,
    /// When the text was last changed.
    pub text_changed_at: Option<Millis>,
    /// When the text was written.
    pub text_created_at: Option<Millis>,
}

/// A boost: up to 16 characters on a message.
#[derive(Clone, Debug, FromRow)]
pub struct CampfireBoost {
    /// The message.
    pub message: i64,
    /// Whose it is.
    pub booster: i64,
    /// What it says.
    pub content: String,
    /// When it was given.
    pub created_at: Millis,
}

/// A file of a message.
#[derive(Clone, Debug, FromRow)]
pub struct CampfireFile {
    /// The message.
    pub message: i64,
    /// Where its bytes are.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: Option<String>,
    /// Its size.
    pub bytes: i64,
}

/// A time of Rails', as milliseconds; one that cannot be read is before 1970, which is as wrong.
macro_rules! millis {
    ($column:literal) => {
        concat!(
            "coalesce(cast(strftime('%s', ",
            $column,
            ") as integer) * 1000 + cast(substr(strftime('%f', ",
            $column,
            "), 4, 3) as integer), -1)"
        )
    };
}

impl Campfire {
    /// Opens a file; `None` if it is no database of Campfire's.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn open(file: &Path) -> sqlx::Result<Option<Self>> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).disable_statement_logging();
        let mut connection = options.connect().await?;
        let tables: i64 = sqlx::query_scalar(
            "select count(*) from sqlite_schema where type = 'table' and name in ('users', 'rooms', 'memberships', 'messages', 'boosts',
                'action_text_rich_texts', 'active_storage_blobs', 'active_storage_attachments', 'accounts')",
        )
        .fetch_one(&mut connection)
        .await?;
        if tables < 9 {
            return Ok(None);
        }
        let columns: Vec<String> =
            sqlx::query_scalar("select name from pragma_table_info('users')").fetch_all(&mut connection).await?;
        let has = |name: &str| columns.iter().any(|column| column == name);
        let (has_status, has_bio) = (has("status"), has("bio"));
        if !has_status && !has("active") {
            return Ok(None);
        }
        Ok(Some(Self { connection, has_status, has_bio }))
    }

    /// When the account was set up, which tells one Campfire from another, and how many messages there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn about(&mut self) -> sqlx::Result<Option<(String, i64)>> {
        sqlx::query_as("select cast(created_at as text), (select count(*) from messages) from accounts order by id limit 1")
            .fetch_optional(&mut self.connection)
            .await
    }

    /// A page of people, after the one with this id.
    ///
    /// # Errors
    /// The database's.
    pub async fn people_after(&mut self, id: i64) -> sqlx::Result<Vec<CampfirePerson>> {
        let (active, bio) =
            (if self.has_status { "status = 0" } else { "active" }, if self.has_bio { "bio" } else { "cast(null as text)" });
        let statement = format!(
            "select users.id, users.name, email_address as email, password_digest as password, role, {active} as is_active, {bio} as bio, {} as created_at,
                    (select key from active_storage_attachments as picture join active_storage_blobs on active_storage_blobs.id = blob_id
                     where record_type = 'User' and record_id = users.id and picture.name = 'avatar' limit 1) as photo
             from users where users.id > ? order by users.id limit ?",
            millis!("users.created_at")
        );
        sqlx::query_as(AssertSqlSafe(statement)).bind(id).bind(PAGE).fetch_all(&mut self.connection).await
    }

    /// A page of rooms, after the one with this id.
    ///
    /// # Errors
    /// The database's.
    pub async fn rooms_after(&mut self, id: i64) -> sqlx::Result<Vec<CampfireRoom>> {
        const ROOMS: &str = concat!(
            "select id, name, type as kind, creator_id as creator, ",
            millis!("created_at"),
            " as created_at from rooms where id > ? order by id limit ?"
        );
        sqlx::query_as(ROOMS).bind(id).bind(PAGE).fetch_all(&mut self.connection).await
    }

    /// The members of a room, each with the time when they came.
    ///
    /// # Errors
    /// The database's.
    pub async fn members_of(&mut self, room: i64) -> sqlx::Result<Vec<(i64, Millis)>> {
        const MEMBERS: &str =
            concat!("select user_id, ", millis!("created_at"), " from memberships where room_id = ? order by user_id");
        sqlx::query_as(MEMBERS).bind(room).fetch_all(&mut self.connection).await
    }

    /// A page of the messages of a room, after the one with this id.
    ///
    /// # Errors
    /// The database's.
    pub async fn messages_after(&mut self, room: i64, id: i64) -> sqlx::Result<Vec<CampfireMessage>> {
        const MESSAGES: &str = concat!(
            "select messages.id, creator_id as creator, ",
            millis!("messages.created_at"),
            " as created_at, texts.body as html, texts.id as text, ",
            millis!("texts.updated_at"),
            " as text_changed_at, ",
            millis!("texts.created_at"),
            " as text_created_at
             from messages left join action_text_rich_texts as texts
                  on texts.record_type = 'Message' and texts.record_id = messages.id and texts.name = 'body'
             where room_id = ? and messages.id > ? order by messages.id limit ?"
        );
        sqlx::query_as(MESSAGES).bind(room).bind(id).bind(PAGE).fetch_all(&mut self.connection).await
    }

    /// How many messages are of rooms that are not there.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_lost_messages(&mut self) -> sqlx::Result<i64> {
        sqlx::query_scalar("select count(*) from messages where room_id not in (select id from rooms)")
            .fetch_one(&mut self.connection)
            .await
    }

    /// The boosts of these messages.
    ///
    /// # Errors
    /// The database's.
    pub async fn boosts_of(&mut self, messages: &[i64]) -> sqlx::Result<Vec<CampfireBoost>> {
        const BOOSTS: &str = concat!(
            "select message_id as message, booster_id as booster, content, ",
            millis!("created_at"),
            " as created_at from boosts where message_id in (select value from json_each(?)) order by created_at, id"
        );
        sqlx::query_as(BOOSTS).bind(json(messages)).fetch_all(&mut self.connection).await
    }

    /// The files of these messages, and those in their texts; one of which nothing is known has an empty key.
    ///
    /// # Errors
    /// The database's.
    pub async fn files_of(&mut self, messages: &[i64]) -> sqlx::Result<Vec<CampfireFile>> {
        sqlx::query_as(
            "select message, coalesce(key, '') as key, coalesce(filename, '') as name, content_type as media_type, coalesce(byte_size, 0) as bytes from (
                 select record_id as message, blob_id, files.id from active_storage_attachments as files
                 where record_type = 'Message' and name = 'attachment' and record_id in (select value from json_each($1))
                 union all
                 select texts.record_id, blob_id, files.id from action_text_rich_texts as texts
                 join active_storage_attachments as files on files.record_type = 'ActionText::RichText' and files.record_id = texts.id
                 where texts.record_type = 'Message' and texts.name = 'body' and texts.record_id in (select value from json_each($1)))
             as files left join active_storage_blobs as blobs on blobs.id = blob_id order by files.id",
        )
        .bind(json(messages))
        .fetch_all(&mut self.connection)
        .await
    }
}

fn json(numbers: &[i64]) -> String {
    serde_json::to_string(numbers).expect("numbers always have a JSON form")
}
