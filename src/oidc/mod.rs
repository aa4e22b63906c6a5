//! The OpenID provider that people may log in with.
//!
//! Owns everything that is said to it: discovery, the address to which a browser is sent, and the exchange of a code for a verified
//! identity. It must not know accounts or sessions. What the provider answers is bounded in time and size, and nothing of it is logged:
//! it holds tokens and what is known of a person.

mod http;

use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl, LogoutRequest,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout,
    RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::config::{Config, OidcSettings};

/// How long what the provider says of itself is used.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long after a failure the provider is not asked again, so that log-ins do not queue up behind it.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long after an answer it is not asked for new keys: whoever sends wrong tokens could have it asked all the time.
const BETWEEN_KEYS: Duration = Duration::from_secs(60);
/// The longest subject (OpenID Connect Core, section 2).
const LONGEST_SUBJECT: usize = 255;

/// Why somebody's identity is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The provider does not answer, or not as a provider does.
    Unreachable,
    /// The provider refuses, or what it says cannot be believed.
    Refused,
}

/// Who somebody is, by the provider's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Their permanent name there.
    pub subject: String,
    /// The username that they prefer.
    pub username: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Their groups there.
    pub groups: Vec<String>,
}

/// All claims that are not standard ones.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct MoreClaims {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for MoreClaims {}

type Fields =
    IdTokenFields<MoreClaims, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type ProviderClient = Client<
    MoreClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider.
pub struct Provider {
    settings: OidcSettings,
    issuer: IssuerUrl,
    http: http::Http,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    metadata: Option<(Arc<ProviderMetadataWithLogout>, Instant)>,
    failed_at: Option<Instant>,
}

/// What a log-in begins with, each a secret of the browser that begins it.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// What the provider sends back with the browser.
    pub state: String,
    /// What the provider puts into the token.
    pub nonce: String,
    /// What the code is exchanged with (PKCE).
    pub verifier: String,
}

impl Provider {
    /// The provider of the settings, if there is one. It is not asked for anything yet: Parlor starts without it.
    pub fn new(config: &Config) -> Option<Self> {
        let settings = config.oidc.clone()?;
        // Checked by `config`.
        let issuer = IssuerUrl::new(settings.issuer.clone()).ok()?;
        Some(Self { settings, issuer, http: http::Http::new(), known: Mutex::default() })
    }

