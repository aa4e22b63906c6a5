//! Statements on invitations.
//!
//! An invitation is stored by the hash of its token; its public id is the first digits of that hash. `users` uses it up, in the
//! transaction that stores the account. Nothing here decides who may invite.

use std::collections::HashMap;

use sqlx::{FromRow, QueryBuilder};

use super::audit::{record, rows};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::{RoomId, UserId};
use crate::security_log::Event;

/// A new invitation.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// The hash of its token.
    pub token_hash: String,
    /// Who made it; `None` for the command line.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Millis,
    /// How many people it lets in.
    pub uses: i64,
    /// What its maker noted.
    pub note: String,
    /// The role of those who use it.
    pub role: &'static str,
    /// The rooms that they become members of.
    pub rooms: Vec<RoomId>,
}

/// What a visitor's invitation is worth.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct InviteState {
    /// When it was used up or revoked.
    pub used_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    /// When it expires.
    pub expires_at: Millis,
    /// The name of the user who made it.
    pub maker: Option<String>,
    /// The username of the user who made it.
    pub maker_username: Option<String>,
    /// Whether the user who made it is banned.
    pub is_maker_banned: bool,
}

/// An invitation in a list.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct InviteRow {
    /// The hash of its token.
    pub token_hash: String,
    /// The id of its maker.
    pub maker_id: Option<UserId>,
    /// The username of its maker.
    pub maker: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Millis,
    /// How many people it lets in.
    pub uses: i64,
    /// How many have used it.
    pub used: i64,
    /// When it was used up or revoked.
    pub used_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    /// What its maker noted.
    pub note: String,
    /// The role of those who use it.
    pub role: String,
    /// Whether the user who made it is banned.
    pub is_maker_banned: bool,
}

/// Who used invitations, and the slugs of their rooms, by the hash of the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InviteDetails {
    /// Usernames and moments, in their order.
    pub uses: HashMap<String, Vec<(String, Millis)>>,
    /// Slugs.
    pub rooms: HashMap<String, Vec<String>>,
}

/// A room that a new user is invited to.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct InvitedRoom {
    /// The room.
    pub room: RoomId,
    /// Its slug.
    pub slug: String,
    /// Who invited.
    pub maker: UserId,
}

/// The columns of [`InviteRow`].
const ROW: &str = "select token_hash, created_by as maker_id, username as maker, invites.created_at, invites.expires_at,
        invites.uses, invites.used, invites.used_at, invites.revoked_at, invites.note, invites.role,
        banned_at is not null as is_maker_banned
     from invites left join users on users.id = created_by";

impl Db {
    /// Stores an invitation.
    pub async fn insert_invite(&self, new: NewInvite, events: &[Event]) -> sqlx::Result<()> {
        let rows = rows(events);
        transaction!(self, |tx| {
            sqlx::query(
                "insert into invites (token_hash, created_by, created_at, expires_at, uses, note, role)
                 values ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&new.token_hash)
            .bind(new.created_by)
            .bind(new.created_at)
            .bind(new.expires_at)
            .bind(new.uses)
            .bind(&new.note)
            .bind(new.role)
            .execute(&mut *tx)
            .await?;
            for room in &new.rooms {
                // It may have been deleted just now.
                sqlx::query("insert into invite_rooms (token_hash, room_id) select $1, id from rooms where id = $2")
                    .bind(&new.token_hash)
                    .bind(room)
                    .execute(&mut *tx)
                    .await?;
            }
            record!(tx, rows);
        })
    }

    /// Finds an invitation by the hash of its token.
    pub async fn find_invite(&self, token_hash: &str) -> sqlx::Result<Option<InviteState>> {
        read!(self, |pool| {
            sqlx::query_as(
                "select invites.used_at, invites.revoked_at, invites.expires_at, users.name as maker, username as maker_username,
                        banned_at is not null as is_maker_banned
                 from invites left join users on users.id = created_by where token_hash = $1",
            )
            .bind(token_hash)
            .fetch_optional(pool)
            .await
        })
    }

    /// Finds an invitation by its public id.
    pub async fn find_invite_by_id(&self, id: &str) -> sqlx::Result<Option<InviteRow>> {
        let id = id.to_owned();
        read!(self, |pool| {
            let mut query = QueryBuilder::new(ROW);
            query.push(" where substr(token_hash, 1, 16) = ").push_bind(id);
            query.build_query_as().fetch_optional(pool).await
        })
    }

