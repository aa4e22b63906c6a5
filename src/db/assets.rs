//! Statements on the static files of the versions that run on this Postgres, or ran recently.

use super::open::Postgres;

/// A file to store: its name, its content type, and its content.
pub type NewAsset<'a> = (String, &'a str, &'a [u8]);

/// How many versions are kept.
const VERSIONS: i64 = 5;
/// For how long a version is kept that no node uses, in milliseconds.
const UNUSED_MS: i64 = 30 * 24 * 60 * 60 * 1000;

impl Postgres {
    /// Notes that a version is used now; `false` if its files are not stored.
    pub async fn use_assets(&self, version: &str) -> sqlx::Result<bool> {
        let noted = sqlx::query(
            "update asset_versions set used_at = (extract(epoch from clock_timestamp()) * 1000)::bigint where version = $1",
        );
        noted.bind(version).execute(&self.write).await.map(|done| done.rows_affected() > 0)
    }

    /// Stores the files of a version that is used now. Deletes the versions that no node has used for 30 days, and all but the latest five.
    pub async fn store_assets(&self, version: &str, files: Vec<NewAsset<'_>>) -> sqlx::Result<()> {
        let (mut names, mut kinds, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        for (name, kind, body) in files {
            names.push(name);
            kinds.push(kind);
            bodies.push(body);
        }
        sqlx::query(
            "with clock as (select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms),
                  this as (insert into asset_versions (version, used_at) select $1, ms from clock
                           on conflict (version) do update set used_at = excluded.used_at),
                  kept as (select version from asset_versions, clock
                           where version <> $1 and used_at > ms - $5 order by used_at desc limit $6 - 1),
                  old as (delete from asset_versions where version <> $1 and version not in (select version from kept))
             insert into assets (version, name, kind, body)
             select $1, name, kind, body from unnest($2::text[], $3::text[], $4::bytea[]) as file (name, kind, body)
             on conflict do nothing",
        )
        .bind(version)
        .bind(names)
        .bind(kinds)
        .bind(bodies)
        .bind(UNUSED_MS)
        .bind(VERSIONS)
        .execute(&self.write)
        .await
        .map(drop)
    }

    /// The names of all stored files.
    pub async fn list_assets(&self) -> sqlx::Result<Vec<String>> {
        sqlx::query_scalar("select distinct name from assets").fetch_all(&self.read).await
    }

    /// A stored file: its content type and its content.
    pub async fn find_asset(&self, name: &str) -> sqlx::Result<Option<(String, Vec<u8>)>> {
        sqlx::query_as("select kind, body from assets where name = $1 limit 1").bind(name).fetch_optional(&self.read).await
    }
}