    /// Where a browser is sent to log in, and comes back from to `redirect`.
    ///
    /// # Errors
    /// [`Fault::Unreachable`].
    pub async fn log_in_url(&self, redirect: &str, secrets: &Secrets) -> Result<String, Fault> {
        let client = self.client(&self.metadata().await?, redirect)?;
        let verifier = PkceCodeVerifier::new(secrets.verifier.clone());
        let (state, nonce) = (secrets.state.clone(), secrets.nonce.clone());
        let request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            // `openid` is always asked for.
            .add_scopes(self.settings.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new));
        Ok(request.url().0.into())
    }

    /// Exchanges a code for an identity, which is verified.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn identify(&self, code: &str, redirect: &str, secrets: &Secrets) -> Result<Identity, Fault> {
        let mut client = self.client(&self.metadata().await?, redirect)?;
        let request =
            client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| not_a_provider("token endpoint"))?;
        let verifier = PkceCodeVerifier::new(secrets.verifier.clone());
        let tokens = request.set_pkce_verifier(verifier).request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(_) => refused("the provider does not accept the code, or this client"),
            RequestTokenError::Request(error) => error.log("exchanging a code"),
            _ => not_a_provider("answer to the exchange of a code"),
        })?;
        let id_token = tokens.id_token().ok_or_else(|| not_a_provider("answer without an ID token"))?;
        let nonce = Nonce::new(secrets.nonce.clone());
        let mut verified = id_token.claims(&client.id_token_verifier(), &nonce);
        if matches!(verified, Err(ClaimsVerificationError::SignatureVerification(_))) {
            // The provider may have new keys.
            client = self.client(&self.newer_metadata().await?, redirect)?;
            verified = id_token.claims(&client.id_token_verifier(), &nonce);
        }
        let claims = verified.map_err(|error| refused(why(&error)))?;
        if let Some(expected) = claims.access_token_hash() {
            let verifier = client.id_token_verifier();
            let alg = id_token.signing_alg().map_err(|_| refused("signature"))?;
            let key = id_token.signing_key(&verifier).map_err(|_| refused("signature"))?;
            let actual =
                AccessTokenHash::from_token(tokens.access_token(), alg, key).map_err(|_| refused("access token hash"))?;
            if actual != *expected {
                return Err(refused("access token hash"));
            }
        }
        let subject = claims.subject().clone();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT {
            return Err(refused("subject"));
        }
        let more: UserInfoClaims<MoreClaims, CoreGenderClaim> =
            match client.user_info(tokens.access_token().clone(), Some(subject.clone())) {
                Ok(request) => request.request_async(&self.http).await.map_err(|error| match error {
                    openidconnect::UserInfoError::Request(error) => error.log("asking for claims"),
                    openidconnect::UserInfoError::ClaimsVerification(_) => refused("claims of somebody else"),
                    _ => not_a_provider("answer of the userinfo endpoint"),
                })?,
                Err(_) => UserInfoClaims::new(openidconnect::StandardClaims::new(subject.clone()), MoreClaims::default()),
            };
        let username = claims.preferred_username().or(more.standard_claims().preferred_username());
        let name = claims.name().or(more.standard_claims().name());
        let groups =
            [claims.additional_claims(), more.additional_claims()].map(|claims| groups(&claims.all, &self.settings.groups_claim));
        Ok(Identity {
            issuer: self.settings.issuer.clone(),
            subject: subject.to_string(),
            username: username.map(|username| username.to_string()),
            name: name
                .and_then(|name| name.get(None).or_else(|| name.iter().next().map(|(_, name)| name)))
                .map(|name| name.to_string()),
            groups: groups.concat(),
        })
    }

    /// Where a browser is sent to log out at the provider too, if it has such a place and is known to. It is not asked for that.
    pub async fn log_out_url(&self, back_to: &str) -> Option<String> {
        let metadata = self.known.lock().await.metadata.as_ref()?.0.clone();
        let endpoint = metadata.additional_metadata().end_session_endpoint.clone()?;
        let request = LogoutRequest::from(endpoint).set_client_id(ClientId::new(self.settings.client_id.clone()));
        Some(request.set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(back_to.to_owned()).ok()?).http_get_url().into())
    }

    fn client(&self, metadata: &Arc<ProviderMetadataWithLogout>, redirect: &str) -> Result<ProviderClient, Fault> {
        let secret = self.settings.client_secret.clone().map(ClientSecret::new);
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|_| not_a_provider("redirect address"))?;
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_some_and(|methods| methods.contains(&method));
        // Without a word on it, a provider takes basic authentication (OpenID Connect Discovery, section 3).
        let is_in_body = takes(CoreClientAuthMethod::ClientSecretPost) && !takes(CoreClientAuthMethod::ClientSecretBasic);
        let client = Client::from_provider_metadata((**metadata).clone(), ClientId::new(self.settings.client_id.clone()), secret);
        let auth = if is_in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        Ok(client.set_redirect_uri(redirect).set_auth_type(auth))
    }

    /// What the provider says of itself, which is asked for when it is not known or old. While the provider is away, what is known stays
    /// in use.
    async fn metadata(&self) -> Result<Arc<ProviderMetadataWithLogout>, Fault> {
        let mut known = self.known.lock().await;
        match &known.metadata {
            Some((metadata, at)) if at.elapsed() < FRESH => Ok(metadata.clone()),
            Some((metadata, _)) => {
                let old = metadata.clone();
                Ok(self.discover(&mut known).await.unwrap_or(old))
            }
            None => self.discover(&mut known).await,
        }
    }

    async fn newer_metadata(&self) -> Result<Arc<ProviderMetadataWithLogout>, Fault> {
        let mut known = self.known.lock().await;
        match &known.metadata {
            Some((metadata, at)) if at.elapsed() < BETWEEN_KEYS => Ok(metadata.clone()),
            _ => self.discover(&mut known).await,
        }
    }

    async fn discover(&self, known: &mut Known) -> Result<Arc<ProviderMetadataWithLogout>, Fault> {
        if known.failed_at.is_some_and(|at| at.elapsed() < AFTER_FAILURE) {
            return Err(Fault::Unreachable);
        }
        // It also checks that the provider calls itself by this issuer.
        let discovered = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http).await;
        let discovered = discovered.and_then(|metadata| {
            // Browsers are sent to these, and the client's secret to the token endpoint.
            let schemes: &[&str] = if self.issuer.url().scheme() == "https" { &["https"] } else { &["http", "https"] };
            let more = metadata.additional_metadata();
            let end = more.end_session_endpoint.as_ref().map(|url| url.url().scheme());
            let token = metadata.token_endpoint().map(|url| url.url().scheme());
            let all = [Some(metadata.authorization_endpoint().url().scheme()), token, end];
            let is_good = all.into_iter().flatten().all(|scheme| schemes.contains(&scheme));
            if is_good { Ok(metadata) } else { Err(openidconnect::DiscoveryError::Other("an endpoint without https".into())) }
        });
        match discovered {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *known = Known { metadata: Some((metadata.clone(), Instant::now())), failed_at: None };
                Ok(metadata)
            }
            Err(error) => {
                known.failed_at = Some(Instant::now());
                Err(match error {
                    openidconnect::DiscoveryError::Request(error) => error.log("discovery"),
                    openidconnect::DiscoveryError::Validation(_) => {
                        not_a_provider("issuer: it calls itself by another one than OIDC_ISSUER")
                    }
                    _ => not_a_provider("answer to discovery"),
                })
            }
        }
    }
}

/// Logs what is wrong with the provider.
fn not_a_provider(what: &'static str) -> Fault {
    tracing::warn!(what, "the log-in service does not answer as an OpenID provider does");
    Fault::Unreachable
}

/// Logs why an identity is not believed.
fn refused(why: &'static str) -> Fault {
    tracing::warn!(why, "a log-in by the log-in service was refused");
    Fault::Refused
}

/// Why a token is not believed, without its words.
fn why(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "the token has expired",
        ClaimsVerificationError::InvalidAudience(_) => "the token is for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "the token is by another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "the token is for another log-in",
        ClaimsVerificationError::SignatureVerification(_) => "the token's signature is wrong",
        _ => "the token is wrong",
    }
}

/// The names in a claim that is a list of texts, or one text.
fn groups(claims: &Map<String, Value>, claim: &str) -> Vec<String> {
    match claims.get(claim) {
        Some(Value::Array(groups)) => groups.iter().filter_map(|group| group.as_str().map(Into::into)).collect(),
        Some(Value::String(group)) => vec![group.clone()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_texts() {
        let of = |value: Value| groups(json!({ "groups": value }).as_object().unwrap(), "groups");
        assert_eq!(of(json!(["a", 7, "b"])), ["a", "b"]);
        assert_eq!(of(json!("a")), ["a"]);
        assert_eq!(of(json!({ "a": true })), [""; 0]);
        assert_eq!(groups(&Map::new(), "groups"), [""; 0]);
    }
}
