//! Scripts of statements with rows as parameters, for the writes of new messages on SQLite.
//!
//! Owns how their text is built. docs/decisions/0026 says why these few statements do not take their rows as JSON.

use std::sync::OnceLock;

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, Sqlite, SqliteConnection, Type};

/// Maximum number of changes in a batch: a power of two, far below SQLite's limit on parameters with eleven columns.
pub const LARGEST_BATCH: usize = 1 << LARGEST;
const LARGEST: usize = 9;

/// A SQLite statement over rows of parameters. Its text is built once per power of two, so SQLite compiles few variants. A batch
/// is padded with rows of nulls, which the statement must ignore.
pub struct Rows {
    before: &'static str,
    columns: usize,
    after: &'static str,
    texts: [OnceLock<String>; LARGEST + 1],
}

impl Rows {
    /// A statement with rows of `columns` parameters between two parts of its text. It must ignore rows of nulls.
    pub const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        Self { before, columns, after, texts: [const { OnceLock::new() }; LARGEST + 1] }
    }

    fn text(&'static self, count: usize) -> &'static str {
        self.texts[count.ilog2() as usize].get_or_init(|| {
            let row = format!("({})", vec!["?"; self.columns].join(","));
            format!("{}{}{}", self.before, vec![row; count].join(","), self.after)
        })
    }
}

/// Several statements for one call: handing work to SQLite's thread costs more than most of them.
#[derive(Default)]
pub struct Script {
    text: String,
    values: SqliteArguments,
}

impl Script {
    /// Adds the next parameter.
    ///
    /// # Errors
    /// If the value cannot be encoded.
    pub fn give<'t>(&mut self, value: impl Encode<'t, Sqlite> + Type<Sqlite>) -> sqlx::Result<&mut Self> {
        self.values.add(value).map_err(sqlx::Error::Encode)?;
        Ok(self)
    }

    /// Adds a statement whose parameters were added before. Parameters are unnumbered: sqlx would count numbered ones across the
    /// script, and look up each by name.
    pub fn then(&mut self, statement: &str) {
        self.text.push_str(statement);
        self.text.push(';');
    }

    /// Adds a statement for up to [`LARGEST_BATCH`] rows; `add` adds the parameters of one.
    ///
    /// # Errors
    /// If a value cannot be encoded.
    pub fn then_rows<R>(
        &mut self,
        statement: &'static Rows,
        rows: Vec<R>,
        add: impl Fn(&mut SqliteArguments, R) -> Result<(), BoxDynError>,
    ) -> sqlx::Result<()> {
        let count = rows.len().next_power_of_two();
        self.values.reserve(count * statement.columns, 0);
        let end = self.values.len() + count * statement.columns;
        rows.into_iter().try_for_each(|row| add(&mut self.values, row)).map_err(sqlx::Error::Encode)?;
        while self.values.len() < end {
            self.give(None::<i64>)?;
        }
        self.then(statement.text(count));
        Ok(())
    }

    /// Runs the script; stops at the first error.
    pub async fn run(self, db: &mut SqliteConnection) -> sqlx::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let (text, values) = self.into_parts();
        sqlx::query_with(text, values).execute(db).await.map(drop)
    }

    /// Runs the script and returns its first row.
    pub async fn fetch_one<R>(self, db: &mut SqliteConnection) -> sqlx::Result<R>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let (text, values) = self.into_parts();
        sqlx::query_as_with(text, values).fetch_one(db).await
    }

    fn into_parts(self) -> (AssertSqlSafe<String>, SqliteArguments) {
        // Built from constants; all input is passed as parameters.
        (AssertSqlSafe(self.text), self.values)
    }
}
