//! What can be recorded: the actions, each with its name.
//!
//! Owns the one table of them, and which are about rooms or cost a stranger nothing. What becomes of an event is decided above.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Someone logged in.
    LogIn,
    /// A failed log-in: wrong username or password, or a banned user.
    LogInFailed,
    /// Someone logged out.
    LogOut,
    /// Someone registered.
    Register,
    /// An account was added at the command line.
    AddUser,
    /// Someone made a bot.
    AddBot,
    /// Someone gave one of their bots another name.
    ChangeBot,
    /// Someone deleted one of their bots.
    RemoveBot,
    /// Someone changed their password.
    ChangePassword,
    /// A signed-in user gave a wrong current password.
    PasswordCheckFailed,
    /// A user ended one of their sessions.
    EndSession,
    /// A user ended their other sessions, or an administrator all of somebody's.
    EndSessions,
    /// A link for a new password was created.
    CreateReset,
    /// A link was used to choose a new password.
    UseReset,
    /// An unknown, used or expired link for a new password.
    ResetRefused,
    /// A link that verifies an email address was sent.
    SendEmailLink,
    /// Someone verified their email address.
    ChangeEmail,
    /// Someone removed their email address.
    RemoveEmail,
    /// Someone asked for an archive of their data.
    ExportData,
    /// An unknown, used or expired link that verifies an email address.
    EmailRefused,
    /// Someone set up an authenticator app.
    AddTotp,
    /// Someone removed their authenticator app.
    RemoveTotp,
    /// Someone added a passkey.
    AddPasskey,
    /// Someone removed one of their passkeys.
    RemovePasskey,
    /// Someone got new recovery codes.
    RenewRecoveryCodes,
    /// An administrator removed somebody's second factor.
    RemoveSecondFactor,
    /// A wrong code of a second factor, after the right password.
    SecondFactorFailed,
    /// Someone confirmed in a session who they are.
    Confirm,
    /// An access token was made.
    CreateToken,
    /// An access token was revoked.
    RevokeToken,
    /// Someone linked their account to an OpenID provider.
    LinkIdentity,
    /// Someone unlinked it.
    UnlinkIdentity,
    /// Someone's role changed.
    ChangeRole,
    /// An administrator banned a user.
    Ban,
    /// An administrator lifted a ban.
    Unban,
    /// An account was deactivated, by an administrator or its person.
    Deactivate,
    /// A deactivated account was opened again.
    Reactivate,
    /// An account was deleted, by an administrator or its person.
    DeleteAccount,
    /// An administrator requested that messages of a person are deleted.
    DeleteMessages,
    /// An invitation was created.
    CreateInvite,
    /// An invitation was used.
    UseInvite,
    /// An invitation was revoked.
    RevokeInvite,
    /// A secret address of a feed was created.
    CreateFeed,
    /// One was revoked.
    RevokeFeed,
    /// A registration with an unknown, used or expired invitation.
    InviteRefused,
    /// The set-up link created an administrator.
    UseSetup,
    /// A wrong or used set-up token.
    SetupRefused,
    /// A log-in, registration or password change was refused by a rate limit.
    Throttled,
    /// A form or socket from another site was refused.
    OriginRefused,
    /// A room was created.
    CreateRoom,
    /// A room's name, topic or visibility was changed.
    ChangeRoom,
    /// Someone added a member to a room.
    AddMember,
    /// Someone removed a member from a room.
    RemoveMember,
    /// A member's role in a room changed.
    ChangeRoomRole,
    /// Someone was banned from a room.
    BanFromRoom,
    /// A ban from a room was lifted.
    UnbanFromRoom,
    /// A room was archived.
    ArchiveRoom,
    /// An archived room was restored.
    RestoreRoom,
    /// A room was deleted.
    DeleteRoom,
    /// Someone deleted a message of another author.
    DeleteMessage,
    /// An administrator changed settings.
    ChangeSettings,
    /// An incoming webhook was made.
    AddHook,
    /// An incoming webhook was revoked.
    RemoveHook,
    /// Someone reported a message.
    ReportMessage,
    /// A report was closed.
    CloseReport,
    /// An administrator had jobs tried again.
    RetryJob,
    /// An administrator deleted a job.
    DeleteJob,
    /// An administrator added a legal hold.
    AddHold,
    /// An administrator released a legal hold.
    ReleaseHold,
    /// An administrator read what a hold has kept.
    ReadHeld,
    /// An administrator added a webhook.
    AddWebhook,
    /// An administrator changed a webhook, or turned it on or off.
    ChangeWebhook,
    /// An administrator gave a webhook another secret.
    RotateWebhook,
    /// An administrator deleted a webhook.
    DeleteWebhook,
    /// An administrator had something delivered again.
    Redeliver,
    /// An administrator deleted something that was to be delivered.
    DeleteDelivery,
}

