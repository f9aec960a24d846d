//! What checks a request's credentials.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use base64::{Engine as _, alphabet};
use bcrypt::HashParts;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use tokio::sync::Semaphore;

use super::remembered::Remembered;
use super::{AuthConfig, AuthError};
use crate::server::ServerError;
use crate::server::decision::{Checked, Decision};

/// The costs of a hash that can be checked in seconds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=16;

/// How many checks wait for each one that runs.
const WAITING_PER_CHECK: usize = 16;

/// How bcrypt writes salts and hashes.
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// Salt and hash of the dummy: no password is known to have it.
const DUMMY: &str = "abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde";

/// Checks credentials.
pub(in crate::server) struct Gate {
    users: BTreeMap<String, Arc<str>>,
    /// What an unknown user's password is checked against.
    dummy: Arc<str>,
    /// Hashed, so that comparing tells nothing of a token's length.
    tokens: Vec<[u8; 32]>,
    challenges: Vec<HeaderValue>,
    remembered: Arc<Remembered>,
    /// For checks that run, and for those and the ones that wait.
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Gate {
    pub(in crate::server) fn try_new(config: &AuthConfig) -> Result<Gate, ServerError> {
        if config.users.is_empty() && config.tokens.is_empty() {
            return Err(AuthError::Empty.into());
        }
        let mut most = *COSTS.start();
        for (name, hash) in &config.users {
            if name.is_empty() || name.contains(|c: char| c == ':' || c.is_control()) {
                return Err(AuthError::InvalidUser { name: name.clone() }.into());
            }
            let cost = cost(hash).ok_or_else(|| AuthError::InvalidHash { name: name.clone() })?;
            most = most.max(cost);
        }
        if let Some(index) = config.tokens.iter().position(|token| !is_token(token)) {
            return Err(AuthError::InvalidToken { index }.into());
        }
        let mut challenges = Vec::new();
        if !config.users.is_empty() {
            challenges.push(HeaderValue::from_static("Basic realm=\"metrics\", charset=\"UTF-8\""));
        }
        if !config.tokens.is_empty() {
            challenges.push(HeaderValue::from_static("Bearer realm=\"metrics\""));
        }
        let checks = config.check_limit.min(Semaphore::MAX_PERMITS / (WAITING_PER_CHECK + 1));
        Ok(Gate {
            users: config.users.iter().map(|(name, hash)| (name.clone(), Arc::from(&**hash))).collect(),
            dummy: format!("$2b${most:02}${DUMMY}").into(),
            tokens: config.tokens.iter().map(|token| Sha256::digest(token).into()).collect(),
            challenges,
            remembered: Arc::new(Remembered::new(config.memory)),
            running: Arc::new(Semaphore::new(checks)),
            admitted: Arc::new(Semaphore::new(checks * (WAITING_PER_CHECK + 1))),
        })
    }

    /// What a 401 says in `WWW-Authenticate`.
    pub(in crate::server) fn challenges(&self) -> &[HeaderValue] {
        &self.challenges
    }

    /// Whether a request with these headers is let in.
    pub(in crate::server) fn check(&self, headers: &HeaderMap) -> Checked {
        let mut all = headers.get_all(AUTHORIZATION).into_iter();
        let (Some(value), None) = (all.next(), all.next()) else { return Checked::Now(Decision::Refused) };
        // SPEC: RFC 9110, section 11.4: a scheme in any case, spaces, credentials.
        let value = value.as_bytes();
        let (scheme, rest) =
            value.split_at(value.iter().position(|&byte| byte == b' ').unwrap_or(value.len()));
        let credentials = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return Checked::Now(Decision::of(self.is_known_token(credentials)));
        }
        if !scheme.eq_ignore_ascii_case(b"basic") || self.users.is_empty() {
            return Checked::Now(Decision::Refused);
        }
        self.check_basic(credentials)
    }

    fn is_known_token(&self, token: &[u8]) -> bool {
        let token: [u8; 32] = Sha256::digest(token).into();
        let none = Choice::from(0);
        self.tokens.iter().fold(none, |found, known| found | known.ct_eq(&token)).into()
    }