    /// Up to `limit` invitations, newest first, of one maker or of all, beginning after `(created_at, token_hash)`.
    pub async fn list_invites(
        &self,
        maker: Option<UserId>,
        after: Option<&(Millis, String)>,
        limit: i64,
    ) -> sqlx::Result<Vec<InviteRow>> {
        let (before, hash) = after.map_or((Millis(i64::MAX), String::new()), |(at, hash)| (*at, hash.clone()));
        read!(self, |pool| {
            let mut query = QueryBuilder::new(ROW);
            query.push(" where (invites.created_at, token_hash) < (").push_bind(before);
            query.push(", ").push_bind(hash).push(")");
            if let Some(maker) = maker {
                query.push(" and created_by = ").push_bind(maker);
            }
            query.push(" order by invites.created_at desc, token_hash desc limit ").push_bind(limit);
            query.build_query_as().fetch_all(pool).await
        })
    }

    /// Who used these invitations, and their rooms.
    pub async fn invite_details(&self, hashes: &[&str]) -> sqlx::Result<InviteDetails> {
        let mut details = InviteDetails::default();
        if hashes.is_empty() {
            return Ok(details);
        }
        let hashes: Vec<String> = hashes.iter().map(|hash| (*hash).to_owned()).collect();
        type Uses = Vec<(String, String, Millis)>;
        type Slugs = Vec<(String, String)>;
        let (uses, rooms): (Uses, Slugs) = read!(self, |pool| {
            let mut uses = QueryBuilder::new(
                "select token_hash, username, at from invite_uses join users on users.id = user_id where token_hash in (",
            );
            let mut rooms = QueryBuilder::new(
                "select token_hash, slug from invite_rooms join rooms on rooms.id = room_id where token_hash in (",
            );
            for (query, order) in [(&mut uses, ") order by at, user_id"), (&mut rooms, ") order by slug")] {
                let mut list = query.separated(", ");
                for hash in &hashes {
                    list.push_bind(hash.clone());
                }
                query.push(order);
            }
            (uses.build_query_as().fetch_all(pool).await?, rooms.build_query_as().fetch_all(pool).await?)
        });
        for (hash, username, at) in uses {
            details.uses.entry(hash).or_default().push((username, at));
        }
        for (hash, slug) in rooms {
            details.rooms.entry(hash).or_default().push(slug);
        }
        Ok(details)
    }

    /// How many of a person's invitations can still be used.
    pub async fn count_open_invites(&self, maker: UserId, now: Millis) -> sqlx::Result<i64> {
        let statement = "select count(*) from invites where created_by = $1 and used_at is null and expires_at > $2";
        read!(self, |pool| sqlx::query_scalar(statement).bind(maker).bind(now).fetch_one(pool).await)
    }

    /// Revokes an invitation that is not used up; returns whether it was open.
    pub async fn revoke_invite(&self, token_hash: &str, event: &Event) -> sqlx::Result<bool> {
        let (token_hash, now, rows) = (token_hash.to_owned(), event.at, rows([event]));
        transaction!(self, |tx| {
            let statement = "update invites set used_at = $2, revoked_at = $2 where token_hash = $1 and used_at is null";
            let revoked = sqlx::query(statement).bind(&token_hash).bind(now).execute(&mut *tx).await?.rows_affected() > 0;
            if revoked {
                record!(tx, rows);
            }
            revoked
        })
    }

    /// The rooms to which a new user is invited, by somebody who still has access.
    pub async fn list_invited_rooms(&self, user: UserId) -> sqlx::Result<Vec<InvitedRoom>> {
        read!(self, |pool| sqlx::query_as(
            "select rooms.id as room, slug, users.id as maker
             from invite_uses
             join invites on invites.token_hash = invite_uses.token_hash
             join users on users.id = invites.created_by and banned_at is null
             join invite_rooms on invite_rooms.token_hash = invites.token_hash
             join rooms on rooms.id = room_id
             where user_id = $1 order by slug",
        )
        .bind(user)
        .fetch_all(pool)
        .await)
    }
}
