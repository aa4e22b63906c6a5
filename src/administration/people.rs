//! Everybody, as administrators see them.

use super::Administration;
use crate::db::overview::{AdminPerson, Standing};
use crate::error::{Error, Result};
use crate::model::pagination::{PageRequest, PeopleListPage};
use crate::permissions::{self, Actor, ServerAction};

/// Parses a filter; empty means everybody.
///
/// # Errors
/// `invalid` for `filter`.
pub fn standing(text: &str) -> Result<Option<Standing>> {
    match text {
        "" | "all" => Ok(None),
        "active" => Ok(Some(Standing::Active)),
        "banned" => Ok(Some(Standing::Banned)),
        "deactivated" => Ok(Some(Standing::Deactivated)),
        "admins" => Ok(Some(Standing::Admins)),
        "guests" => Ok(Some(Standing::Guests)),
        "bots" => Ok(Some(Standing::Bots)),
        _ => Err(Error::invalid("filter", "Filter by active, banned, deactivated, admins, guests or bots.")),
    }
}

impl Administration {
    /// A page of people by name.
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn people(
        &self,
        actor: Actor,
        request: &PageRequest,
        standing: Option<Standing>,
    ) -> Result<PeopleListPage<AdminPerson>> {
        permissions::may_administer(actor, ServerAction::SeeAdministration)?;
        let people = self.db.list_everybody(request, standing, PageRequest::LIMIT).await?;
        Ok(PeopleListPage::new(people, |person| &person.username))
    }
}