impl Action {
    /// All actions.
    pub const ALL: &'static [Self] = &[
        Self::LogIn,
        Self::LogInFailed,
        Self::LogOut,
        Self::Register,
        Self::AddUser,
        Self::AddBot,
        Self::ChangeBot,
        Self::RemoveBot,
        Self::ChangePassword,
        Self::PasswordCheckFailed,
        Self::EndSession,
        Self::EndSessions,
        Self::CreateReset,
        Self::UseReset,
        Self::ResetRefused,
        Self::SendEmailLink,
        Self::ChangeEmail,
        Self::RemoveEmail,
        Self::ExportData,
        Self::EmailRefused,
        Self::AddTotp,
        Self::RemoveTotp,
        Self::AddPasskey,
        Self::RemovePasskey,
        Self::RenewRecoveryCodes,
        Self::RemoveSecondFactor,
        Self::SecondFactorFailed,
        Self::Confirm,
        Self::CreateToken,
        Self::RevokeToken,
        Self::LinkIdentity,
        Self::UnlinkIdentity,
        Self::ChangeRole,
        Self::Ban,
        Self::Unban,
        Self::Deactivate,
        Self::Reactivate,
        Self::DeleteAccount,
        Self::DeleteMessages,
        Self::CreateInvite,
        Self::UseInvite,
        Self::RevokeInvite,
        Self::CreateFeed,
        Self::RevokeFeed,
        Self::InviteRefused,
        Self::UseSetup,
        Self::SetupRefused,
        Self::Throttled,
        Self::OriginRefused,
        Self::CreateRoom,
        Self::ChangeRoom,
        Self::AddMember,
        Self::RemoveMember,
        Self::ChangeRoomRole,
        Self::BanFromRoom,
        Self::UnbanFromRoom,
        Self::ArchiveRoom,
        Self::RestoreRoom,
        Self::DeleteRoom,
        Self::DeleteMessage,
        Self::ChangeSettings,
        Self::AddHook,
        Self::RemoveHook,
        Self::ReportMessage,
        Self::CloseReport,
        Self::RetryJob,
        Self::DeleteJob,
        Self::AddHold,
        Self::ReleaseHold,
        Self::ReadHeld,
        Self::AddWebhook,
        Self::ChangeWebhook,
        Self::RotateWebhook,
        Self::DeleteWebhook,
        Self::Redeliver,
        Self::DeleteDelivery,
    ];

    /// Its name in the log and in the audit log: what it is about, and what was done.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogIn => "user.login",
            Self::LogInFailed => "user.login_failed",
            Self::LogOut => "user.logout",
            Self::Register => "user.register",
            Self::AddUser => "user.add",
            Self::AddBot => "bot.add",
            Self::ChangeBot => "bot.change",
            Self::RemoveBot => "bot.remove",
            Self::ChangePassword => "user.password",
            Self::PasswordCheckFailed => "user.password_check_failed",
            Self::EndSession => "user.session_end",
            Self::EndSessions => "user.sessions_end",
            Self::CreateReset => "user.reset_link",
            Self::UseReset => "user.reset",
            Self::ResetRefused => "user.reset_refused",
            Self::SendEmailLink => "user.email_link",
            Self::ChangeEmail => "user.email",
            Self::RemoveEmail => "user.email_remove",
            Self::ExportData => "user.export",
            Self::EmailRefused => "user.email_refused",
            Self::AddTotp => "user.totp_add",
            Self::RemoveTotp => "user.totp_remove",
            Self::AddPasskey => "user.passkey_add",
            Self::RemovePasskey => "user.passkey_remove",
            Self::RenewRecoveryCodes => "user.recovery_codes",
            Self::RemoveSecondFactor => "user.second_factor_remove",
            Self::SecondFactorFailed => "user.second_factor_failed",
            Self::Confirm => "user.confirm",
            Self::CreateToken => "token.create",
            Self::RevokeToken => "token.revoke",
            Self::LinkIdentity => "user.link",
            Self::UnlinkIdentity => "user.unlink",
            Self::ChangeRole => "user.role",
            Self::Ban => "user.ban",
            Self::Unban => "user.unban",
            Self::Deactivate => "user.deactivate",
            Self::Reactivate => "user.reactivate",
            Self::DeleteAccount => "user.delete",
            Self::DeleteMessages => "user.delete_messages",
            Self::CreateInvite => "invite.create",
            Self::UseInvite => "invite.use",
            Self::RevokeInvite => "invite.revoke",
            Self::CreateFeed => "feed.create",
            Self::RevokeFeed => "feed.revoke",
            Self::InviteRefused => "invite.refused",
            Self::UseSetup => "setup.use",
            Self::SetupRefused => "setup.refused",
            Self::Throttled => "request.throttled",
            Self::OriginRefused => "request.origin_refused",
            Self::CreateRoom => "room.create",
            Self::ChangeRoom => "room.settings",
            Self::AddMember => "room.member_add",
            Self::RemoveMember => "room.member_remove",
            Self::ChangeRoomRole => "room.role",
            Self::BanFromRoom => "room.ban",
            Self::UnbanFromRoom => "room.unban",
            Self::ArchiveRoom => "room.archive",
            Self::RestoreRoom => "room.unarchive",
            Self::DeleteRoom => "room.delete",
            Self::DeleteMessage => "message.delete",
            Self::ChangeSettings => "settings.change",
            Self::AddHook => "room.hook_add",
            Self::RemoveHook => "room.hook_remove",
            Self::ReportMessage => "message.report",
            Self::CloseReport => "report.close",
            Self::RetryJob => "job.retry",
            Self::DeleteJob => "job.delete",
            Self::AddHold => "hold.add",
            Self::ReleaseHold => "hold.release",
            Self::ReadHeld => "hold.read",
            Self::AddWebhook => "webhook.add",
            Self::ChangeWebhook => "webhook.change",
            Self::RotateWebhook => "webhook.secret",
            Self::DeleteWebhook => "webhook.delete",
            Self::Redeliver => "delivery.retry",
            Self::DeleteDelivery => "delivery.delete",
        }
    }

    /// Whether it is about a room or a message, whose address has words of the room's name in it.
    pub(super) const fn is_about_room(self) -> bool {
        matches!(
            self,
            Self::CreateRoom
                | Self::ChangeRoom
                | Self::AddMember
                | Self::RemoveMember
                | Self::ChangeRoomRole
                | Self::BanFromRoom
                | Self::UnbanFromRoom
                | Self::ArchiveRoom
                | Self::RestoreRoom
                | Self::DeleteRoom
                | Self::DeleteMessage
                | Self::AddHook
                | Self::RemoveHook
                | Self::ReportMessage
                | Self::CloseReport
        )
    }

    /// Whether a stranger can trigger it without a password hash, that is, as fast as requests.
    pub(super) const fn costs_nothing(self) -> bool {
        matches!(
            self,
            Self::Throttled
                | Self::InviteRefused
                | Self::SetupRefused
                | Self::OriginRefused
                | Self::ResetRefused
                | Self::EmailRefused
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own() {
        let names: HashSet<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        let is_name = |name: &str| {
            name.split('.').count() == 2 && name.bytes().all(|sign| b"._".contains(&sign) || sign.is_ascii_lowercase())
        };
        assert!(names.iter().all(|name| is_name(name)), "{names:?}");
    }
}
