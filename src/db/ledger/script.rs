//! How the statements that every new message passes through reach SQLite: with rows as parameters, and together.
//!
//! Owns the making of their text. It must not know what they do.
//! docs/decisions/0026 says why these few do not take their rows as JSON, as all the others do.

use std::sync::OnceLock;

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, Sqlite, SqliteConnection, Type};

/// As many changes one batch has at the most: a power of two, and with eleven columns far fewer parameters than SQLite can name.
pub const LARGEST_BATCH: usize = 1 << LARGEST;
const LARGEST: usize = 9;

/// A statement of SQLite's that takes rows of parameters. Its text is made once for each power of two, and SQLite compiles each once. A batch
/// goes into the next larger one at a stroke, and the statement leaves out the rows of nulls that are too many.
pub struct Rows {
    before: &'static str,
    columns: usize,
    after: &'static str,
    texts: [OnceLock<String>; LARGEST + 1],
}

impl Rows {
    /// A statement with rows of so many `columns` between two parts of its text. It must leave out rows of nulls.
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

/// Statements that go to SQLite's thread together: handing one over costs more than most of them do there.
#[derive(Default)]
pub struct Script {
    text: String,
    values: SqliteArguments,
}

impl Script {
    /// Adds the next parameter, of what is added next.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn give<'t>(&mut self, value: impl Encode<'t, Sqlite> + Type<Sqlite>) -> sqlx::Result<&mut Self> {
        self.values.add(value).map_err(sqlx::Error::Encode)?;
        Ok(self)
    }

    /// Adds a statement, whose parameters have been given. They have no numbers: sqlx would count those from the script's beginning, and look
    /// up each by its name.
    pub fn then(&mut self, statement: &str) {
        self.text.push_str(statement);
        self.text.push(';');
    }

    /// Adds a statement for `rows`, of which there are at most [`LARGEST_BATCH`]; `add` gives the values of one.
    ///
    /// # Errors
    /// When one cannot be a parameter.
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

    /// Runs it, up to what fails.
    ///
    /// # Errors
    /// The database's.
    pub async fn run(self, db: &mut SqliteConnection) -> sqlx::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let (text, values) = self.into_parts();
        sqlx::query_with(text, values).execute(db).await.map(drop)
    }

    /// The same, for the first row that comes of it.
    ///
    /// # Errors
    /// The database's.
    pub async fn fetch_one<R>(self, db: &mut SqliteConnection) -> sqlx::Result<R>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let (text, values) = self.into_parts();
        sqlx::query_as_with(text, values).fetch_one(db).await
    }

    fn into_parts(self) -> (AssertSqlSafe<String>, SqliteArguments) {
        // Put together from texts of the program; whatever comes from outside is a parameter.
        (AssertSqlSafe(self.text), self.values)
    }
}
