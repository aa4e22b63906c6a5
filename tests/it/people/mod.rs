//! People: direct messages between them, their cards, how they show themselves.

mod blocks;
mod bots;
mod cards;
mod direct;
mod fixed;
mod guests;
mod missed;
mod seen;
mod settings;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::harness::{Kind, Person, TestApp};

/// Opens the conversation between somebody and these others with the form, and says its slug.
async fn open(person: &Person, users: &str) -> String {
    let place = person.post("/direct", &[("users", users)]).await.expect(303).location();
    place.strip_prefix("/rooms/").unwrap_or_else(|| panic!("not a room: {place}")).to_owned()
}

/// Takes somebody's access, as an administrator would.
async fn ban(app: &TestApp, username: &str) {
    let statement = format!("update users set banned_at = 1 where username = '{username}'");
    match app.database.kind {
        Kind::Postgres => {
            let mut connection = PgConnection::connect(app.database.url()).await.expect("Postgres answers");
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("the statement is right");
        }
        Kind::Sqlite => {
            let options = SqliteConnectOptions::new().filename(app.database.file());
            let mut connection = options.connect().await.expect("the file is there");
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("the statement is right");
        }
    }
}