    /// SPEC: RFC 7617, section 2: `base64(user ":" password)`, where the user holds no colon.
    fn check_basic(&self, credentials: &[u8]) -> Checked {
        let decoded = STANDARD.decode(credentials).unwrap_or_default();
        let Some(colon) = decoded.iter().position(|&byte| byte == b':') else {
            return Checked::Now(Decision::Refused);
        };
        let (user, password) = (String::from_utf8_lossy(&decoded[..colon]), decoded[colon + 1..].to_vec());
        let fingerprint = self.remembered.fingerprint(&user, &password);
        if let Some(right) = self.remembered.get(&fingerprint, Instant::now()) {
            return Checked::Now(Decision::of(right));
        }
        let Ok(admitted) = Arc::clone(&self.admitted).try_acquire_owned() else {
            return Checked::Now(Decision::Busy);
        };
        let known = self.users.get(&*user);
        let (is_known, hash) = (known.is_some(), Arc::clone(known.unwrap_or(&self.dummy)));
        let (running, remembered) = (Arc::clone(&self.running), Arc::clone(&self.remembered));
        Checked::Later(Box::pin(async move {
            // The semaphore is never closed.
            let Ok(run) = running.acquire_owned().await else { return Decision::Busy };
            // A request with the same credentials may have been first.
            if let Some(right) = remembered.get(&fingerprint, Instant::now()) {
                return Decision::of(right);
            }
            let checked = tokio::task::spawn_blocking(move || {
                // Held until the work is done, whether or not its request is still there.
                let _held = (run, admitted);
                let right = bcrypt::verify(password, &hash).unwrap_or(false) && is_known;
                remembered.put(fingerprint, right, Instant::now());
                right
            });
            Decision::of(checked.await.unwrap_or(false))
        }))
    }
}

/// The cost of a hash of bcrypt, where it is one that can be checked.
fn cost(hash: &str) -> Option<u32> {
    let parts: HashParts = hash.parse().ok()?;
    let (_, rest) = hash.rsplit_once('$')?;
    let (salt, digest) = rest.split_at_checked(22)?;
    let decodes = BCRYPT.decode(salt).is_ok() && BCRYPT.decode(digest).is_ok();
    Some(parts.get_cost()).filter(|cost| decodes && COSTS.contains(cost))
}

/// SPEC: RFC 6750, section 2.1: `b64token`.
fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(config: &AuthConfig) -> Result<Gate, ServerError> {
        Gate::try_new(config)
    }

    fn reason(config: &AuthConfig) -> AuthError {
        match gate(config).err() {
            Some(ServerError::Auth(error)) => error,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn credentials_that_cannot_be_checked_are_refused_at_the_start() {
        let good = bcrypt::hash("x", 4).unwrap();
        assert_eq!(reason(&AuthConfig::new()), AuthError::Empty);
        for name in ["", "a:b", "a\n"] {
            let error = reason(&AuthConfig::new().with_user(name, &good));
            assert_eq!(error, AuthError::InvalidUser { name: name.to_owned() });
        }
        let costly = good.replace("$04$", "$17$");
        for hash in ["", "secret", "$1$abc$def", &good[..59], &costly, &good.replace("$2b$04$", "$2b$04$ ")] {
            let error = reason(&AuthConfig::new().with_user("a", hash));
            assert_eq!(error, AuthError::InvalidHash { name: "a".to_owned() }, "{hash}");
            assert!(hash.is_empty() || !error.to_string().contains(hash));
        }
        for token in ["", "=", "a b", "é"] {
            let config = AuthConfig::new().with_bearer_token("fine").with_bearer_token(token);
            assert_eq!(reason(&config), AuthError::InvalidToken { index: 1 });
        }
    }

    #[test]
    fn the_dummy_takes_as_long_as_the_most_costly_hash_and_is_one() {
        let config = AuthConfig::new()
            .with_user("a", bcrypt::hash("x", 4).unwrap())
            .with_user("b", bcrypt::hash("x", 5).unwrap());
        let gate = gate(&config).unwrap();
        assert_eq!(cost(&gate.dummy), Some(5));
        assert!(!bcrypt::verify("x", &gate.dummy).unwrap());
    }
}
